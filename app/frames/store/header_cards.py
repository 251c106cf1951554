"""The cards of a frame, kept for search and read back as columns of a list."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    Double,
    Text,
    any_,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from app.db.tables import FrameRow, FrameVersionRow, HeaderValueRow
from app.fits.merging import merged_values
from app.fits.models import HeaderValue
from app.frames.header_filters import MAX_TEXT, HeaderColumn
from app.frames.models import HeaderOfHdu
from app.frames.store.filters import among
from app.frames.store.visibility import Sight

MAX_KEYWORD: Final = 80
"""Longest keyword [character]: a card has no room for more."""


async def keep_cards(
    session: AsyncSession,
    frame_id: int,
    version_id: int | None,
    hdus: Collection[HeaderOfHdu],
    science_hdu: int | None,
) -> None:
    """Let a frame be found by the cards of a version, unless a newer one is there.

    Parameters
    ----------
    session
        Within a transaction.
    frame_id, version_id
        The frame, and a version of it that is stored already; None: the frame has none.
    hdus, science_hdu
        Header cards of every HDU of the version, and which one is the science HDU.
    """
    newest = select(func.max(FrameVersionRow.id)).where(FrameVersionRow.frame_id == frame_id)
    if (await session.execute(newest)).scalar_one() != version_id:
        return
    values = merged_values({hdu.index: hdu.cards for hdu in hdus}, science_hdu)
    await session.execute(delete(HeaderValueRow).where(HeaderValueRow.frame_id == frame_id))
    rows = [row for keyword, value in values.items() if (row := _row(keyword, value))]
    if rows:
        await session.execute(_insertion(frame_id, rows))


def _row(keyword: str, value: object) -> tuple[str, float | None, bool | None, str | None] | None:
    """Give a value its column; None for what cannot be searched."""
    if not keyword or len(keyword) > MAX_KEYWORD:
        return None
    match value:
        case bool():
            return keyword, None, value, None
        case str():
            return keyword, None, None, value[:MAX_TEXT]
        case int() | float():
            number = _float(value)
            return None if number is None else (keyword, number, None, None)
        case _:
            return None


def _float(value: float) -> float | None:
    """Give the nearest number of 64 bits; None where there is none."""
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floating-point numbers
        return None
    return number if math.isfinite(number) else None


def _insertion(frame_id: int, rows: Sequence[Sequence[Any]]) -> Any:  # noqa: ANN401  # an Insert
    """Insert all rows at once: a hundred single ones take longer than the rest of the filing."""
    types: tuple[TypeEngine[Any], ...] = (Text(), Double(), Boolean(), Text())
    columns = [
        cast(literal(list(column), ARRAY(type_)), ARRAY(type_))
        for column, type_ in zip(zip(*rows, strict=True), types, strict=True)
    ]
    names = ("keyword", "number", "flag", "text")
    listed = func.unnest(*columns).table_valued(*names).render_derived()
    chosen = select(literal(frame_id), *(listed.c[name] for name in names))
    return insert(HeaderValueRow).from_select(["frame_id", *names], chosen)


async def list_cards(
    session: AsyncSession, frame_ids: Collection[int], keywords: Collection[str]
) -> Mapping[int, Mapping[str, HeaderValue]]:
    """Read some cards of some frames.

    Parameters
    ----------
    session
        Within a transaction.
    frame_ids
        Of frames that the caller sees.
    keywords
        Upper case.

    Returns
    -------
    dict
        Values by frame and keyword; what a frame does not have is missing.
    """
    found: dict[int, dict[str, HeaderValue]] = defaultdict(dict)
    if not keywords:
        return found
    row = HeaderValueRow
    selected = select(row.frame_id, row.keyword, row.number, row.flag, row.text).where(
        among(row.frame_id, frame_ids), _among_keywords(keywords)
    )
    for frame_id, keyword, number, flag, text in await session.execute(selected):
        found[frame_id][keyword] = next(v for v in (number, flag, text) if v is not None)
    return found


async def describe_keywords(
    session: AsyncSession, sight: Sight, keywords: Collection[str]
) -> tuple[HeaderColumn, ...]:
    """Tell which types of values the cards of some keywords have, over all frames in sight.

    Parameters
    ----------
    session
        Within a transaction.
    sight
        What the caller sees.
    keywords
        Upper case.

    Returns
    -------
    tuple of HeaderColumn
        In the order of the keywords.
    """
    described = []
    for keyword in keywords:
        is_there = [
            exists().where(
                HeaderValueRow.keyword == keyword,
                column.is_not(None),
                HeaderValueRow.frame_id == FrameRow.id,
                sight.sees(),
            )
            for column in (HeaderValueRow.number, HeaderValueRow.flag, HeaderValueRow.text)
        ]
        found = (await session.execute(select(*is_there))).one()
        described.append(HeaderColumn(keyword, found[0], found[1], found[2]))
    return tuple(described)


def _among_keywords(keywords: Collection[str]) -> ColumnElement[bool]:
    listed = cast(literal(sorted(keywords), ARRAY(Text())), ARRAY(Text()))
    return HeaderValueRow.keyword == any_(listed)
