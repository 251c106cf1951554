"""Announced bytes under attack: replays, crashes, files written over, deletion meanwhile."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.errors import NotFoundError
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.announced import AnnouncedThumbnail, AnnouncedVersion, KnownVersionError
from app.frames.announcements import AnnouncementRegistry
from app.frames.models import FrameNotFoundError
from app.frames.registry import FrameRegistry
from app.frames.store import FrameWriter
from app.ingest.announcing import Posted
from app.ingest.deposits import Deposits
from app.ingest.models import ArrivalState, NewArrival, Outcome, Source
from app.ingest.packing import PackService
from app.ingest.placing import make_visible
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.fits_files import make_fits, source_table
from tests.support.frames import stored_in
from tests.support.lco_ingester import md5_of

pytestmark = pytest.mark.asyncio

FOLDER = "tst/cam/20260102/raw"
KEY = f"{FOLDER}/a.fits"


@pytest.fixture
def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    """Give an archive whose transactions really commit."""
    return an_archive(settings_in(tmp_path), committed_sessions, engine, offload, lambda: NOW)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """Give the bytes of a FITS file with a catalogue."""
    return make_fits(tmp_path / "made.fits", hdus=[source_table()]).read_bytes()


def put(archive: Factory, content: bytes, key: str = KEY) -> Path:
    """Put a file where the client's file store does."""
    path = archive.settings.filestore / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def a_post(*contents: bytes, key: str = KEY, basename: str = "a") -> Posted:
    """Describe a frame with versions."""
    versions = tuple(
        AnnouncedVersion(md5_of(each), md5_of(each), ".fits", (key,)) for each in contents
    )
    return Posted(basename, {"OBJECT": "M67"}, {"observed_at": NOW}, versions)


def a_picture(content: bytes, key: str = "tst/t.jpg") -> AnnouncedThumbnail:
    """Describe a thumbnail."""
    version = AnnouncedVersion(md5_of(content), md5_of(content), ".jpg", (key,))
    return AnnouncedThumbnail("t", "small", version)


async def keys(archive: Factory) -> list[str]:
    """List what is stored."""
    return sorted([key async for key in archive.store.iter_keys()])


async def bytes_of(archive: Factory, number: int, place: int = 0) -> bytes:
    """Read a version of a frame as it is stored, the newest first."""
    version = (await archive.frames.get(number, SYSTEM)).versions[place]
    return archive.store.path(stored_in(version).key).read_bytes()


async def upload(archive: Factory, content: bytes, name: str = "a.fits") -> Outcome:
    """Send a file in by the front door."""
    held = archive.spool.new_path()
    held.write_bytes(content)
    new = NewArrival(Source.UPLOAD, name, len(content), held_path=held)
    _, outcome = await archive.ingest.take_in(new)
    assert isinstance(outcome, Outcome), outcome
    return outcome


