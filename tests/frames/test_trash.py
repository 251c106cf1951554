"""What is deleted can be brought back, exactly as it was, until it expires."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from app.audit.models import AuditQuery
from app.context import Factory
from app.core.errors import ConflictError, NotFoundError
from app.core.identity import SYSTEM, Caller
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions, transaction
from app.db.tables import FileRow, FrameRow, RemovedFrameRow, UserRow
from app.frames.models import FrameNotFoundError
from app.frames.trash import RemovedFrameNotFoundError, RemovedState, RestoreConflictError
from app.ingest.announcing import Posted
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.clocks import MovingClock
from tests.support.fits_files import make_fits
from tests.support.frames import FUTURE, a_frame
from tests.support.serving import Served, served
from tests.support.trash_world import (
    TABLES,
    every_kind,
    rows,
    state_of,
    stored,
    told,
    trashed,
    upload,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def archive(
    tmp_path: Path,
    committed_sessions: Sessions,
    engine: AsyncEngine,
    offload: Offload,
    clock: MovingClock,
) -> Factory:
    settings = settings_in(tmp_path, internal_frames="public")
    return an_archive(settings, committed_sessions, engine, offload, clock)


@pytest_asyncio.fixture
async def api(archive: Factory) -> AsyncIterator[Served]:
    async with served(archive) as api:
        yield api


async def test_everything_comes_back_as_it_was(api: Served, tmp_path: Path) -> None:
    archive = api.archive
    token = await api.a_user("root", is_superuser=True)
    owner = await archive.accounts.create_user("owner", "owner has a password")
    kinds = await every_kind(archive, tmp_path, owner.id)
    before = await rows(archive.sessions), await stored(archive), await told(api, token, kinds)
    assert any(",-0," in row for row in before[0]["frames"])
    numbers = [await archive.removal.remove(each, SYSTEM, "a test") for each in kinds.numbers]
    left = await rows(archive.sessions)
    assert [len(left[name]) for name in TABLES] == [3, 0, 0, 0, 0, 1, 0, 1, 0]
    (original,) = await stored(archive)
    await archive.packing.remove(original)
    assert before[1].pop(original)
    assert await stored(archive) == {}
    assert len(await trashed(archive)) == 3
    for number in reversed(numbers):
        removed = await archive.restoration.restore(number, SYSTEM)
        assert removed.state is RemovedState.RESTORED
    after = await rows(archive.sessions), await stored(archive), await told(api, token, kinds)
    for name, found in before[0].items():
        assert after[0][name] == found, name
    assert after[1] == before[1]
    for path, answer in before[2].items():
        assert after[2][path] == answer, path
    assert all(answer[0] < 500 for answer in before[2].values())
    assert await trashed(archive) == []


async def test_a_frame_whose_name_came_in_anew_stays_in_the_trash(
    archive: Factory, tmp_path: Path
) -> None:
    old = await upload(archive, make_fits(tmp_path / "a.fits"))
    removal_id = await archive.removal.remove(old, SYSTEM)
    new = await upload(archive, make_fits(tmp_path / "b" / "a.fits", OBJECT="M1"))
    with pytest.raises(RestoreConflictError, match=f"called a has come in since, as frame {new}"):
        await archive.restoration.restore(removal_id, SYSTEM)
    assert len(await stored(archive)) == 1
    await archive.removal.remove(new, SYSTEM)
    await archive.restoration.restore(removal_id, SYSTEM)
    frame = await archive.frames.get_by_name("a", SYSTEM)
    assert (frame.id, frame.facts.object_name) == (old, "M67")


async def test_a_frame_whose_bytes_came_in_anew_stays_in_the_trash(
    archive: Factory, tmp_path: Path
) -> None:
    path = make_fits(tmp_path / "a.fits")
    old = await upload(archive, path)
    removal_id = await archive.removal.remove(old, SYSTEM)
    new = await upload(archive, path.rename(tmp_path / "other.fits"))
    with pytest.raises(ConflictError, match=f"same bytes have come in since, as .*frame {new}"):
        await archive.restoration.restore(removal_id, SYSTEM)
    assert new != old
    assert await state_of(archive, removal_id) is RemovedState.KEPT


async def test_the_same_file_sent_in_again_is_a_new_frame(archive: Factory, tmp_path: Path) -> None:
    path = make_fits(tmp_path / "a.fits")
    old = await upload(archive, path)
    removal_id = await archive.removal.remove(old, SYSTEM)
    new = await upload(archive, path)
    assert new != old
    await archive.trash_files.move(removal_id)
    (content,) = (await stored(archive)).values()
    assert content == path.read_bytes()
    await archive.removal.remove(new, SYSTEM)
    await archive.restoration.restore(removal_id, SYSTEM)
    assert (await archive.frames.get_by_name("a", SYSTEM)).id == old


async def test_a_number_that_was_given_away_is_named(archive: Factory) -> None:
    made = await a_frame(archive.sessions, "a", store=archive.store)
    removal_id = await archive.removal.remove(made.id, SYSTEM)
    async with transaction(archive.sessions) as session:
        session.add(FrameRow(id=made.id, basename="other", reduction_level=0))
    with pytest.raises(RestoreConflictError, match="belongs to other by now"):
        await archive.restoration.restore(removal_id, SYSTEM)


async def test_a_mere_name_makes_room(archive: Factory) -> None:
    """Whoever named the frame while it was gone made a name of it, which is no frame."""
    made = await a_frame(archive.sessions, "a", store=archive.store)
    removal_id = await archive.removal.remove(made.id, SYSTEM)
    posted = Posted("b", {"OBJECT": "M67"}, {"observed_at": NOW}, (), ("a",))
    naming = await archive.announcing.announce(posted, SYSTEM)
    (name_only,) = (await archive.frames.get_any(naming, SYSTEM)).related
    assert name_only != made.id
    await archive.restoration.restore(removal_id, SYSTEM)
    assert (await archive.frames.get_any(naming, SYSTEM)).related == (made.id,)


async def test_something_at_the_place_of_the_file_is_not_written_over(archive: Factory) -> None:
    made = await a_frame(archive.sessions, "a", store=archive.store)
    (key,) = await stored(archive)
    removal_id = await archive.removal.remove(made.id, SYSTEM)
    path = archive.settings.archive_dir / key
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody else's")
    with pytest.raises(RestoreConflictError, match=f"no frame lies at {key}"):
        await archive.restoration.restore(removal_id, SYSTEM)
    assert path.read_bytes() == b"somebody else's"
    assert await state_of(archive, removal_id) is RemovedState.KEPT
    path.unlink()
    await archive.restoration.restore(removal_id, SYSTEM)
    assert path.read_bytes() == made.content


@pytest.mark.parametrize("change", ["lost", "altered"])
async def test_a_file_that_is_not_what_it_was_is_named(archive: Factory, change: str) -> None:
    made = await a_frame(archive.sessions, "a", store=archive.store)
    (key,) = await stored(archive)
    removal_id = await archive.removal.remove(made.id, SYSTEM)
    (place,) = await trashed(archive)
    path = archive.store.trash.path(key, place)
    path.unlink()
    if change == "altered":
        path.write_bytes(b"rotten")
    with pytest.raises(RestoreConflictError, match=r"not in the trash|have changed"):
        await archive.restoration.restore(removal_id, SYSTEM)
    assert await stored(archive) == {}
    path.write_bytes(made.content)
    await archive.restoration.restore(removal_id, SYSTEM)


async def test_a_damaged_file_comes_back_as_damaged_as_it_was(archive: Factory) -> None:
    made = await a_frame(archive.sessions, "a", store=archive.store)
    (key,) = await stored(archive)
    archive.store.path(key).write_bytes(b"rotten")
    async with transaction(archive.sessions) as session:
        await session.execute(update(FileRow).values(damage="altered", damaged_at=NOW))
    removal_id = await archive.removal.remove(made.id, SYSTEM)
    await archive.restoration.restore(removal_id, SYSTEM)
    assert await stored(archive) == {key: b"rotten"}
    async with transaction(archive.sessions) as session:
        assert (await session.scalars(select(FileRow.damage))).all() == ["altered"]


async def test_what_has_expired_does_not_come_back(archive: Factory, clock: MovingClock) -> None:
    made = await a_frame(archive.sessions, "a", store=archive.store)
    removal_id = await archive.removal.remove(made.id, SYSTEM)
    clock.now += timedelta(days=29)
    await archive.purging.go_on({})
    assert await state_of(archive, removal_id) is RemovedState.KEPT
    clock.now += timedelta(days=1)
    assert await state_of(archive, removal_id) is RemovedState.EXPIRED
    with pytest.raises(RemovedFrameNotFoundError, match="expired at 2026-12-20 12:00 UTC"):
        await archive.restoration.restore(removal_id, SYSTEM)
    assert len(await trashed(archive)) == 1
    await archive.purging.go_on({})
    assert await state_of(archive, removal_id) is RemovedState.PURGED
    assert await trashed(archive) == []
    with pytest.raises(NotFoundError, match="gone for ever"):
        await archive.restoration.restore(removal_id, SYSTEM)
    with pytest.raises(RemovedFrameNotFoundError):
        await archive.restoration.restore(removal_id + 1, SYSTEM)


async def test_who_when_and_why_outlive_the_purge(archive: Factory) -> None:
    made = await a_frame(archive.sessions, "a", store=archive.store)
    await archive.removal.remove(made.id, Caller(7, "ada", is_superuser=True), "clouds")
    assert await archive.purging.empty(SYSTEM, only_expired=True) == 0
    assert await archive.purging.empty(SYSTEM, only_expired=False) == 1
    (kept,) = (await archive.restoration.list(SYSTEM, Window())).items
    assert (kept.basename, kept.removed_by, kept.reason) == ("a", "ada", "clouds")
    assert kept.size_bytes == len(made.content)
    lines = (await archive.audit.list(AuditQuery(), SYSTEM, Window())).items
    assert [(each.who, each.action, each.subject, each.reason) for each in lines] == [
        ("system", "purge frame", "frame a", None),
        ("ada", "remove frame", "frame a", "clouds"),
    ]
    async with transaction(archive.sessions) as session:
        (left,) = (await session.scalars(select(RemovedFrameRow.table_rows))).all()
    assert left == {}


async def test_a_trash_of_no_days_is_emptied_by_the_job_alone(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, trash_days=0)
    archive = an_archive(settings, committed_sessions, engine, offload, lambda: NOW)
    made = await a_frame(archive.sessions, "a", store=archive.store)
    removal_id = await archive.removal.remove(made.id, SYSTEM)
    assert len(await trashed(archive)) == 1
    with pytest.raises(RemovedFrameNotFoundError):
        await archive.restoration.restore(removal_id, SYSTEM)
    await archive.purging.go_on({})
    assert await trashed(archive) == []


async def test_what_nobody_accounts_for_stays_in_the_trash(archive: Factory) -> None:
    """A database that came back from a backup does not know the latest deletions."""
    made = await a_frame(archive.sessions, "a", store=archive.store)
    await archive.removal.remove(made.id, SYSTEM)
    folder = archive.settings.archive_dir / ".trash"
    for odd in ("999-20200101T000000000000", "odd"):
        (folder / odd).mkdir()
        (folder / odd / "a.fits").write_bytes(b"?")
    await archive.purging.empty(SYSTEM, only_expired=False)
    assert sorted(await trashed(archive)) == ["999-20200101T000000000000", "odd"]


async def test_who_does_not_see_the_frame_does_not_see_its_deletion(archive: Factory) -> None:
    store = archive.store
    hidden = await a_frame(archive.sessions, "h", public_at=FUTURE, proposal="P", store=store)
    public = await a_frame(archive.sessions, "p", store=store)
    numbers = [await archive.removal.remove(each.id, SYSTEM) for each in (hidden, public)]
    staff = Caller(1, "ada", is_staff=True)
    member = Caller(2, "bo", is_staff=True, proposals=frozenset({"P"}))
    found = [
        [each.basename for each in (await archive.restoration.list(who, Window())).items]
        for who in (staff, member, SYSTEM)
    ]
    assert found == [["p"], ["p", "h"], ["p", "h"]]
    with pytest.raises(RemovedFrameNotFoundError):
        await archive.restoration.restore(numbers[0], staff)
    await archive.restoration.restore(numbers[0], member)
    with pytest.raises(FrameNotFoundError):
        await archive.frames.get(hidden.id, staff)


async def test_a_second_call_changes_nothing(archive: Factory) -> None:
    made = await a_frame(archive.sessions, "a", store=archive.store)
    first = await archive.removal.remove(made.id, SYSTEM)
    both = (archive.restoration.restore(first, SYSTEM) for _ in range(2))
    states = [each.state for each in await asyncio.gather(*both)]
    assert states == [RemovedState.RESTORED] * 2
    await archive.restoration.restore(first, SYSTEM)
    second = await archive.removal.remove(made.id, SYSTEM)
    with pytest.raises(RestoreConflictError, match="deleted again"):
        await archive.restoration.restore(first, SYSTEM)
    await archive.restoration.restore(second, SYSTEM)
    assert len(await stored(archive)) == 1


async def test_an_owner_who_is_gone_is_left_out(archive: Factory) -> None:
    owner = await archive.accounts.create_user("owner", "owner has a password")
    made = await a_frame(archive.sessions, "a", owner_id=owner.id, store=archive.store)
    removal_id = await archive.removal.remove(made.id, SYSTEM)
    async with transaction(archive.sessions) as session:
        await session.execute(delete(UserRow).where(UserRow.id == owner.id))
    await archive.restoration.restore(removal_id, SYSTEM)
    async with transaction(archive.sessions) as session:
        assert (await session.scalars(select(FrameRow.owner_id))).all() == [None]
