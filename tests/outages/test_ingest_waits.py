"""The worker while a disk is in trouble: it waits as a whole, loses nothing, and goes on."""

import asyncio
import errno
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.frames.models import FrameQuery
from app.ingest.models import ArrivalState
from app.storage import volumes
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.refusing_disks import fill, refuse_writing, remount, small_disk
from worker import holding, main, runner
from worker.upkeep import DAILY_KINDS

MIB = 1 << 20
FILES = 4
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volumes, "_BAD_FOR_S", 0.1)
    monkeypatch.setattr(runner, "_HELD_POLL_S", 0.1)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that a disk refused are due again at once."""
    monkeypatch.setattr(holding, "retry_delay_s", lambda *_: 0.2)


@pytest.fixture
def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    settings = settings_in(
        tmp_path, min_free_bytes=0, settle_s=0, sweep_s=0.5, pack="never", sample_frames=0
    )
    return an_archive(settings, committed_sessions, engine, offload)


@asynccontextmanager
async def at_work(archive: Factory) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    working = asyncio.create_task(main.work(archive, stop))
    try:
        yield working
    finally:
        stop.set()
        await asyncio.wait_for(working, PATIENCE_S)
        await archive.jobs.close()


def drop(archive: Factory, first: int, count: int = FILES) -> None:
    for number in range(first, first + count):
        made = make_fits(archive.settings.data_dir / "made" / f"tst-{number}.fits", OBJECT=number)
        made.rename(archive.settings.inbox / made.name)


async def states(archive: Factory) -> Counter[ArrivalState]:
    page = await archive.ingest.list(None, Window(limit=1000))
    return Counter(arrival.state for arrival in page.items)


async def until_filed(archive: Factory, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await states(archive))[ArrivalState.FILED] < count:  # noqa: ASYNC110  # in the database
            await asyncio.sleep(0.05)


async def until_known(archive: Factory, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await states(archive)).total() < count:  # noqa: ASYNC110  # in the database
            await asyncio.sleep(0.05)


async def is_complete(archive: Factory, count: int) -> None:
    """Every file is once a frame, with its bytes, and nothing else is left."""
    assert await states(archive) == {ArrivalState.FILED: count}
    page = await archive.frames.search(FrameQuery(window=Window(limit=1000)), SYSTEM)
    keys = {version.stored.key for one in page.items for version in one.versions if version.stored}
    assert len(keys) == page.count == count
    stored = {key async for key in archive.store.iter_keys()}
    assert stored == keys
    async with asyncio.timeout(PATIENCE_S):
        while any(archive.settings.inbox.iterdir()):  # noqa: ASYNC110  # removed after the row
            await asyncio.sleep(0.05)
    assert list(archive.settings.spool_dir.iterdir()) == []
    assert await archive.jobs.count() <= len(DAILY_KINDS)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("volume", "number"),
    [
        ("archive", errno.EROFS),
        ("spool", errno.EDQUOT),
        ("quarantine", errno.EIO),
    ],
)
async def test_the_ingest_waits_for_a_disk_and_goes_on(
    archive: Factory, monkeypatch: pytest.MonkeyPatch, volume: str, number: int
) -> None:
    folder = archive.settings.data_dir.absolute() / volume
    async with at_work(archive):
        drop(archive, 0, 1)
        await until_filed(archive, 1)
        with capture_logs() as logs:
            refusing = refuse_writing(monkeypatch, folder, number)
            drop(archive, 1)
            await until_known(archive, 1 + FILES)
            await asyncio.sleep(2)
            found = await states(archive)
            failures = [entry for entry in logs if entry["event"] == "job failed"]
        if volume != "quarantine":  # which a sound file does not need at the moment it is filed
            assert found == {ArrivalState.FILED: 1, ArrivalState.WAITING: FILES}
        assert found[ArrivalState.QUARANTINED] == 0
        assert len(failures) <= archive.settings.ingest_workers + 1
        refusing.is_on = False
        await until_filed(archive, 1 + FILES)
        await is_complete(archive, 1 + FILES)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.asyncio
@pytest.mark.parametrize(("volume", "trouble"), [("archive", "full")])
async def test_the_ingest_waits_for_a_real_disk(
    archive: Factory, volume: str, trouble: str
) -> None:
    with small_disk(archive.settings.data_dir.absolute() / volume, 8 * MIB) as disk:
        async with at_work(archive):
            drop(archive, 0, 1)
            await until_filed(archive, 1)
            ballast = fill(disk) if trouble == "full" else None
            if ballast is None:
                remount(disk, "ro")
            drop(archive, 1)
            await until_known(archive, 1 + FILES)
            await asyncio.sleep(1)
            assert await states(archive) == {ArrivalState.FILED: 1, ArrivalState.WAITING: FILES}
            if ballast is None:
                remount(disk, "rw")
            else:
                ballast.unlink()
            await until_filed(archive, 1 + FILES)
            await is_complete(archive, 1 + FILES)


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [errno.EACCES])
async def test_files_of_an_inbox_that_cannot_be_written_to_are_filed_once(
    archive: Factory, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    drop(archive, 0)
    refusing = refuse_writing(monkeypatch, archive.settings.inbox, number)
    async with at_work(archive):
        with capture_logs() as logs:
            await until_filed(archive, FILES)
            await asyncio.sleep(2)  # several sweeps
            assert await states(archive) == {ArrivalState.FILED: FILES}
        told = Counter(entry["event"] for entry in logs if entry["log_level"] == "warning")
        assert 0 < sum(told.values()) <= 4 * FILES, told
        assert (await archive.frames.search(FrameQuery(), SYSTEM)).count == FILES
    refusing.is_on = False
    async with at_work(archive):
        await is_complete(archive, FILES)


@pytest.mark.asyncio
async def test_a_file_that_alone_is_refused_holds_nobody_up(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(archive, 0)
    refused = archive.settings.inbox / "tst-0.fits"
    real_open: Callable[..., int] = os.open
    opened: list[object] = []

    def guarded(path: object, *rest: object, **named: object) -> int:
        if str(path) == str(refused):
            opened.append(path)
            raise OSError(errno.EACCES, "Permission denied")
        return real_open(path, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", guarded)
        async with at_work(archive):
            await until_filed(archive, FILES - 1)
            await asyncio.sleep(1)
            assert await states(archive) == {
                ArrivalState.FILED: FILES - 1,
                ArrivalState.WAITING: 1,
            }
            assert len(opened) <= 2
