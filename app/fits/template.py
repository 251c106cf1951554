"""Path and file-name templates: ``{SITEID}/{DAY-OBS}/`` becomes ``tlv/2026-11-20``.

The language is that of pyobs (docs/admin/reference/formatters.md). A template is read once, with
errors that point at the fault, and rendered for every frame. Whatever a header says, the result
is a relative path of safe components: a slash in a value never makes a directory.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal

from app.core.errors import InvalidError
from app.fits.models import HeaderValue, Metadata
from app.fits.safe_names import (
    UnsafeNameError,
    basename_of,
    check_path,
    is_printable,
    safe_start,
)
from app.fits.template_functions import (
    FUNCTIONS,
    Call,
    MissingKeywordError,
    Placeholder,
    Source,
    UnusableValueError,
)

__all__ = [
    "FIELDS",
    "MissingKeywordError",
    "Template",
    "TemplateError",
    "TemplateKind",
    "UnsafeNameError",
    "UnusableValueError",
    "basename_of",
    "fields_of",
    "parse_template",
]

TemplateKind = Literal["path", "name"]

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "site": "site",
        "telescope": "telescope",
        "instrument": "instrument",
        "type": "observation_type",
        "filter": "filter_name",
        "object": "object_name",
        "exposure": "exposure_s",
        "date": "observed_at",
        "night": "night",
        "proposal": "proposal",
        "request": "request_id",
        "observation": "observation_id",
        "block": "block_id",
        "level": "reduction_level",
        "stage": "stage",
        "user": "user_id",
    }
)
"""Field name of the language -> attribute of `Metadata`."""

_MAX_TEMPLATE_CHARACTERS: Final = 1000
_KEYWORD: Final = re.compile(r"[A-Z0-9_.-]+( [A-Z0-9_.-]+)*")
_NO_CONCEPTS: Final[Mapping[str, str]] = MappingProxyType({})


class TemplateError(InvalidError):
    """A template that does not follow the language.

    Parameters
    ----------
    text
        The whole template.
    column
        Where the fault is, 1 for the first character.
    found
        What stands there.
    allowed
        What may stand there.
    """

    title = "Invalid template"

    def __init__(self, text: str, column: int, found: str, allowed: str) -> None:
        super().__init__(
            f"template {text[:200]!r}, column {column}: found {found}; allowed is {allowed}"
        )
        self.column = column
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read.

    Attributes
    ----------
    text
        As written.
    kind
        ``path`` for directories below the archive root, ``name`` for a file name without
        extension.
    parts
        Literal texts and placeholders, in order.
    """

    text: str
    kind: TemplateKind
    parts: tuple[str | Placeholder, ...]

    def render(
        self,
        cards: Mapping[str, HeaderValue],
        fields: Mapping[str, HeaderValue | date | datetime],
        *,
        concept_of: Mapping[str, str] = _NO_CONCEPTS,
    ) -> str:
        """Write the path or name of a frame.

        Parameters
        ----------
        cards
            Keyword, upper case and without ``HIERARCH`` -> value; None is undefined.
        fields
            Field name -> normalised value, see `fields_of`.
        concept_of
            Keyword -> name of the field that stands in where the header lacks the card.

        Returns
        -------
        str
            Safe components, joined by slashes, NFC; a single one for names.

        Raises
        ------
        MissingKeywordError
            If the frame lacks a keyword that has no default.
        UnsafeNameError
            If the result is empty, too long or would be unsafe in another way.
        UnusableValueError
            If a value is not what a function takes, such as a date.
        """
        source = Source(cards, fields, concept_of)
        written = ""
        for part in self.parts:
            if isinstance(part, str):
                written += part
            elif not written or written.endswith("/"):
                written += safe_start(part.render(source))
            else:
                written += part.render(source)
        result = unicodedata.normalize("NFC", written)
        check_path(result)
        return result


def fields_of(metadata: Metadata) -> dict[str, HeaderValue | date | datetime]:
    """Give the normalised fields of a frame by their names in the language.

    Parameters
    ----------
    metadata
        What the header says.

    Returns
    -------
    dict
        Every name of `FIELDS`; None where the header does not say it.
    """
    return {name: getattr(metadata, attribute) for name, attribute in FIELDS.items()}


