"""What a client wants of a list: in which form, and which columns of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request

from app.api.header_filters import keyword_of
from app.api.tables.columns import HEADER, Column
from app.api.validation import Given, GivenList, Text
from app.core.errors import InvalidError
from app.core.paging import Window

WHOLE: Final = 2**63 - 1
"""As a limit: all that match."""

_NUMBER: Final = re.compile(r"-?\d{1,19}", re.ASCII)


class Format(StrEnum):
    """The forms of a list."""

    JSON = "json"
    CSV = "csv"
    VOTABLE = "votable"
    PARQUET = "parquet"


MEDIA_TYPES: Final = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.VOTABLE: "application/x-votable+xml",
    Format.PARQUET: "application/vnd.apache.parquet",
}
"""Content types of tables."""

_ACCEPTED: Final = {
    "application/json": Format.JSON,
    "text/csv": Format.CSV,
    "application/x-votable+xml": Format.VOTABLE,
    "text/xml": Format.VOTABLE,
    "application/vnd.apache.parquet": Format.PARQUET,
}
"""What stands for a form in ``Accept``. A browser says ``text/html`` besides, and gets JSON."""


VARY: Final = {"Vary": "Accept"}
"""Header of every answer whose form ``Accept`` may choose."""


class UnknownFormatError(InvalidError):
    """A list has no such form."""

    title = "Unknown format"


class UnknownFieldError(InvalidError):
    """The items of a list have no such member."""

    title = "Unknown field"


@dataclass(frozen=True, slots=True)
class TableWish:
    """What a client wants of a list.

    Attributes
    ----------
    format
        The form.
    fields
        Names of columns, in order; None for those that the list has by itself.
    window
        The part of the list that a table has: everything, unless the request says otherwise. A
        list in JSON has pages, whose window its dialect reads.
    """

    format: Format = Format.JSON
    fields: tuple[str, ...] | None = None
    window: Window = Window(limit=WHOLE)  # noqa: RUF009  # frozen

    @property
    def is_table(self) -> bool:
        """Whether the list is wanted as a file."""
        return self.format is not Format.JSON

    @property
    def keywords(self) -> tuple[str, ...]:
        """The header cards among the fields."""
        named = (name for name in self.fields or () if name.startswith(HEADER))
        return tuple(name.removeprefix(HEADER) for name in named)

    def columns(self, known: Sequence[Column], cards: Iterable[Column] = ()) -> tuple[Column, ...]:
        """Choose columns.

        Parameters
        ----------
        known
            All that the list has.
        cards
            Those of the header cards that are wanted.

        Returns
        -------
        tuple of Column
            In the order in which they are asked for.

        Raises
        ------
        UnknownFieldError
            If the list has no such column.
        """
        if self.fields is None:
            return tuple(column for column in known if column.is_default)
        by_name = {column.name: column for column in (*known, *cards)}
        for name in self.fields:
            if name not in by_name:
                raise UnknownFieldError(
                    f"fields names {name[:80]!r}; allowed are"
                    f" {', '.join(column.name for column in known)}",
                    field="fields",
                )
        return tuple(by_name[name] for name in self.fields)

    def chosen(
        self, items: Iterable[Mapping[str, Any]], known: Sequence[Column]
    ) -> list[Mapping[str, Any]]:
        """Leave only the wanted members in the items of a list in JSON.

        Parameters
        ----------
        items
            As the dialect writes them; header cards are members too, those that a frame does not
            have are missing.
        known
            All columns that the list has.

        Returns
        -------
        list
            The items, whole where no fields are asked for.

        Raises
        ------
        UnknownFieldError
            If the list has no such column.
        """  # columns raises it
        if self.fields is None:
            return list(items)
        cards = [Column(f"{HEADER}{keyword}", known[0].kind) for keyword in self.keywords]
        names = [column.name for column in self.columns(known, cards)]
        return [{name: item.get(name) for name in names} for item in items]


async def table_wish(
    request: Request,
    form: Annotated[
        Given[str],
        Query(
            alias="format",
            description="`json`, or the whole list as a file: `csv`, `votable`, `parquet`. Also by"
            " `Accept`. A file has everything that matches unless `limit` or `offset` is given.",
            examples=["csv"],
        ),
    ] = None,
    fields: Annotated[
        GivenList[Text],
        Query(
            description="Only these members, in this order; separated by commas or repeated."
            " `header.KEYWORD` is a card of the header.",
            examples=["basename,observation_date,header.AIRMASS"],
        ),
    ] = [],  # noqa: B006  # FastAPI copies it
) -> TableWish:
    """Read what a client wants of a list.

    Parameters
    ----------
    request
        With ``Accept``, and with the window that its dialect checks.
    form
        ``format`` as sent; it decides before ``Accept``.
    fields
        As sent.

    Returns
    -------
    TableWish
        JSON where nothing else is asked for.

    Raises
    ------
    UnknownFormatError
        If there is no such form.
    HeaderFilterError
        If a field names no keyword.
    """  # the readers below raise them
    names = [name.strip() for text in fields for name in text.split(",") if name.strip()]
    return TableWish(
        format=_format(form) if form is not None else _accepted(request.headers.get("accept", "")),
        fields=tuple(dict.fromkeys(map(_canonical, names))) if names else None,
        window=Window(limit=_given(request, "limit") or WHOLE, offset=_given(request, "offset")),
    )


Tabular = Annotated[TableWish, Depends(table_wish)]
"""Parameter of a route: the form in which its list is wanted."""


def _format(text: str) -> Format:
    """Look a form up.

    Raises
    ------
    UnknownFormatError
        If there is none of this name.
    """
    try:
        return Format(text.strip().lower())
    except ValueError as error:
        raise UnknownFormatError(
            f"format is {text[:80]!r}; allowed are {', '.join(Format)}", field="format"
        ) from error


def _accepted(header: str) -> Format:
    """Find the form that a client likes best; of equals the more definite, then the first."""
    likings = [_liking(part) for part in header.lower().split(",")]
    if any(media_type == "text/html" for media_type, _ in likings):
        return Format.JSON
    best, found = 0.0, Format.JSON
    for media_type, weight in likings:
        if media_type in _ACCEPTED and weight > best:
            best, found = weight, _ACCEPTED[media_type]
    return found


def _liking(part: str) -> tuple[str, float]:
    """Read a member of ``Accept`` (RFC 9110, section 12.5.1)."""
    media_type, *parameters = (piece.strip() for piece in part.split(";"))
    weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    return media_type, float(weight) if re.fullmatch(r"[01](\.\d{0,3})?", weight) else 0.0


def _canonical(name: str) -> str:
    """Bring the keyword of a header card into its form."""
    if not name.lower().startswith(HEADER):
        return name
    return f"{HEADER}{keyword_of(name[len(HEADER) :], 'fields')}"


def _given(request: Request, name: str) -> int:
    """Read a bound of the window, which the dialect checks as well; 0 where it is not given."""
    text = (request.query_params.get(name) or "").strip()
    number = int(text) if _NUMBER.fullmatch(text) else 0
    return min(max(number, 0), WHOLE)
