"""Another archive beside the one under test: its own database, its own processes, a bad line."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import make_sessions
from app.db.schema import migrate
from app.ingest.models import NewArrival, Outcome, Source
from app.ingest.spool import identity_of
from tests.support.archive import an_archive, settings_in
from tests.support.running_archive import ROOT, environment_of, free_port

_BLOCK_BYTES = 16_384


async def a_database(server_url: str, name: str) -> str:
    """Make an empty, migrated database in a server; give its URL."""
    plain = server_url.replace("postgresql+asyncpg://", "postgresql://")
    connection = await asyncpg.connect(plain)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    start, mark, query = server_url.partition("?")
    url = f"{start.rpartition('/')[0]}/{name}{mark}{query}"
    engine = create_async_engine(url, poolclass=NullPool)
    await migrate(engine)
    await engine.dispose()
    return url


@dataclass
class BadLine:
    """A connection to a server that breaks when it is told to.

    Attributes
    ----------
    port
        Where it listens.
    cuts
        After so many bytes of the answers a connection is cut; one for each connection to come.
    sent_bytes
        What went through so far [byte].
    """

    target_port: int
    port: int
    cuts: list[int] = field(default_factory=list)
    sent_bytes: int = 0
    _sent: asyncio.Condition = field(default_factory=asyncio.Condition)
    _serving: set[asyncio.Task[object]] = field(default_factory=set)
    _ways: set[asyncio.Task[None]] = field(default_factory=set)

    async def reached(self, sent_bytes: int) -> None:
        """Wait until so much went through."""
        async with self._sent:
            await self._sent.wait_for(lambda: self.sent_bytes >= sent_bytes)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        async with server:
            yield
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            there, forth = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        ways = [
            asyncio.create_task(_pump(reader, forth)),
            asyncio.create_task(self._answer(there, writer)),
        ]
        self._ways.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, forth):
            end.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left_bytes = self.cuts.pop(0) if self.cuts else None
        with suppress(OSError):
            while block := await reader.read(_BLOCK_BYTES):
                writer.write(block if left_bytes is None else block[:left_bytes])
                await writer.drain()
                await self._count(len(block))
                if left_bytes is not None and (left_bytes := left_bytes - len(block)) <= 0:
                    await asyncio.sleep(0.05)  # an abort drops what was not sent yet
                    return

    async def _count(self, size_bytes: int) -> None:
        async with self._sent:
            self.sent_bytes += size_bytes
            self._sent.notify_all()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(_BLOCK_BYTES):
            writer.write(block)
            await writer.drain()


@dataclass
class SecondArchive:
    """Another archive, filled in this process and served by others.

    Attributes
    ----------
    archive
        To fill it.
    line
        Between its server and its clients.
    """

    archive: Factory
    line: BadLine
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Public URL, over the line."""
        return f"http://127.0.0.1:{self.line.port}"

    async def file(self, path: Path) -> int:
        """File a file; give the number of the frame."""
        new = NewArrival(
            source=Source.BULK,
            filename=path.name,
            size_bytes=await asyncio.to_thread(lambda: path.stat().st_size),
            source_path=path,
            source_identity=identity_of(path),
        )
        _, outcome = await self.archive.ingest.take_in(new)
        assert isinstance(outcome, Outcome), outcome
        return outcome.frame_id

    async def start(self) -> None:
        """Serve it, and wait until it answers."""
        settings = self.archive.settings
        environment = environment_of(
            data_dir=settings.data_dir,
            database_url=settings.require_database_url(),
            secret_key=settings.secret(),
            http_root=self.url,
            port=self.line.target_port,
            api_workers=1,
        )
        self._process = await asyncio.to_thread(_serve, environment)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.line.target_port}") as http:
            for _ in range(300):
                with suppress(httpx.TransportError):
                    if (await http.get("/health/ready")).is_success:
                        return
                assert self._process.poll() is None
                await asyncio.sleep(0.1)
        raise AssertionError("the second archive does not answer")

    def kill(self) -> None:
        """End its processes at once, as a crash does."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def _serve(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@asynccontextmanager
async def second_archive(
    folder: Path, server_url: str, offload: Offload
) -> AsyncIterator[SecondArchive]:
    """Make another archive; it is not served yet."""
    line = BadLine(target_port=free_port(), port=free_port())
    settings = settings_in(
        folder,
        database_url=await a_database(server_url, "second_archive"),
        http_root=f"http://127.0.0.1:{line.port}",
    )
    engine = create_async_engine(settings.require_database_url(), poolclass=NullPool)
    second = SecondArchive(an_archive(settings, make_sessions(engine), engine, offload), line)
    try:
        async with line.open():
            yield second
    finally:
        second.kill()
        await engine.dispose()
