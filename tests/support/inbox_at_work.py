"""The whole worker on an inbox, within the process of a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.context import Factory
from app.core.paging import Window
from app.ingest.models import Arrival
from worker.main import work


@asynccontextmanager
async def at_work(archive: Factory) -> AsyncIterator[None]:
    stop = asyncio.Event()
    working = asyncio.create_task(work(archive, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(working, 60)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110  # database and disk are asked
            await asyncio.sleep(0.05)


async def arrivals(archive: Factory) -> tuple[Arrival, ...]:
    return (await archive.ingest.list(None, Window(limit=1000))).items
