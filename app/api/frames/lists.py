"""Answers that are lists of frames, by offset or by cursor."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.api.cursors import CursorIn, cursor_link, place_of, wants_cursor
from app.api.frames.pictures import pictured
from app.api.frames.wire_items import FrameView, Members
from app.api.json_bodies import json_response
from app.api.mounts import address
from app.api.paging import page_response
from app.api.tables import VARY, Column, TableWish, frame_items, frame_table
from app.context import Factory
from app.core.identity import Caller
from app.frames.models import Frame, FrameQuery

Writer = Callable[[FrameView, Frame], Members]
"""Writes the item of a frame in a dialect."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Which list is wanted.

    Attributes
    ----------
    query
        The frames, with their order and window.
    wish
        How the list is cut into pages.
    table
        In which form it is wanted, and which members.
    columns
        All that its items have.
    """

    query: FrameQuery
    wish: CursorIn
    table: TableWish = TableWish()  # noqa: RUF009  # frozen
    columns: Sequence[Column] = ()


async def list_response(
    request: Request,
    services: Factory,
    caller: Caller,
    listing: Listing,
    view: FrameView,
    write: Writer,
) -> Response:
    """Answer with a page of frames.

    Parameters
    ----------
    request
        The request.
    services
        Of the process.
    caller
        Who asks.
    listing
        Which frames, and which part of them.
    view
        Which optional members the items have.
    write
        Writes an item.

    Returns
    -------
    Response
        An envelope with ``count``; by cursor, without one (ARC-20, ARC-24). The whole list where it
        is wanted as a table.

    Raises
    ------
    UnknownFieldError
        If its items have no such member.
    InvalidPlaceError
        If the cursor is none of this list.
    """  # the service and the columns raise them
    query, table = listing.query, listing.table
    if table.is_table:
        item, columns = partial(write, view), listing.columns
        return await frame_table(services, table, query, caller, columns=columns, item=item)

    async def items(frames: Sequence[Frame]) -> list[Mapping[str, Any]]:
        item = partial(write, await pictured(view, services, caller, frames))
        return await frame_items(services, table, frames, columns=listing.columns, item=item)

    if wants_cursor(listing.wish):
        return await _by_cursor(request, services, caller, listing, items)
    page = await services.frames.search(query, caller)
    return page_response(
        request,
        count=page.count,
        window=query.window,
        results=await items(page.items),
        count_estimated=False,
    )


async def _by_cursor(
    request: Request,
    services: Factory,
    caller: Caller,
    listing: Listing,
    items: Callable[[Sequence[Frame]], Awaitable[list[Mapping[str, Any]]]],
) -> Response:
    cursor = listing.wish.cursor
    place = None if cursor is None else place_of(cursor)
    stretch = await services.frames.stretch(listing.query, caller, place)
    url, sent = address(request), _with_limit(request, listing.query)
    return json_response(
        {
            "next": cursor_link(url, sent, stretch.behind),
            "previous": cursor_link(url, sent, stretch.before),
            "results": await items(stretch.items),
        },
        headers=VARY,
    )


def _with_limit(request: Request, query: FrameQuery) -> str:
    """Give the query string of a request, which names its limit from now on."""
    sent = request.url.query
    return sent if "limit" in request.query_params else f"{sent}&limit={query.window.limit}"
