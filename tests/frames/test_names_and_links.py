"""Frames by name, the direction of relations, and frames of which only the name is known."""

from datetime import UTC, datetime

import pytest

from app.core.identity import ANONYMOUS, SYSTEM, Caller
from app.core.paging import Window
from app.db.engine import Sessions, transaction
from app.frames.announced import AnnouncedVersion, Announcement, KnownVersionError
from app.frames.announcements import AnnouncementRegistry, VersionService
from app.frames.links import LinkSigner
from app.frames.models import FrameFacts, FrameNotFoundError, FrameQuery, HeaderOfHdu
from app.frames.service import FrameService
from app.frames.versions import choose_version, stored_file
from app.settings import InternalFrames
from app.storage.errors import MissingFileError
from tests.support.frames import DEFAULTS, FUTURE, a_frame

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEADER = HeaderOfHdu(0, "", "image", (("OBJECT", "M67", ""),))


@pytest.fixture
def frames(sessions: Sessions) -> FrameService:
    """Give the catalogue."""
    return FrameService(sessions, lambda: NOW, InternalFrames.USERS)


async def announce(
    sessions: Sessions, basename: str, *names: str, facts: FrameFacts = DEFAULTS,
    versions: tuple[AnnouncedVersion, ...] = (),
) -> int:  # fmt: skip
    """Announce a frame without bytes."""
    announcement = Announcement(
        basename, facts, HEADER, tuple((each, None) for each in versions), related=names
    )
    async with transaction(sessions) as session:
        return await AnnouncementRegistry(session).announce(announcement, NOW)


async def test_a_frame_by_its_name(frames: FrameService, sessions: Sessions) -> None:
    made = await a_frame(sessions, "a.b%")
    hidden = await a_frame(sessions, "hidden", public_at=FUTURE)
    await announce(sessions, "other", "only-a-name")
    assert (await frames.get_by_name("a.b%", ANONYMOUS)).id == made.id
    assert (await frames.get_by_name("hidden", SYSTEM)).id == hidden.id
    for name in ("A.b%", "a", "%", "", "hidden", "only-a-name"):
        with pytest.raises(FrameNotFoundError):
            await frames.get_by_name(name, ANONYMOUS)
    with pytest.raises(FrameNotFoundError):
        await frames.get_by_name("only-a-name", SYSTEM)


async def test_who_names_whom(frames: FrameService, sessions: Sessions) -> None:
    raw = await a_frame(sessions, "raw")
    hidden = await a_frame(sessions, "hidden", public_at=FUTURE)
    reduced = await a_frame(sessions, "reduced", related=["raw", "hidden", "reduced", "none"])
    stacked = await a_frame(sessions, "stacked", related=["reduced", "raw"])
    frame = await frames.get(reduced.id, ANONYMOUS)
    assert (frame.named, frame.related) == ((raw.id,), (raw.id, stacked.id))
    frame = await frames.get(reduced.id, SYSTEM)
    assert frame.named == (raw.id, hidden.id)
    named = await frames.named(reduced.id, ANONYMOUS)
    assert [each.basename for each in named] == ["raw"]
    assert await frames.named(raw.id, ANONYMOUS) == ()
    related = await frames.related(raw.id, ANONYMOUS)
    assert [each.basename for each in related] == ["reduced", "stacked"]
    with pytest.raises(FrameNotFoundError):
        await frames.named(hidden.id, ANONYMOUS)


async def test_only_frames_with_versions_are_listed(
    frames: FrameService, sessions: Sessions
) -> None:
    made = await a_frame(sessions, "made")
    dateless = await a_frame(sessions, "dateless", observed_at=None)
    dated = await announce(sessions, "dated", "name")

    async def listed(query: FrameQuery) -> set[int]:
        page = await frames.search(query, SYSTEM)
        assert page.count == len(page.items)
        return {each.id for each in page.items}

    assert await listed(FrameQuery()) == {made.id, dateless.id}
    assert await listed(FrameQuery(with_date=True)) == {made.id}
    assert len(await listed(FrameQuery(with_versions=False))) == 4
    assert (await frames.get(dated, ANONYMOUS)).current is None
    (name,) = (await frames.get(dated, SYSTEM)).named
    with pytest.raises(FrameNotFoundError):
        await frames.get(name, SYSTEM)
    assert (await frames.get_any(name, SYSTEM)).basename == "name"
    with pytest.raises(FrameNotFoundError):
        await frames.get_any(name, ANONYMOUS)


async def test_a_name_becomes_a_frame_of_the_same_number(
    frames: FrameService, sessions: Sessions
) -> None:
    await announce(sessions, "a", "b")
    (number,) = (await frames.get_by_name("a", SYSTEM)).named
    made = await a_frame(sessions, "b")
    assert made.id == number
    assert (await frames.get(number, ANONYMOUS)).filename == "b.fits"


async def test_a_version_without_bytes(frames: FrameService, sessions: Sessions) -> None:
    version = AnnouncedVersion("key", "0" * 32, ".fits.fz")
    number = await announce(sessions, "a", versions=(version,))
    frame = await frames.get(number, ANONYMOUS)
    current = choose_version(frame, "key")
    assert (current.stored, current.received, current.md5) == (None, None, "0" * 32)
    assert (frame.filename, current.extension) == ("a.fits.fz", ".fits.fz")
    with pytest.raises(MissingFileError, match=r"'a\.fits\.fz'"):
        stored_file(current)
    assert (await frames.headers(current))[0].cards == (("OBJECT", "M67", ""),)


async def test_known_versions_are_told_apart(sessions: Sessions) -> None:
    await announce(sessions, "a", versions=(AnnouncedVersion("k", "0" * 32, ".fits"),))
    others = (
        AnnouncedVersion("new", "1" * 32, ".fits"),
        AnnouncedVersion("k", "2" * 32, ".fits"),
        AnnouncedVersion("l", "0" * 32, ".fits"),
    )
    with pytest.raises(KnownVersionError, match="'k'") as caught:
        await announce(sessions, "b", versions=others)
    assert caught.value.flaws == ({}, {"key": "k"}, {"md5": "0" * 32})
    page = await VersionService(sessions).search(Window())
    assert (page.count, [each.key for each in page.items]) == (1, ["k"])


async def test_staff_see_no_more_than_users(frames: FrameService, sessions: Sessions) -> None:
    made = await a_frame(sessions, public_at=None)
    with pytest.raises(FrameNotFoundError):
        await frames.get(made.id, Caller(user_id=1, is_staff=True))
    assert (await frames.get(made.id, Caller(user_id=1, is_superuser=True))).id == made.id


async def test_a_link_escapes_the_key() -> None:
    query = LinkSigner("s" * 32, lifetime_s=1, clock=lambda: NOW).sign(1, "a/b+c=&d e")
    assert query.startswith("version=a%2Fb%2Bc%3D%26d%20e&expires=")
