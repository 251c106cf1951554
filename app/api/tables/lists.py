"""Lists that are short, or of anything but frames, in every form."""

from collections.abc import Callable, Sequence

from starlette.responses import Response

from app.api.json_bodies import json_response
from app.api.tables.cells import Row
from app.api.tables.columns import Column
from app.api.tables.frames import Item, card_columns, frame_items, row_of
from app.api.tables.responses import Rows, table_response
from app.api.tables.wishes import VARY, TableWish
from app.context import Factory
from app.core.identity import Caller
from app.frames.models import Frame
from app.frames.streams import FrameWithCards


async def frames_response(
    services: Factory,
    wish: TableWish,
    frames: Sequence[Frame],
    caller: Caller,
    *,
    columns: Sequence[Column],
    item: Item,
) -> Response:
    """Answer with frames that are known already: a plain list in JSON, or a table.

    Parameters
    ----------
    services
        Of the process.
    wish
        In which form, and which members.
    frames
        Such as the caller sees.
    caller
        Who asks.
    columns
        All that the dialect's list has.
    item
        Writes a frame.

    Returns
    -------
    Response
        All of them; of a table the part that the request names.

    Raises
    ------
    UnknownFieldError
        If the list has no such column.
    """
    if not wish.is_table:
        items = await frame_items(services, wish, frames, columns=columns, item=item)
        return json_response(items, headers=VARY)
    chosen = wish.columns(columns, await card_columns(services, wish, caller))
    part = frames[wish.window.offset :][: wish.window.limit]
    cards = await services.streams.cards(part, wish.keywords)
    rows = [row_of(FrameWithCards(each, cards.get(each.id, {})), item) for each in part]
    return items_table(services, wish, lambda: _at_once(rows), columns=chosen, what="frames")


def items_table(
    services: Factory,
    wish: TableWish,
    rows: Callable[[], Rows],
    *,
    columns: Sequence[Column],
    what: str,
) -> Response:
    """Answer with a table of anything.

    Parameters
    ----------
    services
        Of the process.
    wish
        Of a table.
    rows
        Begins to read the items of the wish's window.
    columns
        Of the table.
    what
        Names the items, in the plural; for the name of the file.

    Returns
    -------
    Response
        The table, as it is read.
    """
    name = f"skyshelf-{what}-{services.clock():%Y%m%d}"
    return table_response(rows, columns, wish.format, name=name, slots=services.tables)


async def _at_once(rows: Sequence[Row]) -> Rows:
    yield rows
