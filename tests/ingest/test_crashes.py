"""What is away, killed, or done by two at once: no file is lost, stuck, or told of wrongly."""

import asyncio
import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.errors import InvalidError, UnavailableError
from app.core.identity import SYSTEM
from app.core.offload import Offload, Task
from app.core.paging import Window
from app.db.engine import Sessions, transaction
from app.frames.models import FrameQuery
from app.ingest.models import Arrival, ArrivalNotFoundError, ArrivalState, NewArrival, Source
from app.ingest.spool import identity_of
from app.ingest.store import ArrivalStore
from app.storage.errors import StorageUnavailableError
from app.storage.protocol import Staged
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.frames import stored_in
from worker.dispositions import Disposition
from worker.handlers import IngestHandler

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    return an_archive(settings_in(tmp_path), committed_sessions, engine, offload)


def dropped(path: Path) -> NewArrival:
    return NewArrival(Source.INBOX, path.name, path.stat().st_size, path, identity_of(path))


async def announced(archive: Factory, path: Path) -> Arrival:
    assert await archive.ingest.announce(dropped(path))
    return await the_arrival(archive)


async def the_arrival(archive: Factory) -> Arrival:
    (arrival, *_) = (await archive.ingest.list(None, Window())).items
    return arrival


def refusing(code: int) -> object:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM])
async def test_a_quarantine_on_another_disk_gets_a_copy(
    archive: Factory, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = archive.settings.inbox / "a.fits"
    path.write_bytes(b"no FITS file")
    arrival = await announced(archive, path)
    monkeypatch.setattr(Path, "hardlink_to", refusing(code))
    await archive.ingest.quarantine(arrival.id, "no FITS file")
    kept, _ = sorted(archive.settings.quarantine_dir.iterdir())
    assert kept.read_bytes() == b"no FITS file"
    assert (await the_arrival(archive)).held_path == kept
    assert list(archive.settings.spool_dir.iterdir()) == []
    assert not path.exists()


async def test_a_full_quarantine_is_waited_for(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive.settings.inbox / "a.fits"
    path.write_bytes(b"no FITS file")
    arrival = await announced(archive, path)
    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", refusing(errno.ENOSPC))
        with pytest.raises(StorageUnavailableError, match="No space left"):
            await archive.ingest.quarantine(arrival.id, "no FITS file")
    assert path.exists()
    assert list(archive.settings.spool_dir.iterdir()) == []
    await archive.ingest.quarantine(arrival.id, "no FITS file")
    assert (await the_arrival(archive)).state is ArrivalState.QUARANTINED


async def test_another_machine_knows_the_file_by_another_device(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_fits(archive.settings.inbox / "a.fits")
    arrival = await announced(archive, path)
    stat = Path.stat

    def stat_elsewhere(self: Path, *, follow_symlinks: bool = True) -> object:
        found = stat(self, follow_symlinks=follow_symlinks)
        names = [name for name in dir(found) if name.startswith("st_")]
        values = {name: getattr(found, name) for name in names}
        return SimpleNamespace(**{**values, "st_dev": found.st_dev + 1})

    monkeypatch.setattr(Path, "stat", stat_elsewhere)
    await archive.ingest.process(arrival.id)
    assert (await the_arrival(archive)).state is ArrivalState.FILED
    assert not path.exists()


async def test_what_another_worker_settled_meanwhile_stays_settled(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_fits(archive.settings.inbox / "a.fits")
    arrival = await announced(archive, path)
    file = archive.filing.file

    async def cut_off(*given: Any) -> None:  # noqa: ANN401  # as given
        await file(*given)
        raise UnavailableError("the answer to the commit was lost")

    with monkeypatch.context() as patch:
        patch.setattr(archive.filing, "file", cut_off)
        with pytest.raises(UnavailableError):
            await archive.ingest.process(arrival.id)
    settled = await the_arrival(archive)
    assert (settled.state, settled.reason) == (ArrivalState.FILED, None)
    assert path.exists()
    assert await archive.ingest.process(arrival.id) is None
    assert not path.exists()


async def test_a_verdict_that_comes_too_late_changes_nothing(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_fits(archive.settings.inbox / "a.fits")
    arrival = await announced(archive, path)
    get = archive.ingest._get

    async def overtaken(arrival_id: int) -> Arrival:
        found = await get(arrival_id)
        await archive.ingest.process(arrival_id)
        shutil.copy(await stored_path(archive), path)
        return replace(found, source_identity=identity_of(path))

    monkeypatch.setattr(archive.ingest, "_get", overtaken)
    await archive.ingest.quarantine(arrival.id, "took too long")
    monkeypatch.undo()
    assert (await the_arrival(archive)).state is ArrivalState.FILED


async def stored_path(archive: Factory) -> Path:
    (frame,) = (await archive.frames.search(FrameQuery(), SYSTEM)).items
    assert frame.current is not None
    return archive.store.path(stored_in(frame.current).key)


async def test_a_file_that_vanishes_before_quarantine_is_discarded(archive: Factory) -> None:
    path = make_fits(archive.settings.inbox / "a.fits")
    arrival = await announced(archive, path)
    path.unlink()
    await IngestHandler(archive.ingest).give_up(
        {"arrival_id": arrival.id}, InvalidError("given up"), Disposition.QUARANTINE
    )
    assert (await the_arrival(archive)).state is ArrivalState.DISCARDED


async def test_the_job_of_an_arrival_that_is_no_more_leaves_the_queue(archive: Factory) -> None:
    handler, payload = IngestHandler(archive.ingest), {"arrival_id": 4711}
    with pytest.raises(ArrivalNotFoundError) as caught:
        await handler.run(payload)
    await handler.give_up(payload, caught.value, Disposition.DISCARD)


async def test_a_folder_at_the_place_of_a_file_is_passed_over(archive: Factory) -> None:
    path = make_fits(archive.settings.inbox / "a.fits", SITEID="tst", DAY_OBS="2026-01-02")
    (archive.settings.archive_dir / "tst" / "2026-01-02" / "a.fits").mkdir(parents=True)
    arrival = await announced(archive, path)
    await archive.ingest.process(arrival.id)
    assert (await stored_path(archive)).name == "a.v2.fits"


async def test_a_copy_that_vanishes_while_it_is_filed_discards_nothing(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_fits(archive.settings.inbox / "a.fits")
    arrival = await announced(archive, path)
    stage = archive.store.stage

    async def swept(source: Path, key: str, *, adopt: bool = False) -> Staged:
        await asyncio.to_thread(source.unlink)
        return await stage(source, key, adopt=adopt)

    with monkeypatch.context() as patch:
        patch.setattr(archive.store, "stage", swept)
        with pytest.raises(UnavailableError):
            await archive.ingest.process(arrival.id)
    assert (await the_arrival(archive)).state is ArrivalState.WAITING
    await archive.ingest.process(arrival.id)
    assert (await the_arrival(archive)).state is ArrivalState.FILED


@pytest.mark.parametrize("pack", ["now", "later"])
async def test_a_frame_that_cannot_be_packed_is_filed_as_it_is(
    tmp_path: Path,
    committed_sessions: Sessions,
    engine: AsyncEngine,
    offload: Offload,
    monkeypatch: pytest.MonkeyPatch,
    pack: str,
) -> None:
    monkeypatch.setattr("app.ingest.packing.PACK", Task("tests.support.dying:die_while_packing"))
    settings = settings_in(tmp_path, pack=pack)
    archive = an_archive(settings, committed_sessions, engine, offload)
    path = make_fits(settings.inbox / "a.fits", shape=(256, 256))
    content = path.read_bytes()
    await archive.ingest.process((await announced(archive, path)).id)
    if pack == "later":
        (frame,) = (await archive.frames.search(FrameQuery(), SYSTEM)).items
        assert frame.current is not None
        await archive.packing.pack(frame.current.id)
    assert (await the_arrival(archive)).state is ArrivalState.FILED
    assert (await stored_path(archive)).read_bytes() == content
    assert list(settings.spool_dir.iterdir()) == []


async def test_an_arrival_is_not_renamed_under_the_hands_of_a_worker(
    archive: Factory, committed_sessions: Sessions
) -> None:
    path = make_fits(archive.settings.inbox / "a.fits", OBJECT="one")
    arrival = await announced(archive, path)
    make_fits(path, OBJECT="two")
    new = dropped(path)
    async with transaction(committed_sessions) as session:
        arrivals = ArrivalStore(session)
        await arrivals.get(arrival.id, lock=True)
        announcing = asyncio.create_task(archive.ingest.announce(new))
        await asyncio.sleep(0.3)
        await arrivals.change(arrival.id, state=ArrivalState.RUNNING)
    assert not await announcing
    assert (await the_arrival(archive)).source_identity == arrival.source_identity
