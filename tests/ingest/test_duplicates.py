"""The same bytes again: nothing happens, whatever happens to the frame meanwhile."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.errors import ArchiveError
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.ingest.models import Arrival, ArrivalState, NewArrival, Outcome, Source
from app.ingest.restoring import Restorer
from app.ingest.store import ArrivalStore
from app.storage.digests import Digests
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.frames import stored_in

pytestmark = pytest.mark.asyncio


@pytest.fixture
def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    """Give an archive whose transactions really commit."""
    return an_archive(settings_in(tmp_path), committed_sessions, engine, offload, lambda: NOW)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """Give the bytes of a FITS file."""
    return make_fits(tmp_path / "a.fits").read_bytes()


async def upload(archive: Factory, content: bytes) -> tuple[Arrival, Outcome | ArchiveError | None]:
    """Send a file in by the front door."""
    held = archive.spool.new_path()
    held.write_bytes(content)
    return await archive.ingest.take_in(
        NewArrival(Source.UPLOAD, "a.fits", len(content), held_path=held)
    )


async def frame_of(archive: Factory, content: bytes) -> int:
    """File bytes; give the number of the frame."""
    _, outcome = await upload(archive, content)
    assert isinstance(outcome, Outcome)
    return outcome.frame_id


async def test_the_frame_is_deleted_while_the_duplicate_is_told(
    archive: Factory, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await frame_of(archive, content)
    get = ArrivalStore.get
    removing: list[Any] = []

    async def deleted(self: ArrivalStore, *given: Any, **wish: Any) -> Arrival:  # noqa: ANN401  # as given
        if wish.get("lock") and removing == [True]:
            removing.append(asyncio.create_task(archive.removal.remove(number, SYSTEM)))
            await asyncio.sleep(0.3)
        if not removing and wish.get("lock"):
            removing.append(True)
        return await get(self, *given, **wish)

    monkeypatch.setattr(ArrivalStore, "get", deleted)
    _, outcome = await upload(archive, content)
    assert outcome == Outcome(ArrivalState.DUPLICATE, number)
    await removing[1]
    assert await frame_of(archive, content) != number


async def test_a_duplicate_that_cannot_take_the_place_of_the_lost_file_is_kept(
    archive: Factory, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody lost the archive's copy: the one that came in again must not be thrown away."""
    number = await frame_of(archive, content)
    (version,) = (await archive.frames.get(number, SYSTEM)).versions
    archive.store.path(stored_in(version).key).unlink()

    async def refuse(_: Restorer, __: Path, ___: Digests) -> None:
        await asyncio.sleep(0)

    with monkeypatch.context() as patch:
        patch.setattr(Restorer, "restore", refuse)
        arrival, outcome = await upload(archive, content)
    assert isinstance(outcome, ArchiveError)
    assert "could not take its place" in outcome.message
    (kept,) = archive.settings.quarantine_dir.glob(f"{arrival.id:08d}-a.fits")
    assert kept.read_bytes() == content
    await archive.ingest.retry(arrival.id)
    await archive.ingest.process(arrival.id)
    assert archive.store.path(stored_in(version).key).read_bytes() == content