def parse_template(text: str, *, kind: TemplateKind) -> Template:
    """Read a template.

    Parameters
    ----------
    text
        As an administrator writes it.
    kind
        ``path`` for directories (a slash at the end may be left out), ``name`` for a file name.

    Returns
    -------
    Template
        Ready to render.

    Raises
    ------
    TemplateError
        If the text does not follow the language, or could only give unsafe names.
    """
    if len(text) > _MAX_TEMPLATE_CHARACTERS:
        raise TemplateError(
            text,
            _MAX_TEMPLATE_CHARACTERS + 1,
            f"{len(text)} characters",
            f"at most {_MAX_TEMPLATE_CHARACTERS}",
        )
    body = text.removesuffix("/") if kind == "path" else text
    parts = tuple(_parts(body, kind))
    _check_components(body)
    return Template(text, kind, parts)


def _parts(text: str, kind: TemplateKind) -> Iterator[str | Placeholder]:
    """Cut a template into literals and placeholders."""
    start = 0
    while start < len(text):
        end = text.find("{", start)
        literal = text[start:] if end < 0 else text[start:end]
        if literal:
            _check_literal(text, start, literal, kind)
            yield literal
        if end < 0:
            return
        start = _closing(text, end) + 1
        yield _placeholder(text, end, start, kind)


def _check_literal(text: str, start: int, literal: str, kind: TemplateKind) -> None:
    """Demand that every character of a literal may stand in a name of this kind.

    Raises
    ------
    TemplateError
        At the first that may not.
    """
    for offset, character in enumerate(literal, start):
        if character == "}":
            raise TemplateError(text, offset + 1, "'}' without '{'", "a pair such as {SITEID}")
        if character == "/" and kind == "name":
            raise TemplateError(
                text, offset + 1, "'/'", "a single file name: directories belong in the path"
            )
        if not is_printable(character):
            raise TemplateError(text, offset + 1, repr(character), "printable text without '\\'")


def _closing(text: str, start: int) -> int:
    """Find the brace that closes the one at ``start``.

    Raises
    ------
    TemplateError
        If there is none before the next one opens.
    """
    end = text.find("}", start)
    again = text.find("{", start + 1)
    if end < 0 or -1 < again < end:
        raise TemplateError(
            text, start + 1, "'{' that is not closed", "{KEYWORD} or {KEYWORD|function}"
        )
    return end


def _placeholder(text: str, start: int, stop: int, kind: TemplateKind) -> Placeholder:
    """Read what stands in braces from ``start`` to ``stop``."""
    key_text, *call_texts = text[start + 1 : stop - 1].split("|")
    key = _key(text, start + 1, key_text)
    column = start + 1 + len(key_text) + 1
    calls = []
    for call_text in call_texts:
        calls.append(_call(text, column, call_text, kind))
        column += len(call_text) + 1
    return Placeholder(text[start:stop], key, tuple(calls))


def _key(text: str, offset: int, key: str) -> str:
    """Check a keyword or field name; ``HIERARCH`` in front is left out.

    Raises
    ------
    TemplateError
        If it is neither.
    """
    name = key.removeprefix("HIERARCH ")
    if name in FIELDS or _KEYWORD.fullmatch(name):
        return name
    raise TemplateError(
        text,
        offset + 1,
        repr(key) if key else "no keyword",
        "a FITS keyword in capitals, or one of " + ", ".join(FIELDS),
    )


def _call(text: str, offset: int, written: str, kind: TemplateKind) -> Call:
    """Read a function and its arguments.

    Raises
    ------
    TemplateError
        If there is no such function, or it takes other arguments.
    """
    name, *arguments = written.split(":")
    function = FUNCTIONS.get(name)
    if function is None:
        known = ", ".join(each.usage for each in FUNCTIONS.values())
        raise TemplateError(text, offset + 1, f"the function {name!r}", known)
    if not function.least <= len(arguments) <= function.most:
        raise TemplateError(text, offset + 1, repr(written), function.usage)
    allowed = function.check(tuple(arguments), kind == "path")
    if allowed is not None:
        raise TemplateError(text, offset + len(name) + 2, repr(":".join(arguments)), allowed)
    if name == "filter" and arguments:
        _key(text, offset + len(name) + 1, arguments[0])
    return Call(name, tuple(arguments))


def _check_components(text: str) -> None:
    """Demand that no component is unsafe whatever the values are.

    Raises
    ------
    TemplateError
        At the first that is empty or begins with a dot, a dash or a blank.
    """
    outline = re.sub(r"\{[^}]*\}", lambda match: "x" * len(match[0]), text)
    column = 1
    for component in outline.split("/"):
        if not component:
            raise TemplateError(
                text, column, "an empty name", "a name between slashes, and none in front"
            )
        if component[0] in ".- ":
            raise TemplateError(
                text, column, repr(component[0]), "a name that begins with none of '.', '-', blank"
            )
        column += len(component) + 1
