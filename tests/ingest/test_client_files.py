"""Files in the folder of a client's own file store are copied into the archive once announced."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.frames.announced import (
    AnnouncedThumbnail,
    AnnouncedVersion,
    KnownVersionError,
    ThumbnailQuery,
)
from app.ingest.announcing import AnnouncingService, Posted
from app.ingest.client_files import ClientFiles, DigestMemory
from app.ingest.deposits import OtherBytesError
from app.storage.digests import Digests, digest_file
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.frames import stored_in
from tests.support.lco_ingester import md5_of

pytestmark = pytest.mark.asyncio

KEY = "tst/cam/20260102/raw/a.fits"


@pytest.fixture
def archive(tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload) -> Factory:
    """Give an archive; what a test writes is rolled back."""
    return an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: NOW)


@pytest.fixture
def announcing(archive: Factory) -> AnnouncingService:
    """Give the service."""
    return archive.announcing


def put(archive: Factory, content: bytes, key: str = KEY) -> Path:
    """Put a file where the client's file store does."""
    path = archive.settings.filestore / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def a_post(*contents: bytes, key: str = KEY) -> Posted:
    """Describe a frame with versions."""
    versions = tuple(
        AnnouncedVersion(md5_of(each), md5_of(each), ".fits", (key,)) for each in contents
    )
    return Posted("a", {"OBJECT": "M67"}, {"observed_at": NOW}, versions)


async def keys(archive: Factory) -> list[str]:
    """List what is stored."""
    return sorted([key async for key in archive.store.iter_keys()])


async def test_every_version_is_kept(
    archive: Factory, announcing: AnnouncingService, tmp_path: Path
) -> None:
    contents = [
        make_fits(tmp_path / "a.fits", OBJECT=name).read_bytes() for name in ("M1", "M2", "M3")
    ]
    number = 0
    for content in contents:
        theirs = put(archive, content)
        number = await announcing.announce(a_post(content), SYSTEM)
        assert theirs.read_bytes() == content
    frame = await archive.frames.get(number, SYSTEM)
    stored = [stored_in(version) for version in frame.versions]
    assert [each.key for each in stored] == [
        "tst/cam/20260102/raw/a.v3.fits",
        "tst/cam/20260102/raw/a.v2.fits",
        KEY,
    ]
    assert {each.name for each in stored} == {"a.fits"}
    for each, content in zip(stored, contents[::-1], strict=True):
        assert archive.store.path(each.key).read_bytes() == content
        assert each.md5 == md5_of(content)


async def test_a_post_that_fails_leaves_no_copy(
    archive: Factory, announcing: AnnouncingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(archive, b"bytes")
    await announcing.announce(a_post(b"bytes"), SYSTEM)
    put(archive, b"others", "tst/others.fits")
    with pytest.raises(KnownVersionError):
        await announcing.announce(a_post(b"bytes"), SYSTEM)

    async def fail(*_: object) -> None:
        raise KnownVersionError(({},))

    monkeypatch.setattr("app.frames.announcements.AnnouncementRegistry.announce", fail)
    with pytest.raises(KnownVersionError):
        await announcing.announce(a_post(b"others", key="tst/others.fits"), SYSTEM)
    assert await keys(archive) == [KEY]


async def test_bytes_that_come_later(archive: Factory, announcing: AnnouncingService) -> None:
    number = await announcing.announce(a_post(b"bytes"), SYSTEM)
    (version,) = (await archive.frames.get(number, SYSTEM)).versions
    assert (await announcing.fetch(version)).stored is None
    put(archive, b"bytes")
    first, second = await announcing.fetch(version), await announcing.fetch(version)
    assert stored_in(first) == stored_in(second)
    assert await announcing.fetch(first) == first
    assert await keys(archive) == [KEY]


async def test_a_thumbnail(archive: Factory, announcing: AnnouncingService) -> None:
    thumbnail = AnnouncedThumbnail("t", "small", a_post(b"jpeg", key="tst/t.jpg").versions[0])
    number = await announcing.announce_thumbnail(thumbnail, a_post(), SYSTEM)
    record = await archive.thumbnail_records.get(number, SYSTEM)
    assert (await announcing.fetch_thumbnail(record)).stored is None
    put(archive, b"jpeg", "tst/t.jpg")
    fetched = await announcing.fetch_thumbnail(record)
    assert fetched.stored is not None
    assert archive.store.path(fetched.stored.key).read_bytes() == b"jpeg"
    assert await announcing.fetch_thumbnail(record) == fetched
    assert await keys(archive) == ["tst/t.jpg"]
    page = await archive.thumbnail_records.search(ThumbnailQuery(), Window(), SYSTEM)
    assert page.items[0].stored == fetched.stored


async def test_other_bytes_than_announced(archive: Factory, announcing: AnnouncingService) -> None:
    put(archive, b"others")
    with pytest.raises(OtherBytesError, match=md5_of(b"bytes")):
        await announcing.announce(a_post(b"bytes"), SYSTEM)
    await announcing.announce(a_post(b"others"), SYSTEM)
    await announcing.announce(a_post(b"bytes"), SYSTEM)
    assert await keys(archive) == [KEY]


async def test_no_link_leads_out_of_the_folder(
    archive: Factory, announcing: AnnouncingService, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.fits").write_bytes(b"secret")
    archive.settings.filestore.mkdir()
    (archive.settings.filestore / "link").symlink_to(outside)
    (archive.settings.filestore / "a.fits").symlink_to(outside / "a.fits")
    for key in ("link/a.fits", "a.fits"):
        number = await announcing.announce(a_post(key=key), SYSTEM)
        posted = AnnouncedVersion(key[:1], md5_of(key.encode()), ".fits", (key,))
        await announcing.announce(Posted("a", {}, {"observed_at": NOW}, (posted,)), SYSTEM)
        frame = await archive.frames.get(number, SYSTEM)
        assert frame.versions[0].stored is None
    assert await keys(archive) == []


async def test_a_file_that_is_written_over_while_it_is_taken(
    archive: Factory, announcing: AnnouncingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy = put(archive, b"first"), ClientFiles.copy

    async def copied(self: ClientFiles, key: str, target: Path) -> Digests | None:
        path.write_bytes(b"later")
        return await copy(self, key, target)

    monkeypatch.setattr(ClientFiles, "copy", copied)
    with pytest.raises(OtherBytesError):
        await announcing.announce(a_post(b"first"), SYSTEM)
    assert await keys(archive) == []
    assert list(archive.settings.spool_dir.iterdir()) == []


async def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def digest(path: Path) -> Digests:
        read.append(path)
        return digest_file(path)

    monkeypatch.setattr("app.ingest.client_files.digest_file", digest)
    memory, path = DigestMemory(), tmp_path / "a"
    assert await memory.of(path) is None
    path.write_bytes(b"one")
    one = await memory.of(path)
    assert await memory.of(path) == one
    path.write_bytes(b"three")
    three = await memory.of(path)
    assert three is not None
    assert (len(read), three.size_bytes) == (2, 5)
    path.unlink()
    assert await memory.of(path) is None
