"""A process that dies while it deletes, restores or purges loses nothing: the next one finishes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.errors import ArchiveError, NotFoundError
from app.core.faults import FaultPoint, arm, disarm
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.frames.models import FrameNotFoundError
from app.frames.trash import EMPTY_JOB, TRASH_JOB, RemovedState
from app.storage import local_trash
from app.storage.errors import StorageUnavailableError
from app.storage.local_trash import LocalTrash
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.frames import a_frame
from tests.support.trash_world import rows, state_of, stored, trashed, upload
from worker.handlers import TrashHandler
from worker.upkeep import daily_handlers

pytestmark = pytest.mark.asyncio

REMOVING = (
    (FaultPoint.REMOVAL_WRITTEN, 1), (FaultPoint.REMOVAL_RECORDED, 1),
    (FaultPoint.REMOVAL_FILE_MOVED, 1), (FaultPoint.REMOVAL_FILE_MOVED, 2),
)  # fmt: skip
RESTORING = (
    (FaultPoint.REMOVAL_FILE_MOVED, 1), (FaultPoint.REMOVAL_FILE_MOVED, 2),
    (FaultPoint.RESTORE_STAGED, 1), (FaultPoint.RESTORE_WRITTEN, 1),
    (FaultPoint.RESTORE_FILE_VISIBLE, 1), (FaultPoint.RESTORE_FILE_VISIBLE, 2),
    (FaultPoint.RESTORE_COMMITTED, 1),
)  # fmt: skip
"""Every point, and at which passing the process dies there."""


class Death(BaseException):
    """What an armed point raises: nothing that the code foresees, as a kill is not."""


def die() -> None:
    raise Death


@pytest.fixture
def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    settings = settings_in(tmp_path)
    return an_archive(settings, committed_sessions, engine, offload, lambda: NOW)


@pytest.fixture(autouse=True)
def _nothing_armed() -> Iterator[None]:
    yield
    disarm()


async def two_versions(archive: Factory) -> int:
    """File a frame of two files."""
    await a_frame(archive.sessions, "a", store=archive.store)
    return (await a_frame(archive.sessions, "a", store=archive.store)).id


async def run_jobs(archive: Factory) -> None:
    """Do what a worker does with the jobs of the trash, whenever they are due."""
    handlers = {**daily_handlers(archive), TRASH_JOB: TrashHandler(archive.trash_files)}
    archive.jobs._clock = lambda: NOW.replace(year=2027)
    while job := await archive.jobs.take("test", list(handlers), lease_s=60):
        await handlers[job.kind].run(job.payload)
        await archive.jobs.finish(job)


@pytest.mark.parametrize(("point", "passing"), REMOVING)
async def test_death_while_deleting(archive: Factory, point: FaultPoint, passing: int) -> None:
    number = await two_versions(archive)
    before = await rows(archive.sessions), await stored(archive)
    arm(point, die, passing=passing)
    with pytest.raises(Death):
        await archive.removal.remove(number, SYSTEM)
    disarm()
    if point is FaultPoint.REMOVAL_WRITTEN:
        assert (await rows(archive.sessions), await stored(archive)) == before
        await archive.removal.remove(number, SYSTEM)
    await run_jobs(archive)
    assert await stored(archive) == {}
    assert await archive.jobs.count() == 0
    (removed,) = (await archive.restoration.list(SYSTEM, Window())).items
    await archive.restoration.restore(removed.id, SYSTEM)
    assert (await rows(archive.sessions), await stored(archive)) == before


@pytest.mark.parametrize(("point", "passing"), RESTORING)
@pytest.mark.parametrize("is_moved", [True, False])
async def test_death_while_restoring(
    archive: Factory, point: FaultPoint, passing: int, *, is_moved: bool
) -> None:
    number = await two_versions(archive)
    before = await rows(archive.sessions), await stored(archive)
    if not is_moved:
        arm(FaultPoint.REMOVAL_RECORDED, die)
    try:
        await archive.removal.remove(number, SYSTEM)
    except Death:
        disarm()
    (removed,) = (await archive.restoration.list(SYSTEM, Window())).items
    arm(point, die, passing=passing)
    with pytest.raises(Death):
        await archive.restoration.restore(removed.id, SYSTEM)
    disarm()
    await check_whole(archive, number, before)
    assert (await archive.restoration.restore(removed.id, SYSTEM)).state is RemovedState.RESTORED
    assert (await rows(archive.sessions), await stored(archive)) == before
    assert await trashed(archive) == []
    await run_jobs(archive)
    assert (await rows(archive.sessions), await stored(archive)) == before


async def check_whole(archive: Factory, number: int, before: Any) -> None:  # noqa: ANN401  # pairs
    """See to it that there is no row without its file, and no file is lost."""
    try:
        await archive.frames.get(number, SYSTEM)
    except FrameNotFoundError:
        return
    assert (await rows(archive.sessions), await stored(archive)) == before


async def test_death_while_purging(archive: Factory) -> None:
    removal_id = await archive.removal.remove(await two_versions(archive), SYSTEM)
    arm(FaultPoint.PURGE_COMMITTED, die)
    with pytest.raises(Death):
        await archive.purging.empty(SYSTEM, only_expired=False)
    disarm()
    assert await state_of(archive, removal_id) is RemovedState.PURGED
    assert len(await trashed(archive)) == 1
    await archive.purging.go_on({})
    assert await trashed(archive) == []


async def test_files_that_never_moved_are_purged_too(archive: Factory) -> None:
    number = await two_versions(archive)
    arm(FaultPoint.REMOVAL_RECORDED, die)
    with pytest.raises(Death):
        await archive.removal.remove(number, SYSTEM)
    disarm()
    assert await archive.purging.empty(SYSTEM, only_expired=False) == 1
    assert await stored(archive) == {}
    assert await trashed(archive) == []
    await run_jobs(archive)


async def test_a_disk_that_refuses_in_the_middle_of_a_restore(archive: Factory) -> None:
    """What was made visible for a transaction that fails is taken back."""
    removal_id = await archive.removal.remove(await two_versions(archive), SYSTEM)

    def refuse() -> None:
        raise StorageUnavailableError("the disk is full")

    arm(FaultPoint.RESTORE_FILE_VISIBLE, refuse, passing=2)
    with pytest.raises(StorageUnavailableError):
        await archive.restoration.restore(removal_id, SYSTEM)
    assert await stored(archive) == {}
    disarm()
    await archive.restoration.restore(removal_id, SYSTEM)
    assert len(await stored(archive)) == 2


async def test_a_purge_that_the_disk_refuses_waits_for_tomorrow(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [await a_frame(archive.sessions, name, store=archive.store) for name in "ab"]
    numbers = [await archive.removal.remove(each.id, SYSTEM) for each in frames]
    archive.purging._clock = lambda: NOW.replace(year=2027)
    move = archive.trash_files.move

    async def refuse(removal_id: int) -> None:
        if removal_id == numbers[0]:
            raise StorageUnavailableError("read-only")
        await move(removal_id)

    monkeypatch.setattr(archive.trash_files, "move", refuse)
    await archive.purging.go_on({})
    assert await state_of(archive, numbers[0]) is RemovedState.KEPT
    assert await state_of(archive, numbers[1]) is RemovedState.PURGED


async def test_a_long_purge_is_done_in_slices(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [await a_frame(archive.sessions, store=archive.store) for _ in range(3)]
    for made in frames:
        await archive.removal.remove(made.id, SYSTEM)
    archive.purging._clock = lambda: NOW.replace(year=2027)
    archive.trash_files._clock = archive.purging._clock
    monkeypatch.setattr("app.frames.purging._AT_ONCE", 1)
    monkeypatch.setattr("app.frames.purging._SLICE_S", 1e-9)
    await daily_handlers(archive)[EMPTY_JOB].run({})
    assert len(await trashed(archive)) == 2
    await run_jobs(archive)
    assert await trashed(archive) == []


@pytest.mark.parametrize("as_copy", [False, True])
async def test_a_folder_that_is_a_disk_of_its_own(
    archive: Factory, monkeypatch: pytest.MonkeyPatch, *, as_copy: bool
) -> None:
    """Where a file cannot be renamed into the trash, nor linked, it is copied and then removed."""
    monkeypatch.setattr(local_trash, "_moved", lambda *_: False)
    if as_copy:
        monkeypatch.setattr(local_trash, "linked", lambda *_: False)
    number = await two_versions(archive)
    before = await stored(archive)
    removal_id = await archive.removal.remove(number, SYSTEM)
    assert await stored(archive) == {}
    await archive.restoration.restore(removal_id, SYSTEM)
    assert await stored(archive) == before


async def test_the_same_file_filed_between_rows_and_files(archive: Factory, tmp_path: Path) -> None:
    path = make_fits(tmp_path / "a.fits")
    arm(FaultPoint.REMOVAL_RECORDED, die)
    with pytest.raises(Death):
        await archive.removal.remove(await upload(archive, path), SYSTEM)
    disarm()
    new = await upload(archive, path)
    await run_jobs(archive)
    (content,) = (await stored(archive)).values()
    assert content == path.read_bytes()
    (place,) = await trashed(archive)
    (removed,) = (await archive.restoration.list(SYSTEM, Window())).items
    assert removed.place == place
    await archive.removal.remove(new, SYSTEM)
    await archive.restoration.restore(removed.id, SYSTEM)
    assert list((await stored(archive)).values()) == [content]


@pytest.mark.parametrize("same", [True, False])
async def test_deleting_and_filing_at_once(archive: Factory, tmp_path: Path, *, same: bool) -> None:
    """Whoever comes first: every frame that is there has its bytes, and so has what is deleted."""
    first = make_fits(tmp_path / "a.fits")
    second = first if same else make_fits(tmp_path / "n" / "a.fits", OBJECT="M1")
    for _ in range(2):
        number = await upload(archive, first)
        both = (archive.removal.remove(number, SYSTEM), _filed(archive, second))
        await asyncio.gather(*both)
        page = await archive.restoration.list(SYSTEM, Window(), RemovedState.KEPT)
        for frame in await _frames(archive):
            await archive.removal.remove(frame, SYSTEM)
        (removed, *_) = [each for each in page.items if each.frame_id == number]
        await archive.restoration.restore(removed.id, SYSTEM)
        assert (await archive.frames.get(number, SYSTEM)).basename == "a"
        assert first.read_bytes() in (await stored(archive)).values()
        await archive.removal.remove(number, SYSTEM)
        await archive.purging.empty(SYSTEM, only_expired=False)
        assert await stored(archive) == {}


async def _filed(archive: Factory, path: Path) -> None:
    try:
        await upload(archive, path)
    except (ArchiveError, AssertionError):
        return  # a duplicate of the frame that is being deleted


async def _frames(archive: Factory) -> list[int]:
    found = []
    for name in ("a",):
        try:
            found.append((await archive.frames.get_by_name(name, SYSTEM)).id)
        except NotFoundError:
            continue
    return found


async def test_the_trash_is_one_place_for_each_deletion(tmp_path: Path) -> None:
    trash = LocalTrash(tmp_path, lambda key: tmp_path / key)
    for odd in ("a/b", "..", ".trash", ""):
        with pytest.raises(ArchiveError):
            await trash.empty(odd)
    assert [place async for place in trash.iter_places()] == []
    await trash.empty("1-20260101T000000000000")
