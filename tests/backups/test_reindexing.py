"""The catalogue is found again in the archived files."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.backups.daily import newest_manifest
from app.backups.models import Report, Trouble
from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import transaction
from app.frames.announced import AnnouncedThumbnail, AnnouncedVersion
from app.frames.models import Frame, FrameQuery, StoredFile
from app.frames.store.thumbnails import ThumbnailWriter
from app.jobs.models import Payload
from app.storage.digests import digest_file
from tests.support.backing_up import Silence, an_empty_database, opened_archive
from tests.support.fits_files import make_fits
from tests.support.ingesting import filed

pytestmark = pytest.mark.asyncio


async def frames_of(archive: Factory) -> dict[str, Frame]:
    page = await archive.frames.search(FrameQuery(), SYSTEM)
    full = [await archive.frames.get(frame.id, SYSTEM) for frame in page.items]
    return {frame.basename: frame for frame in full}


async def fill(archive: Factory) -> dict[str, Frame]:
    """File frames with versions, packed and not, one with dots in its name; make a manifest."""
    inbox = archive.settings.inbox
    await archive.accounts.create_user("ada", "correct horse")
    for step in range(3):
        await filed(archive, make_fits(inbox / "a.fits", wcs=True, OBJECT=f"state {step}"))
    await filed(archive, make_fits(inbox / "x.v2.fits", OBJECT="called so", PROPID="p1"))
    await filed(archive, make_fits(inbox / "packed.fits", shape=(300, 300)))
    return await frames_of(archive)


async def write_manifest(archive: Factory, lines_at_once: int = 2) -> Path:
    """Do the daily job of the worker, slice by slice, each of them twice."""
    payload: Payload | None = {}
    while payload is not None:
        following = await archive.manifests.go_on(payload, lines_at_once=lines_at_once)
        if following is not None:
            await archive.manifests.go_on(following, lines_at_once=lines_at_once)
        payload = following
    found = newest_manifest(archive.settings.archive_dir)
    assert found is not None
    return found


@asynccontextmanager
async def on_a_fresh_database(
    old: Factory, tmp_path: Path, server_url: str, offload: Offload
) -> AsyncIterator[Factory]:
    url = await an_empty_database(server_url, "found_again")
    root = old.settings.archive_dir
    async with opened_archive(tmp_path / "new", url, offload, archive_root=root) as new:
        yield new


async def reindexed(archive: Factory, manifest: Path | None) -> Report:
    _, report = await archive.reindexing.run(manifest, watcher=Silence())
    return report


def _told_by_the_file(frame: Frame) -> object:
    versions = [(one.name, one.stored and one.stored.sha256) for one in frame.versions]
    return frame.facts, versions, frame.basename


async def test_without_a_manifest_all_frames_and_versions_are_found(
    house: Factory, tmp_path: Path, database_url: str, offload: Offload
) -> None:
    before = await fill(house)
    root = house.settings.archive_dir
    (root / "tst" / "notes.txt").write_text("no FITS file")
    async with on_a_fresh_database(house, tmp_path, database_url, offload) as new:
        plan, nothing = await new.reindexing.run(None, watcher=Silence(), dry_run=True)
        assert (plan.known, nothing.done) == (0, 0)
        assert sorted(plan.frames) == ["a", "notes.txt", "packed", "x.v2"]
        report = await reindexed(new, None)
        assert report.copied == 5
        assert [(one.path, one.trouble) for one in report.flaws] == [
            ("tst/notes.txt", Trouble.UNREADABLE)
        ]
        after = await frames_of(new)
        assert {name: _told_by_the_file(frame) for name, frame in after.items()} == {
            name: _told_by_the_file(frame) for name, frame in before.items()
        }
        assert after["a"].facts.object_name == "state 2"
        again = await reindexed(new, None)
        assert (again.copied, len(again.flaws)) == (0, 1)


async def test_with_a_manifest_all_numbers_and_names_stay(
    house: Factory, tmp_path: Path, database_url: str, offload: Offload
) -> None:
    await fill(house)
    manifest = await write_manifest(house)
    current = (await frames_of(house))["packed"].current
    assert current is not None
    await house.packing.pack(current.id)
    assert current.stored is not None
    await house.packing.remove(current.stored.key)
    before = await frames_of(house)
    assert before["packed"].current != current
    async with on_a_fresh_database(house, tmp_path, database_url, offload) as new:
        report = await reindexed(new, manifest)
        assert (report.copied, report.flaws) == (5, [])
        after = await frames_of(new)
        assert _without_times(after) == _without_times(before)
        assert [one.checksums for one in after["packed"].versions] == [None]
        inbox = new.settings.inbox
        later = await filed(new, make_fits(inbox / "later.fits", OBJECT="later"))
        assert later.id > max(frame.id for frame in before.values())


def _without_times(frames: dict[str, Frame]) -> dict[str, Frame]:
    """Leave out when a file was packed; numbers, keys, digests and facts are compared.

    What the sums of a packed file's original said is in no manifest: it is unknown afterwards.
    """
    return {
        name: replace(
            frame,
            related=(),
            named=(),
            versions=tuple(
                replace(one, checksums=None if name == "packed" else one.checksums)
                for one in frame.versions
            ),
        )
        for name, frame in frames.items()
    }


async def test_what_is_here_stays_and_what_is_missing_comes(
    house: Factory, tmp_path: Path, database_url: str, offload: Offload
) -> None:
    before = await fill(house)
    manifest = await write_manifest(house)
    async with on_a_fresh_database(house, tmp_path, database_url, offload) as new:
        root, aside = house.settings.archive_dir, tmp_path / "aside"
        older = root / "tst/2026-11-18/a.v2.fits"
        older.rename(aside)
        altered = root / "tst/2026-11-18/x.v2.fits"
        good = altered.read_bytes()
        altered.write_bytes(good.replace(b"called so", b"bit rot  "))
        first = await reindexed(new, manifest)
        assert [(one.path.rpartition("/")[2], one.trouble) for one in first.flaws] == [
            ("x.v2.fits", Trouble.ALTERED)
        ]
        aside.rename(older)
        altered.write_bytes(good)
        without = await reindexed(new, None)
        assert [(one.path.rpartition("/")[2], one.trouble) for one in without.flaws] == [
            ("a.v2.fits", Trouble.LEFT)
        ]
        second = await reindexed(new, manifest)
        assert (second.copied, second.flaws) == (1, [])
        after = await frames_of(new)
        assert [one.id for one in after["a"].versions] == [one.id for one in before["a"].versions]
        assert after["a"].facts == before["a"].facts


async def test_the_newest_few_manifests_are_kept_and_no_frame_is_made_of_them(
    house: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filed(house, make_fits(house.settings.inbox / "a.fits"))
    newest = await write_manifest(house, lines_at_once=10)
    for second in range(5):
        monkeypatch.setattr("app.backups.daily._STAMP", f"%Y%m%dT0000{second:02}")
        newest = await write_manifest(house, lines_at_once=10)
    kept = sorted(path.name for path in newest.parent.iterdir())
    assert len(kept) == 3
    assert newest.name == kept[-1]
    assert [key async for key in house.store.iter_keys()] == ["tst/2026-11-18/a.fits"]
    assert gzip.decompress(newest.read_bytes()).count(b"\n") == 3


async def test_pictures_come_back_by_the_manifest(
    house: Factory, tmp_path: Path, database_url: str, offload: Offload
) -> None:
    frame = await filed(house, make_fits(house.settings.inbox / "a.fits"))
    picture = tmp_path / "a-small.jpg"
    picture.write_bytes(b"a picture")
    staged = await house.store.stage(picture, "tst/a-small.jpg")
    staged.commit()
    digests = digest_file(picture)
    announced = AnnouncedVersion(key="k1", md5=digests.md5, extension=".jpg")
    stored = StoredFile(
        key="tst/a-small.jpg",
        name="a-small.jpg",
        extension=".jpg",
        content_type="image/jpeg",
        size_bytes=digests.size_bytes,
        md5=digests.md5,
        sha256=digests.sha256,
        crc32=digests.crc32,
    )
    async with transaction(house.sessions) as session:
        thumbnail = AnnouncedThumbnail("a-small", "small", announced, stored)
        put = await ThumbnailWriter(session).put(frame.id, thumbnail, house.clock())
    manifest = await write_manifest(house)
    async with on_a_fresh_database(house, tmp_path, database_url, offload) as new:
        report = await reindexed(new, manifest)
        assert (report.copied, report.flaws) == (2, [])
        found = await new.thumbnail_records.get(put.id, SYSTEM)
        assert found == replace(
            await house.thumbnail_records.get(put.id, SYSTEM), created_at=found.created_at
        )
