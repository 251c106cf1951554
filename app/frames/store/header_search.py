"""Filters on header cards → conditions on the frames table."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import GenerativeSelect

from app.db.tables import FrameRow, HeaderValueRow
from app.frames.header_filters import MAX_TEXT, HeaderFilter, HeaderTest, Operand
from app.frames.models import FrameQuery

Condition = ColumnElement[bool]

FEW: Final = 10_000
"""Matches of a filter that are fetched beforehand; some 2 ms."""

_card = HeaderValueRow
_ORDERED: Final = {
    HeaderTest.LESS: "__lt__",
    HeaderTest.LESS_OR_EQUAL: "__le__",
    HeaderTest.GREATER: "__gt__",
    HeaderTest.GREATER_OR_EQUAL: "__ge__",
}
_PARTS: Final = {
    HeaderTest.CONTAINS: "contains",
    HeaderTest.CONTAINS_ANY_CASE: "icontains",
    HeaderTest.STARTS_WITH: "startswith",
}


def header_conditions(filters: Iterable[HeaderFilter]) -> Iterator[Condition]:
    """Translate filters on header cards; all conditions must hold.

    Parameters
    ----------
    filters
        What the cards must be like.

    Yields
    ------
    ColumnElement
        On `FrameRow`.
    """
    for wanted in filters:
        if _wants_absence(wanted):
            yield ~exists().where(_card.frame_id == FrameRow.id, _card.keyword == wanted.keyword)
        else:
            yield FrameRow.id.in_(_matching(wanted))


def _matching(wanted: HeaderFilter) -> GenerativeSelect:
    """Select the frames of a filter: of each type apart, since each type has its own index."""
    parts = [
        select(_card.frame_id).where(_card.keyword == wanted.keyword, condition)
        for condition in _typed(wanted)
    ]
    return parts[0] if len(parts) == 1 else union_all(*parts)


def _typed(wanted: HeaderFilter) -> Iterator[Condition]:
    """Translate a filter into conditions on one type each; any of them may hold."""
    first = wanted.operands[0]
    match wanted.test:
        case HeaderTest.EQUAL | HeaderTest.IN:
            yield from _equal(wanted.operands)
        case HeaderTest.NOT_EQUAL:
            yield from _unequal(first)
        case HeaderTest.IS_NULL:
            yield from (column.is_not(None) for column in (_card.number, _card.flag, _card.text))
        case HeaderTest.RANGE:
            low, high = wanted.operands
            yield and_(_ordered("__ge__", low), _ordered("__le__", high))
        case HeaderTest.CONTAINS | HeaderTest.CONTAINS_ANY_CASE | HeaderTest.STARTS_WITH:
            yield getattr(_card.text, _PARTS[wanted.test])(first.text, autoescape=True)
        case _:
            yield _ordered(_ORDERED[wanted.test], first)


def _equal(operands: Iterable[Operand]) -> Iterator[Condition]:
    """Compare with every reading of the operands."""
    readings: list[tuple[Any, list[Any]]] = [
        (_card.text, [one.text[:MAX_TEXT] for one in operands]),
        (_card.number, [one.number for one in operands if one.number is not None]),
        (_card.flag, [one.flag for one in operands if one.flag is not None]),
    ]
    for column, values in readings:
        if len(values) == 1:
            yield column == values[0]
        elif values:
            yield column.in_(values)


def _unequal(operand: Operand) -> Iterator[Condition]:
    """Want a value, and another one than this."""
    yield _card.text != operand.text[:MAX_TEXT]
    yield _card.number.is_not(None) if operand.number is None else _card.number != operand.number
    yield _card.flag.is_not(None) if operand.flag is None else _card.flag != operand.flag


def _ordered(operator: str, operand: Operand) -> Condition:
    """Compare as numbers where the operand is one, else as text."""
    column: Any = _card.text if operand.number is None else _card.number
    value = operand.text[:MAX_TEXT] if operand.number is None else operand.number
    condition: Condition = getattr(column, operator)(value)
    return condition


async def narrowed(session: AsyncSession, query: FrameQuery) -> FrameQuery:
    """Turn header filters that few frames pass into the numbers of these frames.

    The planner knows the values of all cards together and not those of one keyword, so that it
    takes a rare value for a common one, and walks through the whole catalogue in its order to find
    a page of matches. Numbers of frames it judges well.

    Parameters
    ----------
    session
        Within a transaction.
    query
        As asked.

    Returns
    -------
    FrameQuery
        The same frames; filters that more than `FEW` frames pass stay as they are.
    """
    common: list[HeaderFilter] = []
    numbers = query.frame_ids
    for wanted in query.headers:
        found = await _few(session, wanted)
        if found is None:
            common.append(wanted)
        else:
            numbers = found if numbers is None else numbers & found
    return replace(query, headers=tuple(common), frame_ids=numbers)


async def _few(session: AsyncSession, wanted: HeaderFilter) -> frozenset[int] | None:
    """Give the frames that pass a filter; None where they are many."""
    if _wants_absence(wanted):
        return None
    some = _matching(wanted).limit(FEW + 1).subquery()
    found = await session.execute(select(func.array_agg(some.c.frame_id)))
    numbers = found.scalar_one() or ()
    return None if len(numbers) > FEW else frozenset(numbers)


def _wants_absence(wanted: HeaderFilter) -> bool:
    return wanted.test is HeaderTest.IS_NULL and wanted.operands[0].flag is True
