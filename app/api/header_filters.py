"""Filters on any header card, ``header.KEYWORD`` and ``header.KEYWORD__lt``, for every list.

The forms are those of Django's lookups, which users of both upstream archives know.
"""

import math
import re
from typing import Annotated, Final

from fastapi import Depends, Query, Request

from app.api.validation import Given
from app.core.errors import InvalidError
from app.frames.header_filters import HeaderFilter, HeaderTest, Operand

PREFIX: Final = "header."
MAX_FILTERS: Final = 20
"""Most filters in one request; each is a search of its own."""
MAX_OPERANDS: Final = 500
"""Most values of one ``__in``."""

_KEYWORD: Final = re.compile(r"[!-~](?:[ -~]{0,78}[!-~])?", re.ASCII)
_TESTS: Final = {test.value: test for test in HeaderTest}
_PARTS: Final = {HeaderTest.CONTAINS, HeaderTest.CONTAINS_ANY_CASE, HeaderTest.STARTS_WITH}
_ISO: Final = re.compile(r"\d{4}-\d{2}(?:-\d{2}(?:[T ]\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?)?)?Z?")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d{1,4})?", re.ASCII)
_FLAGS: Final = {"T": True, "true": True, "True": True, "F": False, "false": False, "False": False}
_YES: Final = {"true": True, "t": True, "1": True, "yes": True}
_NO: Final = {"false": False, "f": False, "0": False, "no": False}

DESCRIPTION: Final = (
    "Any card of the header, `KEYWORD` being its keyword in any case: `header.AIRMASS__lt=1.5`,"
    " `header.INSFILTE=V`, `header.ESO DET DIT__range=1,5`. The header is that of the newest"
    " version, the science HDU over the primary one. After the keyword may stand `__lt`, `__lte`,"
    " `__gt`, `__gte`, `__ne`, `__in=a,b`, `__range=a,b`, `__contains`, `__icontains`,"
    " `__startswith` or `__isnull=true`; several filters must all hold. Numbers compare with"
    " numbers, text with text, `T` and `F` with logical values, and dates as ISO text."
)


class HeaderFilterError(InvalidError):
    """A filter on a header card that cannot be understood."""

    title = "Bad header filter"


async def header_filters(
    request: Request,
    _: Annotated[
        Given[str],
        Query(alias="header.KEYWORD", description=DESCRIPTION, examples=["1.5"]),
    ] = None,
) -> tuple[HeaderFilter, ...]:
    """Read all filters on header cards.

    Parameters
    ----------
    request
        Its query string; empty values are not given.

    Returns
    -------
    tuple of HeaderFilter
        All must hold.

    Raises
    ------
    HeaderFilterError
        If one cannot be understood, or there are too many.
    """
    given = [
        (name, value.strip())
        for name, value in request.query_params.multi_items()
        if name.startswith(PREFIX) and value.strip()
    ]
    if len(given) > MAX_FILTERS:
        raise HeaderFilterError(
            f"{len(given)} filters on header cards; allowed are {MAX_FILTERS}",
            field=given[MAX_FILTERS][0],
        )
    return tuple(parse_header_filter(name, value) for name, value in given)


HeaderFilters = Annotated[tuple[HeaderFilter, ...], Depends(header_filters)]
"""Parameter of a route: the filters on header cards."""


def parse_header_filter(name: str, value: str) -> HeaderFilter:
    """Read one filter.

    Parameters
    ----------
    name
        ``header.AIRMASS__lt``.
    value
        ``1.5``.

    Returns
    -------
    HeaderFilter
        What it asks for.

    Raises
    ------
    HeaderFilterError
        If the name is none of a filter, or the value none that the test can use.
    """  # the readers below raise it
    stem, _, suffix = name.removeprefix(PREFIX).rpartition("__")
    if suffix in _TESTS and stem:
        test = _TESTS[suffix]
    elif stem and suffix.isalpha() and suffix.islower():
        raise HeaderFilterError(
            f"{_cut(name)} asks for {suffix[:40]!r}; allowed are __{', __'.join(_TESTS)}",
            field=name,
        )
    else:
        test, stem = HeaderTest.EQUAL, name.removeprefix(PREFIX)
    return HeaderFilter(keyword_of(stem, name), test, _operands(name, test, value))


