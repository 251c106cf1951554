"""From a complete file to a frame, with real files, a real store and a real database."""

import bz2
import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from astropy.io import fits
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.errors import ArchiveError, UnavailableError
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.frames.models import Frame, FrameQuery
from app.ingest.models import Arrival, ArrivalBusyError, ArrivalState, NewArrival, Source
from app.ingest.spool import identity_of
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.frames import received_as, stored_in

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    return an_archive(settings_in(tmp_path), committed_sessions, engine, offload)


def dropped(path: Path) -> NewArrival:
    return NewArrival(
        source=Source.INBOX,
        filename=path.name,
        size_bytes=path.stat().st_size,
        source_path=path,
        source_identity=identity_of(path),
    )


async def file_away(archive: Factory, path: Path) -> Arrival:
    """Do what the worker does with a file of the inbox; return what became of it."""
    assert await archive.ingest.announce(dropped(path))
    (arrival, *_) = (await archive.ingest.list(None, Window())).items
    try:
        await archive.ingest.process(arrival.id)
    except ArchiveError as error:
        await archive.ingest.quarantine(arrival.id, error.message)
    (arrival, *_) = (await archive.ingest.list(None, Window())).items
    return arrival


async def the_frame(archive: Factory, arrival: Arrival) -> Frame:
    assert arrival.frame_id is not None
    return await archive.frames.get(arrival.frame_id, SYSTEM)


async def test_a_file_is_filed_byte_for_byte(archive: Factory) -> None:
    path = make_fits(archive.settings.inbox / "m31.fits", SITEID="tst", wcs=True)
    content = path.read_bytes()
    arrival = await file_away(archive, path)
    assert arrival.state is ArrivalState.FILED
    frame = await the_frame(archive, arrival)
    assert frame.current is not None
    stored = archive.store.path(stored_in(frame.current).key)
    assert stored.read_bytes() == content
    assert stored_in(frame.current).key.startswith("tst/")
    assert not path.exists()
    assert list(archive.settings.spool_dir.iterdir()) == []
    assert frame.facts.area_deg is not None
    assert len(frame.facts.area_deg) == 4


async def test_the_same_bytes_again_are_a_duplicate(archive: Factory) -> None:
    first = make_fits(archive.settings.inbox / "a.fits")
    content = first.read_bytes()
    filed = await file_away(archive, first)
    again = archive.settings.inbox / "other-name.fits"
    again.write_bytes(content)
    arrival = await file_away(archive, again)
    assert (arrival.state, arrival.frame_id) == (ArrivalState.DUPLICATE, filed.frame_id)
    assert not again.exists()
    assert len([p for p in archive.settings.archive_dir.rglob("*") if p.is_file()]) == 1


async def test_the_same_name_with_new_bytes_is_a_new_version(archive: Factory) -> None:
    filed = await file_away(archive, make_fits(archive.settings.inbox / "a.fits", OBJECT="one"))
    again = await file_away(archive, make_fits(archive.settings.inbox / "a.fits", OBJECT="two"))
    assert again.frame_id == filed.frame_id
    frame = await the_frame(archive, again)
    assert frame.facts.object_name == "two"
    assert len(frame.versions) == 2
    for version, name in zip(frame.versions, ("two", "one"), strict=True):
        assert fits.getheader(archive.store.path(stored_in(version).key))["OBJECT"] == name


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.fits", b"", "empty"),
        ("page.fits", b"<!DOCTYPE html><html>404</html>" * 200, "HTML"),
        ("noise.fits", os.urandom(8000), "FITS"),
    ],
)
async def test_what_cannot_be_read_goes_to_quarantine(
    archive: Factory, name: str, content: bytes, reason: str
) -> None:
    path = archive.settings.inbox / name
    path.write_bytes(content)
    arrival = await file_away(archive, path)
    assert arrival.state is ArrivalState.QUARANTINED
    assert arrival.reason is not None
    assert reason in arrival.reason
    assert not path.exists()
    kept, note = sorted(archive.settings.quarantine_dir.iterdir())
    assert kept.read_bytes() == content
    assert json.loads(note.read_text())["reason"] == arrival.reason


async def test_a_missing_keyword_is_named_and_a_retry_files_the_frame(
    archive: Factory, tmp_path: Path, engine: AsyncEngine, offload: Offload
) -> None:
    strict = settings_in(tmp_path, required_keywords="DATE-OBS")
    strict_archive = an_archive(strict, archive.sessions, engine, offload)
    path = make_fits(archive.settings.inbox / "a.fits", DATE_OBS=None, DAY_OBS=None)
    arrival = await file_away(strict_archive, path)
    assert arrival.state is ArrivalState.QUARANTINED
    assert arrival.reason is not None
    assert "DATE-OBS" in arrival.reason
    assert (await archive.ingest.retry(arrival.id)).state is ArrivalState.WAITING
    await archive.ingest.process(arrival.id)
    assert list(archive.settings.quarantine_dir.iterdir()) == []
    with pytest.raises(ArrivalBusyError):
        await archive.ingest.retry(arrival.id)


