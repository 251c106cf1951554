"""Types of parameters, with the forms that the contracts accept.

Use them as ``start: Annotated[Given[UtcDatetime], Query()] = None`` or as fields of a parameter
model. What they refuse reaches the client through `app.api.problems` with status 400.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.convertors import IntegerConvertor, register_url_convertor

T = TypeVar("T")

BIGINT_MAX = 2**63 - 1
"""Largest integer of the database."""

_DAY = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
# A plus sign that a client did not escape arrives as a blank.
_ZONE = r" ?Z|[+\- ]\d{2}(?::?[0-5]\d)?"
_DATETIME = re.compile(rf"({_DAY})(?:[T ]({_TIME})({_ZONE})?)?", re.ASCII | re.IGNORECASE)
_DATE = re.compile(rf"{_DAY}|\d{{8}}", re.ASCII)


_BAD_DATETIME = ("datetime_parsing", "Enter a valid date/time.")
_BAD_DATE = ("date_parsing", "Enter a valid date.")


def _without_blanks(value: object) -> object:
    """Drop empty members of a repeated parameter: an empty value is not given."""
    if not isinstance(value, list):
        return value
    return [item for item in value if _none_if_empty(item) is not None]


def _none_if_empty(value: object) -> object:
    """Take an empty value for one that is not given."""
    return None if isinstance(value, str) and not value.strip() else value


def _stripped(value: object) -> object:
    """Drop blanks around text."""
    return value.strip() if isinstance(value, str) else value


def _moment(value: object) -> object:
    """Read a moment in any of the accepted forms; digits below a microsecond are cut.

    Raises
    ------
    PydanticCustomError
        If it has none of these forms or is no moment of the calendar.
    """
    if not isinstance(value, str):
        return value
    match = _DATETIME.fullmatch(value.strip())
    if match is None:
        raise PydanticCustomError(*_BAD_DATETIME)
    day, time, zone = match.groups(default="")
    zone = zone.upper().replace(" Z", "Z").replace(" ", "+")
    try:
        return datetime.fromisoformat(f"{day}T{time or '00:00'}{zone}")
    except ValueError as error:
        raise PydanticCustomError(*_BAD_DATETIME) from error


def _to_utc(value: datetime) -> datetime:
    """Turn any zone into UTC; no zone means UTC.

    Raises
    ------
    PydanticCustomError
        If the offset leads out of the years 1 to 9999.
    """
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:  # the year 0 or 10000, once the offset is applied
        raise PydanticCustomError(*_BAD_DATETIME) from error


def _day(value: object) -> object:
    """Read a day, ``YYYY-MM-DD`` or ``YYYYMMDD``.

    Raises
    ------
    PydanticCustomError
        If it is no such day.
    """
    if not isinstance(value, str):
        return value
    match = _DATE.fullmatch(value.strip())
    if match is None:
        raise PydanticCustomError(*_BAD_DATE)
    try:
        return date.fromisoformat(match[0])
    except ValueError as error:
        raise PydanticCustomError(*_BAD_DATE) from error


def _without_null(value: str) -> str:
    """Refuse what PostgreSQL cannot keep: the null character, and halves of surrogate pairs.

    Raises
    ------
    PydanticCustomError
        If the text holds one.
    """
    if "\0" in value:
        raise PydanticCustomError("null_character", "Null characters are not allowed.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("string_unicode", "Not a valid string.") from error
    return value


Given = Annotated[T | None, BeforeValidator(_none_if_empty)]
"""A parameter that may be absent; an empty value counts as absent, None."""

GivenList = Annotated[list[T], BeforeValidator(_without_blanks)]
"""A parameter that may be repeated; empty values are dropped."""

UtcDatetime = Annotated[
    datetime,
    BeforeValidator(_moment),
    AfterValidator(_to_utc),
    WithJsonSchema(
        {
            "type": "string",
            "description": "ISO 8601: a date, or a date and a time after T or a blank, with or"
            " without seconds and a fraction, with Z, an offset or (UTC) without.",
            "examples": ["2026-11-20T18:30:00Z", "2026-11-20 18:30", "2026-11-20"],
        }
    ),
]
"""A moment, aware, UTC, years 1 to 9999. Contract: shared model, "Times"."""

DateParam = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "examples": ["2026-11-20", "20261120"]}),
]
"""A day, ``YYYY-MM-DD`` or ``YYYYMMDD``."""

LaxBool = Annotated[bool, BeforeValidator(_stripped)]
"""``true``, ``True``, ``1``, ``yes`` and the like."""

Number = Annotated[float, BeforeValidator(_stripped), Field(allow_inf_nan=False)]
"""A finite number."""

Declination = Annotated[float, Field(ge=-90, le=90), BeforeValidator(_stripped)]
"""A declination [deg]."""

Radius = Annotated[float, Field(ge=0, le=10800), BeforeValidator(_stripped)]
"""The radius of a cone [arcmin]."""

BigInt = Annotated[int, Field(ge=-BIGINT_MAX - 1, le=BIGINT_MAX), BeforeValidator(_stripped)]
"""An integer that the database can hold."""

RowId = Annotated[int, Field(ge=1, le=BIGINT_MAX)]
"""The number of a row; ``{frame_id:row_id}`` in a path."""


class _RowIdConvertor(IntegerConvertor):
    """Digits that may be a `RowId`: Python refuses to make a number of thousands of them."""

    regex = "[0-9]{1,19}"


register_url_convertor("row_id", _RowIdConvertor())

Text = Annotated[str, AfterValidator(_without_null)]
"""Text that the database can hold."""