def keyword_of(text: str, name: str) -> str:
    """Read a keyword.

    Parameters
    ----------
    text
        In any case, with or without ``HIERARCH``.
    name
        Of the parameter, for the message.

    Returns
    -------
    str
        As the archive keeps it.

    Raises
    ------
    HeaderFilterError
        If no card can have it.
    """
    keyword = text.strip().upper().removeprefix("HIERARCH ").strip()
    if not _KEYWORD.fullmatch(keyword):
        raise HeaderFilterError(
            f"{_cut(name)} names no keyword; allowed are printable ASCII characters, 80 at most",
            field=name,
        )
    return keyword


def _operands(name: str, test: HeaderTest, value: str) -> tuple[Operand, ...]:
    """Read the values of a filter.

    Raises
    ------
    HeaderFilterError
        If the test cannot use them.
    """
    match test:
        case HeaderTest.EQUAL | HeaderTest.NOT_EQUAL:
            return (_operand(value),)
        case HeaderTest.IN:
            return _members(name, value)
        case HeaderTest.RANGE:
            return _range(name, value)
        case HeaderTest.IS_NULL:
            return (_yes_or_no(name, value),)
        case _ if test in _PARTS:
            return (Operand(value),)
        case _:
            return (_ordered(name, value),)


def _operand(text: str) -> Operand:
    return Operand(text, number=_number(text), flag=_FLAGS.get(text))


def _number(text: str) -> float | None:
    """Read a number as FITS writes it, with D for E too; None for what is none."""
    if len(text) > 400 or not _NUMBER.fullmatch(text):
        return None
    number = float(text.upper().replace("D", "E"))
    return number if math.isfinite(number) else None


def _members(name: str, value: str) -> tuple[Operand, ...]:
    """Read the values of ``__in``.

    Raises
    ------
    HeaderFilterError
        If there are none, or too many.
    """
    members = [member.strip() for member in value.split(",") if member.strip()]
    if 0 < len(members) <= MAX_OPERANDS:
        return tuple(map(_operand, members))
    allowed = f"1 to {MAX_OPERANDS} values, separated by commas"
    raise HeaderFilterError(_told(name, value, allowed), field=name)


def _range(name: str, value: str) -> tuple[Operand, ...]:
    """Read the bounds of ``__range``.

    Raises
    ------
    HeaderFilterError
        If they are not two of one type.
    """
    bounds = [_ordered(name, bound.strip()) for bound in value.split(",")]
    if len(bounds) == 2 and len({bound.number is None for bound in bounds}) == 1:
        return tuple(bounds)
    raise HeaderFilterError(
        _told(name, value, "two numbers or two ISO dates, separated by a comma"), field=name
    )


def _ordered(name: str, value: str) -> Operand:
    """Read a value that has an order.

    Raises
    ------
    HeaderFilterError
        If it has none.
    """
    number = _number(value)
    if number is not None or _ISO.fullmatch(value):
        return Operand(value, number=number)
    raise HeaderFilterError(
        _told(name, value, "a number, or a date such as 2026-11-20 or 2026-11-20T03:04:05"),
        field=name,
    )


def _yes_or_no(name: str, value: str) -> Operand:
    """Read the value of ``__isnull``.

    Raises
    ------
    HeaderFilterError
        If it is neither yes nor no.
    """
    wish = (_YES | _NO).get(value.lower())
    if wish is None:
        raise HeaderFilterError(_told(name, value, "true or false"), field=name)
    return Operand(value, flag=wish)


def _told(name: str, value: str, allowed: str) -> str:
    return f"{_cut(name)} is {value[:80]!r}; allowed is {allowed}"


def _cut(name: str) -> str:
    return name[:120]