async def test_a_required_keyword_is_met_by_its_concept(
    archive: Factory, tmp_path: Path, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, required_keywords="date-obs, TELID, ORIGIN")
    strict = an_archive(settings, archive.sessions, engine, offload)
    cards: dict[str, Any] = {"DATE_OBS": None, "DAY_OBS": None, "MJD_OBS": 57072.58, "TELID": None}
    path = make_fits(strict.settings.inbox / "a.fits", TELESCOP="t", ORIGIN="o", **cards)
    assert (await file_away(strict, path)).state is ArrivalState.FILED


@pytest.mark.parametrize(("pack", "extension"), [(gzip.compress, ".gz"), (bz2.compress, ".bz2")])
async def test_compressed_files_stay_as_they_are(
    archive: Factory, tmp_path: Path, pack: type, extension: str
) -> None:
    plain = make_fits(tmp_path / "a.fits", wcs=True)
    path = archive.settings.inbox / f"a.fits{extension}"
    path.write_bytes(pack(plain.read_bytes()))
    content = path.read_bytes()
    frame = await the_frame(archive, await file_away(archive, path))
    assert frame.current is not None
    assert stored_in(frame.current).name == f"a.fits{extension}"
    assert archive.store.path(stored_in(frame.current).key).read_bytes() == content


async def test_repairs_are_kept_with_the_version(archive: Factory, tmp_path: Path) -> None:
    made = make_fits(tmp_path / "a.fits", shape=(64, 64))
    path = archive.settings.inbox / "cut.fits"
    path.write_bytes(made.read_bytes()[:-4000])
    frame = await the_frame(archive, await file_away(archive, path))
    assert frame.current is not None
    assert any("cut off" in repair for repair in frame.current.repairs)


async def test_packing_later_swaps_the_file_and_keeps_the_received_digest(
    archive: Factory,
) -> None:
    path = make_fits(archive.settings.inbox / "a.fits", shape=(512, 512))
    content = path.read_bytes()
    original = fits.getdata(path).copy()
    arrival = await file_away(archive, path)
    before = (await the_frame(archive, arrival)).current
    assert before is not None
    await archive.packing.pack(before.id)
    after = (await the_frame(archive, arrival)).current
    assert after is not None
    assert stored_in(after).name == "a.fits.fz"
    assert stored_in(after).size_bytes < stored_in(before).size_bytes
    assert after.received == before.received
    assert (fits.getdata(archive.store.path(stored_in(after).key)) == original).all()
    assert (before.science_hdu, after.science_hdu) == (0, 1)
    assert [hdu.kind for hdu in await archive.frames.headers(after)] == [
        "empty",
        "compressed image",
    ]
    again = archive.settings.inbox / "b.fits"
    again.write_bytes(content)
    assert (await file_away(archive, again)).state is ArrivalState.DUPLICATE
    for version in (before, after):
        await archive.packing.remove(stored_in(version).key)
    assert not await archive.store.exists(stored_in(before).key)
    assert await archive.store.exists(stored_in(after).key)


async def test_packing_now_files_the_packed_form(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, pack="now")
    archive = an_archive(settings, committed_sessions, engine, offload)
    path = make_fits(settings.inbox / "a.fits", shape=(512, 512))
    frame = await the_frame(archive, await file_away(archive, path))
    assert frame.current is not None
    assert stored_in(frame.current).key.endswith("a.fits.fz")
    assert received_as(frame.current).name == "a.fits"


async def test_no_header_moves_a_file_out_of_the_archive(archive: Factory) -> None:
    path = make_fits(
        archive.settings.inbox / "a.fits", SITEID="../../etc", DAY_OBS="../..", INSTRUME="/root"
    )
    frame = await the_frame(archive, await file_away(archive, path))
    assert frame.current is not None
    stored = archive.store.path(stored_in(frame.current).key)
    assert stored.resolve().is_relative_to(archive.settings.archive_dir.resolve())


async def test_a_crash_between_filing_and_removal_leaves_no_second_frame(
    archive: Factory,
) -> None:
    path = make_fits(archive.settings.inbox / "a.fits")
    new = dropped(path)
    with pytest.MonkeyPatch.context() as crash:
        crash.setattr("app.ingest.service._clean_up", lambda _: None)
        filed = await file_away(archive, path)
    assert filed.state is ArrivalState.FILED
    assert path.exists()
    assert not await archive.ingest.announce(new)
    assert not path.exists()
    assert (await archive.ingest.list(None, Window())).count == 1