async def test_who_comes_second_takes_no_file_away(
    archive: Factory, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two announce the same bytes at once, from a replay: the file of the winner stays."""
    put(archive, content)
    announce = AnnouncementRegistry.announce
    winners: list[int] = []

    async def overtaken(self: AnnouncementRegistry, *given: Any) -> int:  # noqa: ANN401  # as given
        monkeypatch.setattr(AnnouncementRegistry, "announce", announce)
        winners.append(await archive.announcing.announce(a_post(content), SYSTEM))
        return await announce(self, *given)

    monkeypatch.setattr(AnnouncementRegistry, "announce", overtaken)
    with pytest.raises(KnownVersionError):
        await archive.announcing.announce(a_post(content), SYSTEM)
    assert await bytes_of(archive, winners[0]) == content
    assert await keys(archive) == [KEY]


async def test_the_archive_root_is_no_file_store(archive: Factory, content: bytes) -> None:
    """What somebody writes into the archive's own folder is not taken for archived."""
    path = archive.settings.archive_dir / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    number = await archive.announcing.announce(a_post(content), SYSTEM)
    (version,) = (await archive.frames.get(number, SYSTEM)).versions
    assert (await archive.announcing.fetch(version)).stored is None
    put(archive, content)
    assert (await archive.announcing.fetch(version)).stored is not None
    path.write_bytes(content)
    assert await bytes_of(archive, number) == content


async def test_a_crash_before_the_end_leaves_what_the_replay_adopts(
    archive: Factory, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(archive, content)
    with monkeypatch.context() as dying:
        dying.setattr(archive.store, "remove", lambda _: asyncio.sleep(0))

        async def die(*_: object) -> None:
            raise KeyboardInterrupt

        dying.setattr("app.ingest.deposits.make_visible", _then(die))
        with pytest.raises(KeyboardInterrupt):
            await archive.announcing.announce(a_post(content), SYSTEM)
    assert await keys(archive) == [KEY]
    number = await archive.announcing.announce(a_post(content), SYSTEM)
    assert await bytes_of(archive, number) == content
    assert await keys(archive) == [KEY]


def _then(end: Any) -> Any:  # noqa: ANN401  # two functions
    """Make the bytes visible, then die."""

    async def both(*given: Any) -> None:  # noqa: ANN401  # as given
        await make_visible(*given)
        await end()

    return both


async def test_announced_bytes_that_are_uploaded_have_the_name_of_their_version(
    archive: Factory, content: bytes, tmp_path: Path
) -> None:
    later = make_fits(tmp_path / "later.fits", OBJECT="later").read_bytes()
    number = await archive.announcing.announce(a_post(content, later), SYSTEM)
    assert (await upload(archive, later)).frame_id == number
    assert (await upload(archive, content)).frame_id == number
    frame = await archive.frames.get(number, SYSTEM)
    names = [stored_in(version).key.rpartition("/")[2] for version in frame.versions]
    assert names == ["a.v2.fits", "a.fits"]
    assert [await bytes_of(archive, number, place) for place in (0, 1)] == [later, content]


async def test_bytes_that_are_announced_while_they_are_filed(
    archive: Factory, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are neither refused nor put into quarantine."""
    next_id, announcing = FrameWriter._next_id, []

    async def meanwhile(self: FrameWriter) -> int:
        post = a_post(content, basename="b")
        announcing.append(asyncio.create_task(archive.announcing.announce(post, SYSTEM)))
        await asyncio.sleep(0.3)
        return await next_id(self)

    with monkeypatch.context() as patch:
        patch.setattr(FrameWriter, "_next_id", meanwhile)
        assert (await upload(archive, content)).state is ArrivalState.FILED
    with pytest.raises(KnownVersionError):
        await announcing[0]
    both = await asyncio.gather(
        *(upload(archive, content + b"\0" * 2880 * n, f"f{n}.fits") for n in range(1, 5)),
        *(
            archive.announcing.announce(
                a_post(content + b"\0" * 2880 * n, basename=f"f{n}"), SYSTEM
            )
            for n in range(1, 5)
        ),
        return_exceptions=True,
    )
    assert not [
        one for one in both if isinstance(one, BaseException)
        and not isinstance(one, KnownVersionError)
    ]  # fmt: skip


async def test_late_bytes_of_a_frame_that_is_deleted_meanwhile(
    archive: Factory, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await archive.announcing.announce(a_post(content), SYSTEM)
    (version,) = (await archive.frames.get(number, SYSTEM)).versions
    put(archive, content)
    read = Deposits.read

    async def deleted(self: Deposits, *given: Any) -> Any:  # noqa: ANN401  # as given
        await archive.removal.remove(number, SYSTEM)
        return await read(self, *given)

    monkeypatch.setattr(Deposits, "read", deleted)
    with pytest.raises(FrameNotFoundError):
        await archive.announcing.fetch(version)
    assert await keys(archive) == []


async def test_odd_things_in_the_file_store(archive: Factory, content: bytes) -> None:
    """Loops of links, folders, links and files in the way are no bytes, and no crash."""
    store = archive.settings.filestore
    (store / "tst").mkdir(parents=True)
    (store / "tst/loop").symlink_to(store / "tst/loop")
    (store / "tst/folder").mkdir()
    (store / "tst/file").write_bytes(b"")
    names = ("loop/a.fits", "loop", "folder", "file/a.fits", "x" * 240 + "/a.fits")
    for place, name in enumerate(names):
        odd = content + b"\0" * 2880 * (place + 1)
        post = a_post(odd, key=f"tst/{name}", basename=f"odd{place}")
        number = await archive.announcing.announce(post, SYSTEM)
        (version,) = (await archive.frames.get(number, SYSTEM)).versions
        assert (await archive.announcing.fetch(version)).stored is None


async def test_new_metadata_leave_the_catalogue_of_the_file(
    archive: Factory, content: bytes
) -> None:
    put(archive, content)
    number = await archive.announcing.announce(a_post(content), SYSTEM)
    assert (await archive.frames.get(number, SYSTEM)).facts.has_catalog
    assert await archive.announcing.announce(a_post(), SYSTEM) == number
    assert (await archive.frames.get(number, SYSTEM)).facts.has_catalog


async def test_a_replaced_picture_goes_and_the_same_one_stays(archive: Factory) -> None:
    put(archive, b"one", "tst/t.jpg")
    number = await archive.announcing.announce_thumbnail(a_picture(b"one"), a_post(), SYSTEM)
    for _ in range(2):
        await archive.announcing.announce_thumbnail(a_picture(b"one"), a_post(), SYSTEM)
        assert await keys(archive) == ["tst/t.jpg"]
    put(archive, b"two", "tst/t.jpg")
    await archive.announcing.announce_thumbnail(a_picture(b"two"), a_post(), SYSTEM)
    picture = await archive.thumbnail_records.get(number, SYSTEM)
    assert picture.stored is not None
    assert archive.store.path(picture.stored.key).read_bytes() == b"two"
    await archive.packing.remove("tst/t.jpg")
    assert await keys(archive) == [picture.stored.key]
    await archive.removal.remove(picture.frame_id, SYSTEM)
    assert await keys(archive) == []


async def test_an_original_that_is_adopted_again_is_not_removed(
    archive: Factory, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job that removes a packed frame's original waits for whoever files it anew."""
    outcome = await upload(archive, content)
    (version,) = (await archive.frames.get(outcome.frame_id, SYSTEM)).versions
    key = stored_in(version).key
    kept = archive.store.path(key).read_bytes()
    await archive.removal.remove(outcome.frame_id, SYSTEM)
    path = archive.settings.archive_dir / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(kept)
    removing: list[asyncio.Task[None]] = []

    async def meanwhile(*given: Any) -> None:  # noqa: ANN401  # as given
        await make_visible(*given)
        removing.append(asyncio.create_task(archive.packing.remove(key)))
        await asyncio.sleep(0.3)

    monkeypatch.setattr("app.ingest.filing.make_visible", meanwhile)
    again = await upload(archive, content)
    await asyncio.gather(*removing)
    assert await bytes_of(archive, again.frame_id) == content


async def test_a_frame_that_is_deleted_while_it_is_packed(
    archive: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make_fits(tmp_path / "large.fits", shape=(200, 200)).read_bytes()
    outcome = await upload(archive, content)
    (version,) = (await archive.frames.get(outcome.frame_id, SYSTEM)).versions
    swap = PackService._swap

    async def deleted(self: PackService, *given: Any) -> None:  # noqa: ANN401  # as given
        await archive.removal.remove(outcome.frame_id, SYSTEM)
        await swap(self, *given)

    monkeypatch.setattr(PackService, "_swap", deleted)
    with pytest.raises(NotFoundError):
        await archive.packing.pack(version.id)
    assert await keys(archive) == []


async def test_a_frame_that_is_deleted_in_the_last_step_of_packing(
    archive: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make_fits(tmp_path / "large.fits", shape=(200, 200)).read_bytes()
    outcome = await upload(archive, content)
    (version,) = (await archive.frames.get(outcome.frame_id, SYSTEM)).versions
    replace_file, removing = FrameRegistry.replace_file, []

    async def meanwhile(self: FrameRegistry, *given: Any) -> None:  # noqa: ANN401  # as given
        removing.append(asyncio.create_task(archive.removal.remove(outcome.frame_id, SYSTEM)))
        await asyncio.sleep(0.3)
        await replace_file(self, *given)

    monkeypatch.setattr(FrameRegistry, "replace_file", meanwhile)
    await archive.packing.pack(version.id)
    await asyncio.gather(*removing)
    await archive.packing.remove(stored_in(version).key)
    assert await keys(archive) == []
