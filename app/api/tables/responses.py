"""Answers with a table that is written while it is read, in constant memory.

What can be wrong is found before the first byte: parameters, permission, a free slot, and the first
rows. What fails later breaks the connection, so that nobody takes a part for the whole.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeVar

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from app.api.download_headers import content_disposition
from app.api.tables.cells import Row, cells_of
from app.api.tables.columns import Column
from app.api.tables.votable import VoTableWriter
from app.api.tables.wishes import MEDIA_TYPES, VARY, Format
from app.api.tables.writers import CsvWriter, Writer
from app.core.slots import Slots

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

T = TypeVar("T")

Rows = AsyncGenerator[Sequence[Row], None]
"""Items, some at a time."""

_PATIENCE_S: Final = 60.0
"""How long a client may take to read a piece [s]: a table holds a connection of the database."""

_EXTENSIONS: Final = {Format.CSV: "csv", Format.VOTABLE: "vot", Format.PARQUET: "parquet"}


class SlowClientError(ConnectionError):
    """A client that asked for a table does not read it."""


def table_response(
    rows: Callable[[], Rows],
    columns: Sequence[Column],
    form: Format,
    *,
    name: str,
    slots: Slots,
) -> Response:
    """Answer with a table.

    Parameters
    ----------
    rows
        Begins to read; called when the answer is sent, and not at all for HEAD.
    columns
        Of the table, in order.
    form
        Any but JSON.
    name
        Of the table, and of the file without extension.
    slots
        Bound how many tables are written at the same time.

    Returns
    -------
    Response
        200. When it is sent, whatever the first rows raise comes before the first byte.
    """
    headers = {
        "Content-Type": MEDIA_TYPES[form],
        "Content-Disposition": content_disposition(f"{name}.{_EXTENSIONS[form]}"),
        **VARY,
    }
    return _TableResponse(
        lambda: _pieces(rows(), columns, lambda: _writer(columns, form, name)), headers, slots
    )


async def written(batches: AsyncGenerator[Sequence[T], None], write: Callable[[T], Row]) -> Rows:
    """Write what comes from the database in a dialect.

    Parameters
    ----------
    batches
        Some things at a time; closed at the end.
    write
        Writes one: plain values by name.

    Yields
    ------
    Sequence
        Of items.
    """
    async with aclosing(batches) as opened:
        async for batch in opened:
            yield [write(each) for each in batch]


def table_responses() -> dict[int | str, dict[str, Any]]:
    """Document that a list can be had as a table.

    Returns
    -------
    dict
        What FastAPI takes as ``responses``; JSON is added to it.
    """
    binary = {"schema": {"type": "string", "format": "binary"}}
    types = [media_type.partition(";")[0] for media_type in MEDIA_TYPES.values()]
    return {200: {"content": dict.fromkeys(types, binary)}}


def _writer(columns: Sequence[Column], form: Format, name: str) -> Writer:
    if form is Format.PARQUET:
        from app.api.tables.parquet import ParquetWriter  # noqa: PLC0415  # loads 60 MB of pyarrow

        return ParquetWriter(columns)
    return VoTableWriter(columns, name) if form is Format.VOTABLE else CsvWriter(columns)


async def _pieces(
    rows: Rows, columns: Sequence[Column], make: Callable[[], Writer]
) -> AsyncGenerator[bytes, None]:
    """Write a table; the first piece has the first rows, and the last one the end."""
    writer = await run_in_threadpool(make)
    held = writer.begin()
    async with aclosing(rows) as batches:
        async for batch in batches:
            yield held + await run_in_threadpool(_write, writer, batch, columns)
            held = b""
    yield held + await run_in_threadpool(writer.end)


def _write(writer: Writer, batch: Sequence[Row], columns: Sequence[Column]) -> bytes:
    return writer.write(cells_of(batch, columns))


class _TableResponse(Response):
    """A body that is written while it is sent."""

    def __init__(
        self,
        pieces: Callable[[], AsyncGenerator[bytes, None]],
        headers: dict[str, str],
        slots: Slots,
    ) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]  # nobody knows it
        self._pieces = pieces
        self._slots = slots

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; HEAD gets no body, and nothing is read for it."""
        begin: Message = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        if scope["method"] == "HEAD":
            await send(begin)
            await send({"type": "http.response.body"})
            return
        async with self._slots.taken(), aclosing(self._pieces()) as pieces:
            first = await anext(pieces)
            await send(begin)
            await self._send_body(first, pieces, receive, send)

    async def _send_body(
        self, first: bytes, pieces: AsyncGenerator[bytes, None], receive: Receive, send: Send
    ) -> None:
        """Send piece by piece, and stop when the client has gone.

        Raises
        ------
        SlowClientError
            If the client does not read.
        """
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await _send_piece(first, send)
            async for piece in pieces:
                if gone.done():
                    return
                await _send_piece(piece, send)
            await send({"type": "http.response.body"})
        except Exception as error:
            log.error("table.broken", reason=str(error))  # noqa: TRY400  # traceback follows
            raise
        finally:
            gone.cancel()


async def _send_piece(piece: bytes, send: Send) -> None:
    """Send a piece, unless it is empty.

    Raises
    ------
    SlowClientError
        If the client does not read it.
    """
    if not piece:
        return
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError as error:
        raise SlowClientError(f"a client has read nothing for {_PATIENCE_S:.0f} s") from error


async def _disconnected(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
