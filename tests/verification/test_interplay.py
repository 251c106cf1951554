"""What one part of the archive does while another one is half way: nothing is lost between them."""

import errno
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.backups.models import Trouble
from app.context import Factory
from app.core.faults import FaultPoint, arm, disarm
from app.core.identity import SYSTEM
from app.core.paging import Window
from app.frames.models import Frame
from app.ingest.models import ArrivalState, Outcome
from app.storage.digests import digest_file
from app.storage.errors import StorageUnavailableError, storage_error
from app.storage.protocol import Staged
from app.storage.volumes import PROBE
from app.verification import stored as stored_check
from app.verification.models import CatalogueFile, FindingKind
from app.verification.reading import Pace
from app.verification.stored import Flaw, StoredCheck
from tests.support.backing_up import Silence
from tests.support.fits_files import make_fits
from tests.support.frames import stored_in
from tests.support.ingesting import dropped, file_away, filed
from tests.support.verifying import AT_ONCE, MENDING, flip_a_bit, found_by, put, the_file

pytestmark = pytest.mark.asyncio


class Death(BaseException):
    """Nothing that the code foresees, as a kill is not."""


def die() -> None:
    raise Death


@pytest.fixture(autouse=True)
def _nothing_armed() -> Iterator[None]:
    yield
    disarm()


async def a_filed_one(archive: Factory) -> tuple[Frame, bytes]:
    path = make_fits(archive.settings.inbox / "a.fits")
    content = path.read_bytes()
    return await filed(archive, path), content


async def delete_without_moving(archive: Factory, frame: Frame) -> int:
    """Delete a frame by a process that dies before its files are in the trash."""
    arm(FaultPoint.REMOVAL_RECORDED, die)
    with pytest.raises(Death):
        await archive.removal.remove(frame.id, SYSTEM)
    disarm()
    (removed,) = (await archive.restoration.list(SYSTEM, Window())).items
    return removed.id


async def test_a_file_on_its_way_to_the_trash_is_no_needless_original(live: Factory) -> None:
    frame, content = await a_filed_one(live)
    key = stored_in(frame.current).key
    removal_id = await delete_without_moving(live, frame)
    await live.packing.remove(key)
    await live.restoration.restore(removal_id, SYSTEM)
    assert live.store.path(key).read_bytes() == content


async def test_a_file_on_its_way_to_the_trash_is_no_lost_frame(live: Factory) -> None:
    frame, _ = await a_filed_one(live)
    removal_id = await delete_without_moving(live, frame)
    _, report = await live.reindexing.run(None, watcher=Silence())
    assert (report.copied, [flaw.trouble for flaw in report.flaws]) == (0, [Trouble.LEFT])
    await live.restoration.restore(removal_id, SYSTEM)


@pytest.mark.parametrize("is_gone", [False, True], ids=["altered", "missing"])
async def test_a_file_that_is_restored_while_it_is_read_is_not_marked(
    live: Factory, monkeypatch: pytest.MonkeyPatch, *, is_gone: bool
) -> None:
    frame, content = await a_filed_one(live)
    path = live.store.path(stored_in(frame.current).key)
    if is_gone:
        path.unlink()
    else:
        flip_a_bit(path)
        await found_by(live)
    plain: Any = StoredCheck._flaw
    calls: list[str] = []

    async def read(self: StoredCheck, file: CatalogueFile, pace: Pace) -> Flaw | None:
        flaw: Flaw | None = await plain(self, file, pace)
        calls.append(file.key)
        if len(calls) == 1:
            await file_away(live, put(live.settings.inbox / "again.fits", content))
        return flaw

    monkeypatch.setattr(StoredCheck, "_flaw", read)
    assert await found_by(live) == ()
    assert len(calls) == 2
    assert (await the_file(live)).damage is None