async def test_another_file_of_the_same_time_and_size_is_not_taken_for_the_first(
    archive: Factory,
) -> None:
    path = make_fits(archive.settings.inbox / "a.fits", OBJECT="one")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    first = await file_away(archive, path)
    make_fits(path, OBJECT="two")
    os.utime(path, ns=times)
    second = await file_away(archive, path)
    assert second.id != first.id
    assert second.state is ArrivalState.FILED
    assert len((await the_frame(archive, second)).versions) == 2


async def test_an_inbox_that_cannot_be_emptied_harms_nobody(archive: Factory) -> None:
    path = make_fits(archive.settings.inbox / "a.fits")
    new = dropped(path)
    with pytest.MonkeyPatch.context() as crash:
        crash.setattr("app.ingest.service._clean_up", lambda _: None)
        await file_away(archive, path)

    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    with pytest.MonkeyPatch.context() as read_only:
        read_only.setattr("app.ingest.spool.is_same", refuse)
        assert await archive.ingest.announce(new)  # not to be looked at again and again
    assert path.exists()
    assert (await archive.ingest.list(None, Window())).count == 1


async def test_a_download_that_is_sent_in_again_is_a_duplicate(archive: Factory) -> None:
    path = make_fits(archive.settings.inbox / "a.fits", shape=(512, 512))
    arrival = await file_away(archive, path)
    version = (await the_frame(archive, arrival)).current
    assert version is not None
    await archive.packing.pack(version.id)
    packed = (await the_frame(archive, arrival)).current
    assert packed is not None
    again = archive.settings.inbox / "downloaded.fits.fz"
    again.write_bytes(archive.store.path(stored_in(packed).key).read_bytes())
    assert (await file_away(archive, again)).state is ArrivalState.DUPLICATE


async def test_a_crash_while_quarantining_loses_nothing(archive: Factory) -> None:
    held = archive.spool.new_path()
    held.write_bytes(b"no FITS file")
    new = NewArrival(Source.UPLOAD, "x.fits", 12, held_path=held)
    with pytest.MonkeyPatch.context() as crash:

        async def die(*_: object, **__: object) -> None:
            raise UnavailableError("killed here")

        crash.setattr(archive.ingest, "_change", die)
        with pytest.raises(UnavailableError):
            await archive.ingest.take_in(new)
    assert held.read_bytes() == b"no FITS file"
    (arrival,) = (await archive.ingest.list(None, Window())).items
    await archive.ingest.quarantine(arrival.id, "no FITS file")
    kept, _ = sorted(archive.settings.quarantine_dir.iterdir())
    assert kept.read_bytes() == b"no FITS file"
    assert not held.exists()


async def test_a_file_replaced_while_waiting_is_filed_as_it_is_now(archive: Factory) -> None:
    path = make_fits(archive.settings.inbox / "a.fits", OBJECT="one")
    assert await archive.ingest.announce(dropped(path))
    path.unlink()
    make_fits(path, OBJECT="two")
    assert await archive.ingest.announce(dropped(path))
    page = await archive.ingest.list(None, Window())
    assert page.count == 1
    await archive.ingest.process(page.items[0].id)
    frames = await archive.frames.search(FrameQuery(), SYSTEM)
    assert [frame.facts.object_name for frame in frames.items] == ["two"]


async def test_an_occupied_key_is_adopted_or_passed_over(archive: Factory) -> None:
    path = make_fits(archive.settings.inbox / "a.fits", SITEID="tst", DAY_OBS="2026-01-02")
    other = archive.settings.archive_dir / "tst" / "2026-01-02" / "a.fits"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"left behind")
    frame = await the_frame(archive, await file_away(archive, path))
    assert frame.current is not None
    assert stored_in(frame.current).key == "tst/2026-01-02/a.v2.fits"
    assert other.read_bytes() == b"left behind"


async def test_uploads_are_filed_at_once(archive: Factory, tmp_path: Path) -> None:
    held = archive.spool.new_path()
    make_fits(tmp_path / "x.fits").rename(held)
    new = NewArrival(Source.UPLOAD, "x.fits", held.stat().st_size, held_path=held)
    arrival, outcome = await archive.ingest.take_in(new)
    assert outcome is not None
    assert not held.exists()
    assert await archive.jobs.count() == 1  # to pack it; the safety net is withdrawn
    assert await archive.ingest.process(arrival.id) is None
    broken = replace(new, filename="y.fits", held_path=archive.spool.new_path())
    assert broken.held_path is not None
    broken.held_path.write_bytes(b"no")
    _, error = await archive.ingest.take_in(broken)
    assert isinstance(error, ArchiveError)
    page = await archive.ingest.list(ArrivalState.QUARANTINED, Window())
    assert page.count == 1
