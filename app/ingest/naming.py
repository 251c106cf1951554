"""Where a frame goes in the archive, and how it is called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from app.fits.models import Container, HeaderValue, Reading
from app.fits.safe_names import (
    UnsafeNameError,
    basename_of,
    check_path,
    cut_at_first_dot,
    safe_start,
    safe_text,
)
from app.fits.template import MissingKeywordError, Template, fields_of

_MAX_BASENAME = 180
"""Leaves room for extension and version below the longest component."""

PACKED_EXTENSION = ".fits.fz"
_CONTENT_TYPES = {"gz": "application/gzip", "bz2": "application/x-bzip2", "ftz": "application/gzip"}
_EXTENSIONS = {
    Container.PLAIN: ".fits",
    Container.GZIP: ".fits.gz",
    Container.BZIP2: ".fits.bz2",
}


@dataclass(frozen=True, slots=True)
class Destination:
    """The name of a frame in the archive.

    Attributes
    ----------
    folder
        Relative POSIX path below the archive root.
    basename
        Name of the frame, unique in the archive.
    extension
        What follows the basename in the file name.
    """

    folder: str
    basename: str
    extension: str

    @property
    def name(self) -> str:
        """File name as clients see it."""
        return self.basename + self.extension

    @property
    def content_type(self) -> str:
        """Media type of the file; FITS, tile-compressed or not, is ``image/fits`` (RFC 4047)."""
        return _CONTENT_TYPES.get(self.extension.rpartition(".")[2], "image/fits")

    def packed(self) -> Self:
        """Name the packed form of the same frame.

        Returns
        -------
        Destination
            With the extension of tile-compressed files.
        """
        return replace(self, extension=PACKED_EXTENSION)

    def key(self, number: int) -> str:
        """Give the storage key of a version.

        Parameters
        ----------
        number
            1 for the first version; later ones carry their number in the name.

        Returns
        -------
        str
            Relative POSIX path.
        """
        mark = "" if number == 1 else f".v{number}"
        return f"{self.folder}/{self.basename}{mark}{self.extension}"


@dataclass(frozen=True, slots=True)
class Naming:
    """The formatters of this archive.

    Attributes
    ----------
    path, name
        Templates; without the latter the name stays.
    concept_of
        Keyword -> normalised field that stands in for it.
    default_site
        Site of frames whose header names none.
    cut
        Splits a file name into basename and extension.
    name_keyword
        The card that names a frame where no template does; empty: its file name does.
    """

    path: Template
    name: Template | None
    concept_of: Mapping[str, str]
    default_site: str
    cut: Callable[[str], tuple[str, str]] = basename_of
    name_keyword: str = ""

    def destination(self, reading: Reading, filename: str) -> Destination:
        """Name a frame.

        Parameters
        ----------
        reading
            What the file says.
        filename
            As it came, without folders.

        Returns
        -------
        Destination
            Folder and name, safe below the archive root.

        Raises
        ------
        MissingKeywordError
            If a template needs a keyword that the header lacks.
        UnsafeNameError
            If no safe name can be made.
        """
        cards = merged_cards(reading)
        fields = fields_of(reading.metadata)
        fields["site"] = fields["site"] or self.default_site
        basename, extension = self.cut(filename)
        folder = self.path.render(cards, fields, concept_of=self.concept_of)
        if self.name is not None:
            basename = self.name.render(cards, fields, concept_of=self.concept_of)
        elif self.name_keyword:
            basename = self._named_by_card(cards)
        if self.name is not None or self.name_keyword:
            extension = extension or _EXTENSIONS[reading.container]
        return Destination(folder, _safe(basename), safe_text(extension).lower())

    def _named_by_card(self, cards: Mapping[str, HeaderValue]) -> str:
        """Take the name in a card, up to its first dot (PYO-50, rule 2).

        Raises
        ------
        MissingKeywordError
            If there is no such card.
        UnsafeNameError
            If it names nothing, or a folder, too.
        """
        value = cards.get(self.name_keyword)
        if value is None:
            raise MissingKeywordError(self.name_keyword, "the name of the frame")
        basename = cut_at_first_dot(str(value).strip())[0]
        if not basename or "/" in basename or "\\" in basename:
            raise UnsafeNameError(
                f"{self.name_keyword} = {str(value)[:80]!r} is no name of a frame: it must be one"
                " file name without folders; fix the header, or set a file-name formatter",
                field=self.name_keyword,
            )
        return basename


def merged_cards(reading: Reading) -> dict[str, HeaderValue]:
    """Merge the cards of the primary and the science header; those of the science HDU win.

    Parameters
    ----------
    reading
        What the file says.

    Returns
    -------
    dict
        Keyword -> value, the first of duplicate cards; undefined and commentary cards left out.
    """
    merged: dict[str, HeaderValue] = {}
    science = reading.science
    for hdu in (*((science,) if science else ()), *reading.hdus[:1]):
        for card in hdu.cards:
            if card.keyword not in {"", "COMMENT", "HISTORY"} and card.value is not None:
                merged.setdefault(card.keyword, card.value)
    return merged


def _safe(basename: str) -> str:
    """Keep a basename as it is where that is safe; else disarm it.

    Raises
    ------
    UnsafeNameError
        If that is not possible.
    """
    name = basename
    try:
        check_path(name)
        is_kept = "/" not in name
    except UnsafeNameError:
        is_kept = False
    if not is_kept:
        name = safe_start(safe_text(basename))
    if len(name.encode()) > _MAX_BASENAME:
        raise UnsafeNameError(
            f"the name {name[:40]!r}… is longer than {_MAX_BASENAME} bytes: rename the file or"
            " set a file-name formatter"
        )
    check_path(name)
    return name
