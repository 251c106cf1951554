"""File and directory names that are safe to create below the archive root.

Nothing in a header is trusted: text becomes part of a path only through this module.
"""

import unicodedata
from typing import Final

from app.core.errors import InvalidError

MAX_COMPONENT_BYTES: Final = 200
"""Longest file or directory name [byte, UTF-8]; leaves room for extensions below the usual 255."""

MAX_PATH_BYTES: Final = 1000
"""Longest relative path [byte, UTF-8]; leaves room for the archive root below the usual 4096."""

_SAFE_MARKS: Final = frozenset("-_.+,=@")
_EXTENSIONS: Final = frozenset(
    [
        ".fits",
        ".fit",
        ".fts",
        ".ftz",
        ".evt",
        ".pha",
        ".pi",
        ".arf",
        ".rmf",
        ".lc",
        ".uvfits",
        ".fz",
        ".gz",
        ".bz2",
        ".z",
        ".zip",
        ".xz",
    ]
)


class UnsafeNameError(InvalidError):
    """A name that must not be created in the archive."""

    title = "Unsafe name"


def is_safe(character: str) -> bool:
    """Tell whether a character of a value may stand in a name.

    Parameters
    ----------
    character
        One character.

    Returns
    -------
    bool
        True for letters, their marks and digits of any script, and for ``- _ . + , = @``.
    """
    return character in _SAFE_MARKS or unicodedata.category(character)[0] in "LMN"


def safe_text(text: str) -> str:
    """Make text of a header fit for a name.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        NFC, without blanks at the ends, and every unsafe character, slashes included, replaced
        by ``_``. It may still be empty or begin with a dot.
    """
    normal = unicodedata.normalize("NFC", text).strip()
    return "".join(character if is_safe(character) else "_" for character in normal)


def safe_start(text: str) -> str:
    """Disarm the beginning of a component: leading dots hide, leading dashes read as options.

    Parameters
    ----------
    text
        Text that begins a component.

    Returns
    -------
    str
        The same with every leading ``.`` and ``-`` replaced by ``_``.
    """
    rest = text.lstrip(".-")
    return "_" * (len(text) - len(rest)) + rest


def check_path(path: str) -> None:
    """Demand that a relative path can be created below the archive root and stays there.

    Parameters
    ----------
    path
        Components joined by slashes; a single component is a file name.

    Raises
    ------
    UnsafeNameError
        If the path is too long, or a component is empty, too long, begins with a dot, a dash or a
        blank, ends in a blank, or holds a backslash or a control character.
    """
    size_bytes = len(path.encode("utf-8", "surrogatepass"))
    if size_bytes > MAX_PATH_BYTES:
        raise UnsafeNameError(
            f"the path {path[:40]!r}… is {size_bytes} bytes long; at most {MAX_PATH_BYTES} are"
            " allowed: shorten the template or fix the header"
        )
    for component in path.split("/"):
        _check_component(component, path)


def _check_component(component: str, path: str) -> None:
    """Demand that one component is safe.

    Raises
    ------
    UnsafeNameError
        If it is not.
    """
    fault = _fault(component)
    if fault is not None:
        raise UnsafeNameError(f"the name {path!r} is not safe: {fault}; fix the template or header")


def _fault(component: str) -> str | None:
    """Say what is wrong with a component, or None."""
    size_bytes = len(component.encode("utf-8", "surrogatepass"))
    if not component:
        return "it has an empty component"
    if component[0] in ".-":
        return f"component {component!r} begins with {component[0]!r}"
    if component != component.strip():
        return f"component {component!r} begins or ends with a blank"
    if not all(is_printable(character) for character in component):
        return f"component {component!r} holds a backslash or a control character"
    if size_bytes > MAX_COMPONENT_BYTES:
        return f"a component is {size_bytes} bytes long, at most {MAX_COMPONENT_BYTES} are allowed"
    return None


def is_printable(character: str) -> bool:
    r"""Tell whether a template may put a character into a name.

    Parameters
    ----------
    character
        One character.

    Returns
    -------
    bool
        False for backslashes, control and format characters, surrogates and line ends.
    """
    return character != "\\" and (
        character == " " or unicodedata.category(character)[0] not in {"C", "Z"}
    )


def basename_of(file_name: str) -> tuple[str, str]:
    """Split a file name into the basename that names the frame, and its extension.

    pyobs and LCO cut at the first dot, because their names hold no other. Names of amateur
    cameras do: cut at the first dot, ``Light_M31_-10.0C_001.fits`` and ``…_-10.0C_002.fits``
    would be versions of one frame. So only the known extensions at the end are taken off, in any
    order and case; for names of observatories the result is the same.

    Parameters
    ----------
    file_name
        Name of a file, without directories.

    Returns
    -------
    tuple[str, str]
        Basename and extension, ``("a.b", ".fits.fz")``; together they are the name. The extension
        is empty where none is known. The basename is not checked: `check_path` does that.
    """
    basename = file_name
    while True:
        stem, dot, extension = basename.rpartition(".")
        if not stem or dot + extension.lower() not in _EXTENSIONS:
            return basename, file_name[len(basename) :]
        basename = stem


def cut_at_first_dot(file_name: str) -> tuple[str, str]:
    """Split a file name as pyobs and LCO do; only for names that hold no other dot.

    Parameters
    ----------
    file_name
        Name of a file, without directories.

    Returns
    -------
    tuple[str, str]
        What stands before the first dot, and the rest; either may be empty.
    """
    basename, dot, rest = file_name.partition(".")
    return basename, dot + rest
