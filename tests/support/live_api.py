"""The API on a real socket, within this process: for tests that speak HTTP byte by byte."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from sqlalchemy.ext.asyncio import create_async_engine

from app.context import Factory
from app.core.clock import Clock, system_clock
from app.core.offload import Offload
from app.db.engine import make_sessions
from app.main import create_app
from app.serving import server_options
from app.settings import Settings
from tests.support.archive import an_archive
from tests.support.database import empty

T = TypeVar("T")


@dataclass(frozen=True)
class LiveApi:
    """An archive whose API listens on 127.0.0.1.

    `run` works in the loop of the server, from the thread of the test.
    """

    archive: Factory
    port: int
    loop: asyncio.AbstractEventLoop
    server: uvicorn.Server

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop of the server."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    def spooled(self) -> list[Path]:
        """Give the files that lie in the spool."""
        return [each for each in self.archive.settings.spool_dir.rglob("*") if each.is_file()]


@contextmanager
def live_api(
    settings: Settings, url: str, offload: Offload, clock: Clock = system_clock
) -> Iterator[LiveApi]:
    """Serve an archive on a free port; all that was written to the database is removed after it."""
    started: asyncio.Queue[LiveApi] = asyncio.Queue()
    ready = threading.Event()
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            asyncio.run(_serve(settings, url, offload, clock, started, ready))
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait(timeout=60)
    assert not failed, failed
    live = started.get_nowait()
    try:
        yield live
    finally:
        live.server.should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive()


async def _serve(
    settings: Settings,
    url: str,
    offload: Offload,
    clock: Clock,
    started: asyncio.Queue[LiveApi],
    ready: threading.Event,
) -> None:
    async with _archive(settings, url, offload, clock) as archive:

        @asynccontextmanager
        async def open_context(_: Settings) -> AsyncIterator[Factory]:
            yield archive

        options = {**server_options(settings), "host": "127.0.0.1", "port": 0, "workers": 1}
        config = uvicorn.Config(create_app(settings, open_context), **options)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # uvicorn offers no event
            assert not task.done()
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        started.put_nowait(LiveApi(archive, port, asyncio.get_running_loop(), server))
        ready.set()
        await task


@asynccontextmanager
async def _archive(
    settings: Settings, url: str, offload: Offload, clock: Clock
) -> AsyncIterator[Factory]:
    engine = create_async_engine(url, pool_size=8)
    yield an_archive(settings, make_sessions(engine), engine, offload, clock)
    await empty(engine)
    await engine.dispose()
