"""Lists of frames as tables, for any dialect."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import Response

from app.api.tables.columns import HEADER, Column, columns_of, header_column
from app.api.tables.responses import Rows, table_response, written
from app.api.tables.wishes import TableWish
from app.context import Factory
from app.core.identity import Caller
from app.frames.models import Frame, FrameQuery
from app.frames.streams import Cards, FrameWithCards

MORE: Final = ("ra_deg", "dec_deg", "airmass")
"""Columns of every list of frames besides the members of its items."""

_OF_FILES: Final = frozenset(
    {
        "version_set",
        "url",
        "filename",
        "size_bytes",
        "md5",
        "sha256",
        "fits_checksum",
        "related_frames",
    }
)
"""Columns that need the versions or relations of a frame: further questions to the database."""

Item = Callable[[Frame], Mapping[str, Any]]
"""Writes a frame in a dialect: plain values by name."""


def frame_columns(model: type[BaseModel]) -> tuple[Column, ...]:
    """Make the columns of a list of frames.

    Parameters
    ----------
    model
        Documents an item of the dialect.

    Returns
    -------
    tuple of Column
        With those that every list of frames has besides.
    """
    return columns_of(model, MORE)


async def frame_table(
    services: Factory,
    wish: TableWish,
    query: FrameQuery,
    caller: Caller,
    *,
    columns: Sequence[Column],
    item: Item,
) -> Response:
    """Answer with all frames of a query as a table.

    Parameters
    ----------
    services
        Of the process.
    wish
        Of a table, see `TableWish.is_table`.
    query
        What is wanted, in which order; its window is that of the wish.
    caller
        Who asks.
    columns
        All that the dialect's list has.
    item
        Writes a frame.

    Returns
    -------
    Response
        The table, as it is read.

    Raises
    ------
    UnknownFieldError
        If the list has no such column.
    """
    chosen = wish.columns(columns, await card_columns(services, wish, caller))
    brief = query.brief or _OF_FILES.isdisjoint(column.name for column in chosen)
    whole = replace(query, window=wish.window, brief=brief)

    def rows() -> Rows:
        found = services.streams.frames(whole, caller, wish.keywords)
        return written(found, lambda each: row_of(each, item))

    name = f"skyshelf-frames-{services.clock():%Y%m%d}"
    return table_response(rows, chosen, wish.format, name=name, slots=services.tables)


async def frame_items(
    services: Factory,
    wish: TableWish,
    frames: Sequence[Frame],
    *,
    columns: Sequence[Column],
    item: Item,
) -> list[Mapping[str, Any]]:
    """Write the items of a page, with the members that are wanted.

    Parameters
    ----------
    services
        Of the process.
    wish
        Of JSON.
    frames
        Of the page, such as the caller sees.
    columns
        All that the dialect's list has.
    item
        Writes a frame.

    Returns
    -------
    list
        Plain values by name.

    Raises
    ------
    UnknownFieldError
        If the list has no such column.
    """
    if wish.fields is None:
        return [item(frame) for frame in frames]
    cards = await services.streams.cards(frames, wish.keywords)
    rows = [row_of(FrameWithCards(each, cards.get(each.id, {})), item) for each in frames]
    return wish.chosen(rows, columns)


async def card_columns(services: Factory, wish: TableWish, caller: Caller) -> list[Column]:
    """Make the columns of the header cards that are wanted.

    Parameters
    ----------
    services
        Of the process.
    wish
        Of a table.
    caller
        Who asks.

    Returns
    -------
    list of Column
        Of the types that the cards of all visible frames have.
    """
    described = await services.streams.describe(wish.keywords, caller)
    return [header_column(each) for each in described]


def row_of(found: FrameWithCards, item: Item) -> Mapping[str, Any]:
    """Write a frame with all that its columns may ask for.

    Parameters
    ----------
    found
        The frame.
    item
        Writes it in a dialect.

    Returns
    -------
    dict
        Plain values by name.
    """
    facts = found.frame.facts
    more = {name: getattr(facts, name) for name in MORE}
    return {**item(found.frame), **more, **_members(found.cards)}


def _members(cards: Cards) -> Mapping[str, Any]:
    return {f"{HEADER}{keyword}": value for keyword, value in cards.items()}
