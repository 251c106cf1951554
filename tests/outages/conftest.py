"""A database of its own for tests that take it away."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.context import Factory, process_context
from app.db import pulse
from app.db.embedded import EmbeddedPostgres
from app.db.embedded.postmaster import find_postmaster
from app.db.schema import migrate
from tests.support.archive import settings_in
from tests.support.refusing_disks import outside_of_pytest


@dataclass(frozen=True)
class Removable:
    """A PostgreSQL that can be taken away."""

    folder: Path
    server: EmbeddedPostgres
    url: str

    def processes(self) -> list[psutil.Process]:
        postmaster = find_postmaster(self.folder.resolve() / "cluster")
        assert postmaster is not None
        return [postmaster.process, *postmaster.process.children(recursive=True)]

    def freeze(self) -> list[psutil.Process]:
        """Let it hang: it takes connections, and answers nothing."""
        frozen = self.processes()
        for process in frozen:
            process.send_signal(signal.SIGSTOP)
        return frozen

    def thaw(self, frozen: list[psutil.Process]) -> None:
        for process in frozen:
            if process.is_running():
                process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def removable() -> Iterator[Removable]:
    folder = Path(tempfile.mkdtemp(prefix="skyshelf-test-"))
    server = EmbeddedPostgres(folder, fast=True)

    async def start() -> str:
        url = await server.start()
        engine = create_async_engine(url, poolclass=NullPool)
        await migrate(engine)
        await engine.dispose()
        return url

    yield Removable(folder, server, asyncio.run(start()))
    asyncio.run(server.stop())
    shutil.rmtree(folder)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Give a folder in which disks may be mounted."""
    with outside_of_pytest() as folder:
        yield folder


@pytest.fixture
def quick_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "_BEAT_S", 0.1)
    monkeypatch.setattr(pulse, "_ANSWERS_WITHIN_S", 0.5)
    monkeypatch.setattr(pulse, "_GOOD_FOR_S", 0.1)


@asynccontextmanager
async def an_open_archive(
    folder: Path, removable: Removable, **settings: object
) -> AsyncIterator[Factory]:
    """Open what a process owns, on a database that may be taken away."""
    given = {"min_free_bytes": 0, "child_processes": 1, **settings}
    async with process_context(settings_in(folder, database_url=removable.url, **given)) as archive:
        yield archive
