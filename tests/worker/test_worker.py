"""The whole worker: a file in the inbox becomes a frame, is packed, and the worker stops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.frames.models import Frame, FrameQuery
from app.ingest.models import Arrival, ArrivalState
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.frames import stored_in
from worker.main import work

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Factory]:
    settings = settings_in(tmp_path, settle_s=0.2, sweep_s=0.5)
    factory = an_archive(settings, committed_sessions, engine, offload)
    yield factory
    await factory.jobs.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110  # the database is asked
            await asyncio.sleep(0.05)


async def arrivals(archive: Factory) -> tuple[Arrival, ...]:
    return (await archive.ingest.list(None, Window(limit=1000))).items


async def frames(archive: Factory) -> tuple[Frame, ...]:
    return (await archive.frames.search(FrameQuery(), SYSTEM)).items


async def test_from_the_inbox_to_a_packed_frame(archive: Factory, tmp_path: Path) -> None:
    stop = asyncio.Event()
    working = asyncio.create_task(work(archive, stop))
    made = make_fits(tmp_path / "a.fits", shape=(512, 512))
    nested = archive.settings.inbox / "camera" / "tonight"
    nested.mkdir(parents=True)
    made.rename(nested / "a.fits")
    (archive.settings.inbox / "broken.fits").write_bytes(b"this is no FITS file" * 200)

    async def settled() -> bool:
        found = await arrivals(archive)
        return len(found) == 2 and not any(each.state.is_open for each in found)

    async def packed() -> bool:
        versions = [frame.current for frame in await frames(archive)]
        return any(
            each is not None and stored_in(each).extension == ".fits.fz" for each in versions
        )

    await until(settled)
    await until(packed)
    stop.set()
    await asyncio.wait_for(working, timeout=30)
    states = {each.filename: each.state for each in await arrivals(archive)}
    assert states == {"a.fits": ArrivalState.FILED, "broken.fits": ArrivalState.QUARANTINED}
    assert [path for path in archive.settings.inbox.rglob("*") if path.is_file()] == []


async def test_what_waited_while_no_worker_ran_is_filed_at_the_start(archive: Factory) -> None:
    for number in range(5):
        make_fits(archive.settings.inbox / f"{number}.fits", OBJECT=f"target {number}")
    stop = asyncio.Event()
    working = asyncio.create_task(work(archive, stop))

    async def all_filed() -> bool:
        return len(await frames(archive)) == 5

    await until(all_filed)
    stop.set()
    await asyncio.wait_for(working, timeout=30)
