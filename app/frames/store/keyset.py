"""Go on from a place in a list, without counting what comes before it.

Unlike an offset, a place stays where it is while frames arrive or go, and costs the same anywhere.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, UnaryExpression, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from app.db.tables import FrameRow
from app.frames.models import Frame, FrameQuery
from app.frames.places import InvalidPlaceError, Place, Stretch
from app.frames.store.filters import SORTABLE

Condition = ColumnElement[bool]

_BIGINT_MAX = 2**63 - 1


class _Key(NamedTuple):
    """One column of a total order; frames that lack it come last."""

    column: InstrumentedAttribute[Any]
    descends: bool
    may_be_null: bool


def turned(query: FrameQuery) -> list[UnaryExpression[Any]]:
    """Give the order from the end of the list to its beginning.

    Parameters
    ----------
    query
        With an order of keys that `SORTABLE` has.

    Returns
    -------
    list
        For ``ORDER BY``.
    """
    return [
        (key.column.asc() if key.descends else key.column.desc()).nulls_first()
        for key in _keys(query)
    ]


def stretch_of(
    frames: Sequence[Frame], query: FrameQuery, place: Place | None, *, goes_on: bool
) -> Stretch:
    """Say where a list goes on, to both sides of what was found.

    Parameters
    ----------
    frames
        What was found, in the order in which it was found.
    query
        What was wanted.
    place
        Where the search began; None for the beginning of the list.
    goes_on
        Whether there is more in the direction of the search.

    Returns
    -------
    Stretch
        In the order of the list.
    """
    if not frames:
        return Stretch((), None, None)
    if place is not None and place.backward:
        frames = frames[::-1]
        has_before, has_behind = goes_on, True
    else:
        has_before, has_behind = place is not None, goes_on
    return Stretch(
        tuple(frames),
        before=_place_of(frames[0], query, backward=True) if has_before else None,
        behind=_place_of(frames[-1], query, backward=False) if has_behind else None,
    )


def beyond(query: FrameQuery, place: Place) -> Condition:
    """Select what comes behind a place, or before it for one that goes backward.

    Parameters
    ----------
    query
        With an order of keys that `SORTABLE` has.
    place
        Where to go on.

    Returns
    -------
    ColumnElement
        On `FrameRow`.

    Raises
    ------
    InvalidPlaceError
        If the place is none of this order.
    """
    keys = _keys(query)
    if len(keys) != len(place.values) or not all(map(_fits, keys, place.values)):
        raise InvalidPlaceError("this cursor is of another list: begin without it", field="cursor")
    return and_(*_bound(keys[0], place), or_(*_ways(keys, place)))


def _keys(query: FrameQuery) -> list[_Key]:
    """Give the columns of the order, and the id that breaks ties (as `filters.ordering` does)."""
    return [
        *(
            _Key(column, key.descending, _may_be_null(column, query))
            for key in query.order
            for column in SORTABLE[key.column]
        ),
        _Key(FrameRow.id, bool(query.order) and query.order[0].descending, may_be_null=False),
    ]


def _may_be_null(column: InstrumentedAttribute[Any], query: FrameQuery) -> bool:
    if query.with_date and column is FrameRow.observed_at:
        return False
    return bool(FrameRow.__table__.c[column.key].nullable)


def _ways(keys: Sequence[_Key], place: Place) -> Iterator[Condition]:
    """Give the ways to be beyond: equal in the first keys, and past in the one that follows."""
    equal: list[Condition] = []
    for key, value in zip(keys, place.values, strict=True):
        past = _past(key, value, backward=place.backward)
        if past is not None:
            yield and_(*equal, past)
        equal.append(key.column.is_(None) if value is None else key.column == value)


def _past(key: _Key, value: object, *, backward: bool) -> Condition | None:
    """Compare with one value; None where nothing can be past it, since unknown values come last."""
    if value is None:
        return key.column.is_not(None) if backward else None
    past = key.column < value if key.descends is not backward else key.column > value
    return or_(past, key.column.is_(None)) if key.may_be_null and not backward else past


def _bound(key: _Key, place: Place) -> Iterator[Condition]:
    """Bound the first key as well, which follows from the rest and lets an index find the place."""
    value = place.values[0]
    if value is None:
        return
    bound = key.column <= value if key.descends is not place.backward else key.column >= value
    yield or_(bound, key.column.is_(None)) if key.may_be_null and not place.backward else bound


def _fits(key: _Key, value: object) -> bool:
    """Tell whether the database can compare the column with a value, which comes from outside."""
    if value is None:
        return key.may_be_null
    match key.column.type.python_type.__name__:
        case "str":
            return isinstance(value, str) and "\0" not in value
        case "int":
            return isinstance(value, int) and abs(value) <= _BIGINT_MAX
        case "float":
            return isinstance(value, float) and math.isfinite(value)
        case "datetime":
            return isinstance(value, datetime)
        case _:
            return isinstance(value, date) and not isinstance(value, datetime)


def _place_of(frame: Frame, query: FrameQuery, *, backward: bool) -> Place:
    """Give the place of a frame in the order of a query."""
    values = (_value(frame, key.column) for key in _keys(query))
    return Place(tuple(values), backward=backward)


def _value(frame: Frame, column: InstrumentedAttribute[Any]) -> object:
    of = frame if column.key in {"id", "basename"} else frame.facts
    return getattr(of, column.key)
