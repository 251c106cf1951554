"""Frames are deleted with rows and files, and nothing else is."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from app.context import Factory
from app.core.identity import SYSTEM, Caller
from app.core.offload import Offload
from app.db.engine import Sessions, transaction
from app.db.tables import (
    FileRow,
    FrameHeaderRow,
    FrameLinkRow,
    FrameRow,
    FrameVersionRow,
    HeaderValueRow,
    StoredThumbnailRow,
)
from app.frames.models import FrameNotFoundError, FrameQuery
from app.frames.removal import RemovalService
from app.frames.trash_files import TrashFiles
from app.ingest.models import ArrivalState, NewArrival, Outcome, Source
from app.ingest.store import ArrivalStore
from app.settings import InternalFrames
from app.storage.errors import StorageUnavailableError
from app.storage.local_trash import LocalTrash
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.frames import FUTURE, a_frame

pytestmark = pytest.mark.asyncio

TABLES = (
    FileRow, FrameHeaderRow, FrameLinkRow, FrameRow, FrameVersionRow, HeaderValueRow,
    StoredThumbnailRow,
)  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload) -> Factory:
    """Give an archive; what a test writes is rolled back."""
    return an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: NOW)


async def count(sessions: Sessions) -> int:
    """Count the rows of the catalogue."""
    async with transaction(sessions) as session:
        counted = [
            (await session.execute(select(func.count()).select_from(table))).scalar_one()
            for table in TABLES
        ]
    return sum(counted)


async def keys(archive: Factory) -> list[str]:
    """List what is stored."""
    return [key async for key in archive.store.iter_keys()]


async def test_nothing_of_a_frame_stays(archive: Factory) -> None:
    await a_frame(archive.sessions, "a", store=archive.store)
    made = await a_frame(archive.sessions, "a", store=archive.store, related=["b"])
    await archive.removal.remove(made.id, SYSTEM)
    assert (await count(archive.sessions), await keys(archive)) == (0, [])
    with pytest.raises(FrameNotFoundError):
        await archive.removal.remove(made.id, SYSTEM)


async def test_other_frames_stay(archive: Factory) -> None:
    gone = await a_frame(archive.sessions, "gone", store=archive.store)
    kept = await a_frame(archive.sessions, "kept", store=archive.store, related=["gone"])
    await archive.removal.remove(gone.id, SYSTEM)
    frame = await archive.frames.get(kept.id, SYSTEM)
    assert frame.related == ()
    assert len(await keys(archive)) == 1
    back = await a_frame(archive.sessions, "gone")
    assert (await archive.frames.get(kept.id, SYSTEM)).related == (back.id,)


async def test_who_does_not_see_a_frame_cannot_delete_it(archive: Factory) -> None:
    made = await a_frame(archive.sessions, public_at=FUTURE, store=archive.store)
    with pytest.raises(FrameNotFoundError):
        await archive.removal.remove(made.id, Caller(user_id=1, is_staff=True))
    assert len(await keys(archive)) == 1


async def test_a_file_that_is_gone_already_is_fine(archive: Factory) -> None:
    made = await a_frame(archive.sessions)
    await archive.removal.remove(made.id, SYSTEM)
    assert await count(archive.sessions) == 0


async def test_a_disk_that_refuses_keeps_the_file_and_not_the_row(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await a_frame(archive.sessions, store=archive.store)

    async def refuse(_: LocalTrash, key: str, place: str) -> None:
        raise StorageUnavailableError(f"read-only: {key} {place}")

    with monkeypatch.context() as patch:
        patch.setattr(LocalTrash, "take", refuse)
        removal_id = await archive.removal.remove(made.id, SYSTEM)
    assert await count(archive.sessions) == 0
    assert len(await keys(archive)) == 1
    assert await archive.jobs.count() == 1
    await archive.trash_files.move(removal_id)
    assert await keys(archive) == []


async def test_arrivals_keep_their_history(archive: Factory) -> None:
    made = await a_frame(archive.sessions)
    async with transaction(archive.sessions) as session:
        arrivals = ArrivalStore(session)
        new = NewArrival(Source.UPLOAD, "a.fits", 4)
        arrival = await arrivals.add(new, ArrivalState.RUNNING, NOW)
        assert arrival is not None
        outcome = Outcome(ArrivalState.FILED, made.id)
        await arrivals.settle(arrival.id, outcome, "0" * 64, NOW)
    await archive.removal.remove(made.id, SYSTEM)
    async with transaction(archive.sessions) as session:
        after = await ArrivalStore(session).get(arrival.id)
    assert (after.state, after.frame_id) == (ArrivalState.FILED, None)


async def test_a_name_that_is_filed_again_meanwhile_keeps_its_file(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    """Whoever files the same name and bytes between rows and files adopts the file."""
    archive = an_archive(settings_in(tmp_path), committed_sessions, engine, offload)
    made = await a_frame(archive.sessions, "a", store=archive.store)
    (key,) = await keys(archive)

    class Adopting(TrashFiles):
        @override
        async def move(self, removal_id: int) -> None:
            async with transaction(archive.sessions) as session:
                session.add(
                    FileRow(
                        id=10_000, key=key, name="a.fits", size_bytes=1, md5="0",
                        sha256=hashlib.sha256(made.content).hexdigest(), crc32=0,
                        content_type="image/fits",
                    )
                )  # fmt: skip
            await super().move(removal_id)

    files = Adopting(archive.sessions, archive.store, archive.clock)
    removal = RemovalService(
        sessions=archive.sessions,
        queue=archive.jobs,
        clock=archive.clock,
        files=files,
        internal=InternalFrames.USERS,
        kept_for=timedelta(days=30),
    )
    removal_id = await removal.remove(made.id, SYSTEM)
    assert await keys(archive) == [key]
    (place,) = [place async for place in archive.store.trash.iter_places()]
    assert place.startswith(f"{removal_id}-")
    assert archive.store.trash.path(key, place).read_bytes() == made.content


async def test_two_who_delete_at_once(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    archive = an_archive(settings_in(tmp_path), committed_sessions, engine, offload)
    made = await a_frame(archive.sessions, store=archive.store)
    both = (archive.removal.remove(made.id, SYSTEM) for _ in range(2))
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["FrameNotFoundError", "int"]
    assert (await archive.frames.search(FrameQuery(), SYSTEM)).count == 0
    assert await keys(archive) == []
