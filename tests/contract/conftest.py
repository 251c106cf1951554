"""The dialects at their strict mounts, each over an archive in a temporary folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.lco import Lco
from tests.support.pyobs import Pyobs, a_pyobs
from tests.support.serving import served


@pytest_asyncio.fixture
async def pyobs(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Pyobs]:
    """Give the mount of pyobs-archive, on `NOW`; what a test writes is rolled back."""
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: NOW)
    async with served(archive) as api:
        yield await a_pyobs(api)


@pytest_asyncio.fixture
async def pyobs_uploads(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Pyobs]:
    """Give the same for uploads, which need sessions that commit; bodies up to 500,000 bytes."""
    settings = settings_in(tmp_path, max_upload_bytes=500_000)
    async with served(an_archive(settings, committed_sessions, engine, offload)) as api:
        yield await a_pyobs(api)


@pytest_asyncio.fixture
async def lco(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Lco]:
    """Give the mount of the LCO archive, on `NOW`; what a test writes is rolled back."""
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: NOW)
    async with served(archive) as api:
        yield Lco(api)
