"""Cursors: places in a list as opaque text in a URL (ARC-24)."""

import base64
import json
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict

from app.api.validation import Given
from app.frames.places import InvalidPlaceError, Place

_MOMENT, _DAY = "t", "d"


class CursorIn(BaseModel):
    """How a list is cut into pages."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pagination_style: Given[str] = None
    """`cursor`: pages that neither repeat nor skip frames while others arrive; the answer has
    `next`, `previous` and `results`, and no count. Anything else: by offset."""
    cursor: Given[str] = None
    """Place in the list, from a link `next` or `previous`; only with `pagination_style=cursor`."""


async def cursor_wish(wish: Annotated[CursorIn, Query()]) -> CursorIn:
    """Read how a list is to be cut."""
    return wish


CursorWish = Annotated[CursorIn, Depends(cursor_wish)]
"""Parameter of a route: how a list is to be cut into pages."""


def wants_cursor(wish: CursorIn) -> bool:
    """Tell whether pages are to be joined by cursors.

    Parameters
    ----------
    wish
        As sent.

    Returns
    -------
    bool
        Case does not count.
    """
    return (wish.pagination_style or "").strip().lower() == "cursor"


def cursor_of(place: Place) -> str:
    """Write a place.

    Parameters
    ----------
    place
        In a list.

    Returns
    -------
    str
        Letters, digits, ``-`` and ``_``.
    """
    content = [place.backward, *map(_written, place.values)]
    text = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode("ascii").rstrip("=")


def place_of(cursor: str) -> Place:
    """Read a place.

    Parameters
    ----------
    cursor
        As sent.

    Returns
    -------
    Place
        Whether it fits a list is for the service to say.

    Raises
    ------
    InvalidPlaceError
        If it is no cursor.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        backward, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return Place(tuple(map(_read, values)), backward=bool(backward))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidPlaceError(
            f"cursor = {cursor[:80]!r} is no cursor: take it from next or previous", field="cursor"
        ) from error


def cursor_link(address: str, query: str, place: Place | None) -> str | None:
    """Write the link to a page beside.

    Parameters
    ----------
    address
        URL of the list without its query string.
    query
        Query string of the request; all but ``cursor`` and ``offset`` is kept as it came.
    place
        Where the page begins; None for no such page.

    Returns
    -------
    str or None
        Absolute URL.
    """
    if place is None:
        return None
    kept = [part for part in query.split("&") if part and not _is_place(part)]
    return f"{address}?{'&'.join([*kept, f'cursor={cursor_of(place)}'])}"


def _is_place(part: str) -> bool:
    return unquote_plus(part.partition("=")[0]) in {"cursor", "offset"}


def _written(value: object) -> object:
    """Give a value that JSON knows."""
    match value:
        case datetime():
            return {_MOMENT: value.isoformat()}
        case date():
            return {_DAY: value.isoformat()}
        case _:
            return value


def _read(value: Any) -> Any:  # noqa: ANN401  # whatever was sent
    """Read a value of JSON.

    Raises
    ------
    ValueError
        If it is of no kind that `_written` gives.
    OverflowError
        If it is a moment outside of the years 1 to 9999, UTC.
    """
    match value:
        case {"t": str(text), **rest} if not rest:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError("a moment without a zone")
            return moment.astimezone(UTC)
        case {"d": str(text), **rest} if not rest:
            return date.fromisoformat(text)
        case bool():
            raise ValueError("no column holds truth values, which Python counts as integers")
        case str():
            value.encode()  # raises an error for half a surrogate pair
            return value
        case None | int() | float():
            return value
        case _:
            raise ValueError("neither text nor number nor moment")
