"""What all tests share: a real PostgreSQL, migrated, and ways to use it."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import NullPool

from app.core.offload import Offload
from app.db.embedded import EmbeddedPostgres
from app.db.engine import Sessions, make_sessions
from app.db.schema import migrate
from tests.support.database import empty

REAL_FILES = Path(__file__).parents[1].parent / "shared" / "fits"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options; here, since every run of pytest loads this file."""
    parser.addoption("--long", action="store_true", help="run all tests at full length")
    parser.addoption("--seed", type=int, help="repeat a torture test with the seed that it printed")
    parser.addoption("--report", type=Path, help="write what torture tests counted into this file")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """Keep the settings of the person at the terminal out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SKYSHELF_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def is_long(pytestconfig: pytest.Config) -> bool:
    """Tell whether this is the run at full length."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    """Undo what a test before this one told the logs of its process."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """Start a PostgreSQL for this test process, with the schema at head.

    Not below pytest's own folder: every run of pytest closes that to other accounts again.
    """
    folder = Path(tempfile.mkdtemp(prefix="skyshelf-test-"))
    server = EmbeddedPostgres(folder, fast=True)

    async def start() -> str:
        url = await server.start()
        engine = create_async_engine(url, poolclass=NullPool)
        await migrate(engine)
        await engine.dispose()
        return url

    yield asyncio.run(start())
    asyncio.run(server.stop())
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def offload() -> Iterator[Offload]:
    """Give child processes that read and render; slow to start, so one pool for all tests."""
    pool = Offload(processes=2, memory_bytes=4 << 30, timeout_s=60)
    yield pool
    pool.close()


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine on the migrated database."""
    made = create_async_engine(database_url, poolclass=NullPool)
    yield made
    await made.dispose()


@pytest_asyncio.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    """Give sessions that share one connection; all that a test writes is rolled back."""
    engine = create_async_engine(database_url, poolclass=NullPool)
    async with engine.connect() as connection, connection.begin() as outer:
        yield async_sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        await outer.rollback()
    await engine.dispose()


@pytest_asyncio.fixture
async def committed_sessions(database_url: str) -> AsyncIterator[Sessions]:
    """Give sessions that really commit, for tests of what several processes do at once."""
    engine = create_async_engine(database_url, pool_size=8)
    yield make_sessions(engine)
    await empty(engine)
    await engine.dispose()


@pytest_asyncio.fixture
async def session(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Give one session within a transaction."""
    async with sessions() as opened, opened.begin():
        yield opened


@pytest.fixture(scope="session")
def real_files() -> list[Path]:
    """Give real FITS files of many observatories, where they lie beside the repository."""
    if not REAL_FILES.is_dir():
        pytest.skip("the folder of real FITS files, ../shared/fits, is not here")
    return sorted(
        path
        for path in REAL_FILES.rglob("*")
        if path.is_file() and path.suffix not in {".md", ".tsv"}
    )