async def test_copies_of_a_lost_file_that_come_at_once_are_duplicates(
    live: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that comes second finds another file in the place of the lost one."""
    path = make_fits(live.settings.inbox / "a.fits", shape=(256, 256))
    content = path.read_bytes()
    frame = await filed(live, path)
    assert frame.current is not None
    await live.packing.pack(frame.current.id)
    await live.packing.remove(stored_in(frame.current).key)
    live.store.path((await the_file(live)).key).unlink()
    plain, calls = live.store.stage, []

    async def stage(source: Path, key: str, *, adopt: bool = False) -> Staged:
        calls.append(key)
        if len(calls) == 1:
            first = await file_away(live, put(live.settings.inbox / "first.fits", content))
            assert first.state is ArrivalState.DUPLICATE
        return await plain(source, key, adopt=adopt)

    monkeypatch.setattr(live.store, "stage", stage)
    path = put(live.settings.inbox / "second.fits", content)
    assert await live.ingest.announce(dropped(path))
    (arrival, *_) = (await live.ingest.list(None, Window())).items
    outcome = await live.ingest.process(arrival.id)
    assert outcome == Outcome(ArrivalState.DUPLICATE, frame.id)
    assert await found_by(live) == ()


async def test_a_file_that_the_disk_cannot_read_makes_way_for_what_comes_in(
    live: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, content = await a_filed_one(live)
    key = stored_in(frame.current).key
    bad = live.store.path(key).stat().st_ino

    def refuse(path: Path) -> object:
        if path.stat().st_ino == bad:
            broken = OSError(errno.EIO, "made up")
            refused: StorageUnavailableError = storage_error(broken, path.name)
            raise refused from broken
        return digest_file(path)

    async def read_again(path: Path, *_: object) -> object:
        return refuse(path)

    monkeypatch.setattr("app.ingest.placing.digest_file", refuse)
    with monkeypatch.context() as patched:
        patched.setattr(stored_check, "read_again", read_again)
        (finding,) = await found_by(live)
    assert finding.kind is FindingKind.UNREADABLE
    arrival = await file_away(live, put(live.settings.inbox / "again.fits", content))
    assert arrival.state is ArrivalState.DUPLICATE
    assert live.store.path(key).read_bytes() == content


@pytest.mark.parametrize("is_gone", [False, True], ids=["altered", "missing"])
async def test_the_last_copy_in_the_inbox_is_not_cleared_away(
    live: Factory, *, is_gone: bool
) -> None:
    """It stayed there when it was filed, since the inbox was read-only, or the worker died."""
    path = make_fits(live.settings.inbox / "a.fits")
    content = path.read_bytes()
    assert await live.ingest.announce(dropped(path))
    arm(FaultPoint.COPY_REMOVED, die)
    with pytest.raises(Death):
        await live.ingest.process(1)
    disarm()
    row = await the_file(live)
    stored = live.store.path(row.key)
    stored.unlink() if is_gone else flip_a_bit(stored)
    await found_by(live, MENDING)
    await live.ingest.process(1)  # the job of the dead worker is done again
    again = await file_away(live, path)  # the inbox is looked through
    assert again.state is ArrivalState.DUPLICATE
    assert not path.exists()
    assert live.store.path(row.key).read_bytes() == content
    assert await found_by(live, AT_ONCE) == ()


async def test_what_is_gone_from_quarantine_stays_in_the_inbox(live: Factory) -> None:
    path = put(live.settings.inbox / "a.fits", b"no FITS file")
    assert await live.ingest.announce(dropped(path))
    arm(FaultPoint.COPY_REMOVED, die)
    with pytest.raises(Death):
        await live.ingest.quarantine(1, "no FITS file")
    disarm()
    (arrival,) = (await live.ingest.list(None, Window())).items
    assert arrival.held_path is not None
    arrival.held_path.unlink()
    again = await file_away(live, path)
    assert (again.id, again.state) == (2, ArrivalState.QUARANTINED)
    assert again.held_path is not None
    assert again.held_path.read_bytes() == b"no FITS file"


@pytest.mark.parametrize("way", ["second store", "received again", "brought back by hand"])
async def test_nothing_is_mended_while_old_pictures_cannot_be_let_go_of(
    live: Factory, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Else what was made of damaged bytes would be served for ever."""
    frame, content = await a_filed_one(live)
    path = live.store.path(stored_in(frame.current).key)
    flip_a_bit(path)
    await found_by(live)
    picture = put(live.settings.previews_dir / "ab" / "ab-of-damaged-bytes.png", b"x")
    unlink = Path.unlink

    def refuse(given: Path, *, missing_ok: bool = False) -> None:
        if given == picture:
            raise OSError(errno.EROFS, "made up")
        unlink(given, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    for attempt in range(2):
        if attempt:
            monkeypatch.setattr(Path, "unlink", unlink)
        with suppress(StorageUnavailableError):
            await mend(live, way, content)
        assert picture.exists() == ((await the_file(live)).damage is not None) == (attempt == 0)


async def mend(live: Factory, way: str, content: bytes) -> None:
    """Let good bytes come from somewhere."""
    key = (await the_file(live)).key
    if way == "second store":
        assert live.settings.second_store_dir is not None
        put(live.settings.second_store_dir / key, content)
        await found_by(live, MENDING)
    elif way == "received again":
        path = put(live.settings.inbox / "again.fits", content)
        await live.ingest.announce(dropped(path))
        (arrival, *_) = (await live.ingest.list(None, Window())).items
        await live.ingest.process(arrival.id)
    else:
        live.store.path(key).write_bytes(content)
        await found_by(live)


async def test_what_a_disk_was_tried_by_is_no_upload(live: Factory) -> None:
    """Some file systems have no files without names, and a process died just then."""
    probes = [
        put(folder / f"{PROBE}1", bytes(4096))
        for folder in (live.settings.spool_dir, live.settings.quarantine_dir)
    ]
    assert {each.mended for each in await found_by(live, MENDING)} == {"removed"}
    assert not any(probe.exists() for probe in probes)
    assert (await live.ingest.list(None, Window())).count == 0
