"""What crashes leave behind is named, and cleared away without losing a byte."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from app.context import Factory
from app.core.paging import Window
from app.db.engine import transaction
from app.db.tables import FrameHeaderRow, FrameRow, FrameVersionRow, JobRow
from app.frames.registry import FrameRegistry
from app.ingest.models import REMOVE_JOB, Arrival, ArrivalState, NewArrival, Source
from app.ingest.store import ArrivalStore
from app.verification.models import Finding, FindingKind
from tests.support.fits_files import make_fits
from tests.support.frames import a_frame
from tests.support.ingesting import dropped, file_away, filed
from tests.support.verifying import AT_ONCE, MENDING, audit_lines, found_by, put, the_file

pytestmark = pytest.mark.asyncio


async def arrivals(archive: Factory) -> tuple[Arrival, ...]:
    return (await archive.ingest.list(None, Window())).items


async def mended(archive: Factory) -> list[tuple[FindingKind, str | None]]:
    """See that a verification without mending finds the same and changes nothing; then mend."""
    before = tree_of(archive.settings.data_dir)
    named = {(each.kind, each.name) for each in await found_by(archive)}
    assert tree_of(archive.settings.data_dir) == before
    findings = await found_by(archive, MENDING)
    assert {(each.kind, each.name) for each in findings} == named
    assert [each for each in await found_by(archive, MENDING) if each.mended] == []
    return [(each.kind, each.mended) for each in findings]


def tree_of(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return {str(path): path.lstat().st_size for path in files}


async def test_a_staged_file_is_removed(archive: Factory, tmp_path: Path) -> None:
    await archive.store.stage(put(tmp_path / "a", b"a"), "made/a.fits")
    assert await mended(archive) == [(FindingKind.STAGED, "removed")]
    assert tree_of(archive.settings.archive_dir) == {}


@pytest.mark.parametrize(
    "name", ["copy-0a", "0a.packed", "import-0a.part", ".packing-0a/packed", ".pack-0a/x"]
)
async def test_copies_of_what_is_kept_elsewhere_are_removed(archive: Factory, name: str) -> None:
    put(archive.settings.spool_dir / name, b"a copy")
    assert await mended(archive) == [(FindingKind.PRIVATE_COPY, "removed")]
    assert list(archive.settings.spool_dir.iterdir()) == []
    ((action, _, _),) = await audit_lines(archive)
    assert action == "clear leftover"


async def test_young_files_are_left_alone(archive: Factory, tmp_path: Path) -> None:
    put(archive.settings.spool_dir / "copy-0a", b"a copy")
    put(archive.settings.spool_dir / "0b", b"an upload on its way")
    put(archive.settings.quarantine_dir / "00000009-a.fits", b"just put there")
    await archive.store.stage(put(tmp_path / "a", b"a"), "made/a.fits")
    assert await found_by(archive, replace(MENDING, grace_s=3600)) == ()


async def test_an_upload_without_an_answer_goes_to_quarantine(live: Factory) -> None:
    put(live.settings.spool_dir / "0a0b0c0d0e0f", b"perhaps the only copy")
    ((kind, done),) = await mended(live)
    (arrival,) = await arrivals(live)
    assert (kind, done) == (FindingKind.UPLOAD, f"put into quarantine as arrival {arrival.id}")
    assert (arrival.state, arrival.source) == (ArrivalState.QUARANTINED, Source.UPLOAD)
    assert "upload whose sender got no answer" in (arrival.reason or "")
    assert arrival.held_path is not None
    assert arrival.held_path.read_bytes() == b"perhaps the only copy"
    assert list(live.settings.spool_dir.iterdir()) == []


async def test_an_upload_whose_bytes_are_filed_is_removed(live: Factory) -> None:
    frame = await filed(live, make_fits(live.settings.inbox / "a.fits"))
    assert frame.current is not None
    assert frame.current.stored is not None
    stored = live.store.path(frame.current.stored.key)
    put(live.settings.spool_dir / "0a", stored.read_bytes())
    assert await mended(live) == [(FindingKind.SETTLED_COPY, "removed")]
    assert stored.exists()


async def test_an_upload_whose_filed_bytes_are_gone_is_kept(live: Factory) -> None:
    frame = await filed(live, make_fits(live.settings.inbox / "a.fits"))
    assert frame.current is not None
    assert frame.current.stored is not None
    stored = live.store.path(frame.current.stored.key)
    content = stored.read_bytes()
    stored.unlink()
    put(live.settings.spool_dir / "0a", content)
    kinds = {each.kind for each in await found_by(live, MENDING)}
    assert kinds == {FindingKind.MISSING, FindingKind.UPLOAD}
    arrival, *_ = await arrivals(live)
    assert arrival.held_path is not None
    assert arrival.held_path.read_bytes() == content


async def test_what_is_on_its_way_is_left_alone(live: Factory) -> None:
    held = put(live.settings.spool_dir / "0a", b"waits for a disk")
    new = NewArrival(Source.UPLOAD, "a.fits", 4, held_path=held)
    arrival, _ = await live.ingest._record(new)
    assert arrival.held_path == held
    assert await found_by(live, MENDING) == ()


async def test_files_in_quarantine_are_no_finding(live: Factory) -> None:
    arrival = await file_away(live, put(live.settings.inbox / "a.fits", b"no FITS file"))
    assert arrival.state is ArrivalState.QUARANTINED
    assert await found_by(live, MENDING) == ()
    assert arrival.held_path is not None
    assert arrival.held_path.exists()


async def test_a_stray_file_in_quarantine_is_listed(live: Factory) -> None:
    put(live.settings.quarantine_dir / "00000077-night one.fits", b"nobody knows me")
    ((kind, done),) = await mended(live)
    (arrival,) = await arrivals(live)
    assert (kind, done) == (FindingKind.STRAY, f"listed as arrival {arrival.id}")
    assert arrival.filename == "night one.fits"
    assert arrival.held_path is not None
    assert arrival.held_path.read_bytes() == b"nobody knows me"
    kept = sorted(path.name for path in live.settings.quarantine_dir.iterdir())
    assert kept == [arrival.held_path.name, f"{arrival.held_path.name}.json"]


async def test_a_note_without_its_file_is_removed(live: Factory) -> None:
    put(live.settings.quarantine_dir / "00000078-a.fits.json", b'{"quarantined_at": "2026"}')
    put(live.settings.quarantine_dir / ".00000079-a.fits.json", b'{"id": 79, "fil')
    assert await mended(live) == [(FindingKind.STRAY, "removed")] * 2
    assert list(live.settings.quarantine_dir.iterdir()) == []


async def test_a_stray_json_that_is_no_note_is_kept(live: Factory) -> None:
    put(live.settings.quarantine_dir / "00000078-data.json", b'{"somebody": "dropped this"}')
    ((kind, _),) = await mended(live)
    (arrival,) = await arrivals(live)
    assert (kind, arrival.filename) == (FindingKind.STRAY, "data.json")


async def test_a_copy_in_quarantine_that_was_filed_since_is_removed(live: Factory) -> None:
    """A crash between the end of the transaction and the cleaning up, after a retry."""
    frame = await filed(live, make_fits(live.settings.inbox / "a.fits"))
    assert frame.current is not None
    assert frame.current.stored is not None
    content = live.store.path(frame.current.stored.key).read_bytes()
    (arrival,) = await arrivals(live)
    held = put(live.settings.quarantine_dir / f"{arrival.id:08d}-a.fits", content)
    async with transaction(live.sessions) as session:
        await ArrivalStore(session).change(arrival.id, held_path=held)
    assert await mended(live) == [(FindingKind.SETTLED_COPY, "removed")]
    assert not held.exists()


async def test_a_quarantined_file_that_a_person_removed_is_given_up(live: Factory) -> None:
    arrival = await file_away(live, put(live.settings.inbox / "a.fits", b"no FITS file"))
    assert arrival.held_path is not None
    for path in live.settings.quarantine_dir.iterdir():
        path.unlink()
    assert await mended(live) == [(FindingKind.LOST_QUARANTINED, "marked as discarded")]
    (after,) = await arrivals(live)
    assert after.state is ArrivalState.DISCARDED


async def test_a_file_that_nobody_goes_on_with_gets_a_job(live: Factory) -> None:
    path = make_fits(live.settings.inbox / "a.fits")
    assert await live.ingest.announce(dropped(path))
    assert await found_by(live) == ()
    async with transaction(live.sessions) as session:
        await session.execute(delete(JobRow))
    assert await mended(live) == [(FindingKind.STUCK, "a worker goes on with it")]
    job = await live.jobs.take("w", ["ingest"], lease_s=60)
    assert job is not None
    await live.ingest.process(job.payload["arrival_id"])
    assert (await arrivals(live))[0].state is ArrivalState.FILED


async def test_a_filed_file_in_the_inbox_is_removed(
    live: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_fits(live.settings.inbox / "night" / "a.fits")
    assert await live.ingest.announce(dropped(path))
    with monkeypatch.context() as patch:
        patch.setattr("app.ingest.service._clean_up", lambda _: None)  # the worker died here
        await live.ingest.process((await arrivals(live))[0].id)
    make_fits(live.settings.inbox / "b.fits")
    assert await mended(live) == [(FindingKind.SETTLED_SOURCE, "removed")]
    assert not path.exists()
    assert (live.settings.inbox / "b.fits").exists()


async def test_odd_things_are_named_only(live: Factory, tmp_path: Path) -> None:
    (live.settings.spool_dir / "link").symlink_to(put(tmp_path / "elsewhere", b"x"))
    os.mkfifo(live.settings.quarantine_dir / "pipe")
    (live.settings.spool_dir / "folder").mkdir()
    findings = await found_by(live, MENDING)
    assert [(each.kind, each.mended) for each in findings] == [(FindingKind.STRAY, None)] * 3
    assert (tmp_path / "elsewhere").exists()


async def test_unknown_files_are_named_and_never_removed(archive: Factory) -> None:
    path = put(archive.settings.archive_dir / "tlv" / "a.fits", b"no row names me")
    odd = put(archive.settings.archive_dir / os.fsdecode(b"tlv/\xff%.fits"), b"nor me")
    findings = await found_by(archive, MENDING)
    assert [(each.kind, each.mended) for each in findings] == [(FindingKind.UNKNOWN, None)] * 2
    assert {each.name for each in findings} == {"tlv/a.fits", "tlv/%FF%25.fits"}
    assert "reindex" in findings[0].detail
    assert path.exists()
    assert odd.exists()


async def test_an_original_that_was_packed_a_moment_ago_is_known(live: Factory) -> None:
    put(live.settings.archive_dir / "tlv" / "a.fits", b"replaced by a packed one")
    async with transaction(live.sessions) as session:
        await live.jobs.enqueue(session, REMOVE_JOB, {"key": "tlv/a.fits"})
    assert await found_by(live) == ()


async def test_a_file_that_is_being_placed_is_known(live: Factory) -> None:
    """Its row is added under the lock of its key, and committed after the file is visible."""
    await a_frame(live.sessions, store=live.store)
    row = await the_file(live)
    async with transaction(live.sessions) as session:
        await FrameRegistry(session).lock_key("tlv/a.fits")
        put(live.settings.archive_dir / "tlv" / "a.fits", b"visible, and not committed")
        verifying = asyncio.create_task(found_by(live))
        await asyncio.sleep(0.5)
        await session.merge(type(row)(id=row.id, key="tlv/a.fits"))
        await session.flush()
    findings = await verifying
    assert [each.name for each in findings if each.kind is FindingKind.UNKNOWN] == []


async def test_rows_that_contradict_each_other_are_named(archive: Factory) -> None:
    made = await a_frame(archive.sessions, store=archive.store)
    row = await the_file(archive)
    async with transaction(archive.sessions) as session:
        await session.execute(update(FrameVersionRow).values(file_id=None))
        await session.execute(update(FrameRow).values(has_versions=False))
        await session.execute(delete(FrameHeaderRow))
    findings: tuple[Finding, ...] = await found_by(archive, AT_ONCE)
    assert {each.kind for each in findings} == {FindingKind.ROW}
    assert {each.name for each in findings} == {
        f"file {row.id}", f"frame {made.id}", f"version {made.version_id}"
    }  # fmt: skip
