"""The visibility rule, held to a model of five lines, over lists, counts, details and relations."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.service import AccountService
from app.core.identity import ANONYMOUS, Caller
from app.core.paging import Window
from app.db.engine import Sessions
from app.frames.models import FrameNotFoundError, FrameQuery, OrderBy
from app.frames.service import FrameService
from app.settings import InternalFrames
from tests.support.frames import a_frame

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROPOSALS = (None, "P1", "P2")
PUBLIC_AT = (None, NOW - timedelta(seconds=1), NOW, NOW + timedelta(seconds=1))


def is_visible(
    caller: Caller, internal: InternalFrames, public_at: datetime | None, proposal: str | None,
    *, is_internal: bool,
) -> bool:  # fmt: skip
    """Say in few lines who sees a frame."""
    if caller.is_superuser:
        return True
    if is_internal and internal is InternalFrames.PUBLIC:
        return True
    if is_internal and internal is InternalFrames.USERS and caller.is_known:
        return True
    if is_internal and internal is InternalFrames.STAFF and caller.is_staff:
        return True
    return (public_at is not None and public_at <= NOW) or proposal in caller.proposals


CALLERS = (
    ANONYMOUS,
    Caller(user_id=1, username="ada"),
    Caller(user_id=2, username="bob", proposals=frozenset({"P1"})),
    Caller(user_id=3, username="eve", proposals=frozenset({"P1", "P2"})),
    Caller(user_id=4, username="staff", is_staff=True),
    Caller(user_id=5, username="root", is_superuser=True),
)


@pytest.mark.parametrize("internal", list(InternalFrames))
async def test_every_way_to_a_frame_obeys_the_model(
    sessions: Sessions, internal: InternalFrames
) -> None:
    draw = random.Random(20)  # noqa: S311  # no secret
    made: dict[int, tuple[datetime | None, str | None, bool]] = {}
    hub = await a_frame(sessions, "hub", related=[f"f{n}" for n in range(30)])
    for number in range(30):
        facts = (draw.choice(PUBLIC_AT), draw.choice(PROPOSALS), draw.random() < 0.3)
        frame = await a_frame(
            sessions,
            f"f{number}",
            public_at=facts[0],
            proposal=facts[1],
            is_internal=facts[2],
            site=f"s{number}",
        )
        made[frame.id] = facts
    service = FrameService(sessions, lambda: NOW, internal)
    for caller in CALLERS:
        expected = {
            frame_id
            for frame_id, (public_at, proposal, is_internal) in made.items()
            if is_visible(caller, internal, public_at, proposal, is_internal=is_internal)
        }
        page = await service.search(FrameQuery(), caller)
        assert {frame.id for frame in page.items} - {hub.id} == expected
        assert page.count == len(expected) + 1
        related = await service.related(hub.id, caller)
        assert {frame.id for frame in related} == expected
        assert set((await service.get(hub.id, caller)).related) == expected
        facets = await service.facets(FrameQuery(basename_part="f"), caller)
        assert len(facets.sites) == len(expected)
        for frame_id in made:
            if frame_id in expected:
                assert hub.id in (await service.get(frame_id, caller)).related
            else:
                with pytest.raises(FrameNotFoundError):
                    await service.get(frame_id, caller)


async def test_the_uploader_sees_his_own_frame(sessions: Sessions) -> None:
    accounts = AccountService(sessions, secret_key="k" * 40, clock=lambda: NOW)
    ada = await accounts.create_user("ada", "ada")
    frame = await a_frame(sessions, owner_id=ada.id, public_at=None, proposal="P9")
    service = FrameService(sessions, lambda: NOW, InternalFrames.STAFF)
    assert (await service.get(frame.id, Caller(user_id=ada.id))).id == frame.id
    with pytest.raises(FrameNotFoundError):
        await service.get(frame.id, Caller(user_id=ada.id + 1))


async def test_links_are_found_whichever_frame_comes_first(sessions: Sessions) -> None:
    reduced = await a_frame(sessions, "reduced", related=["raw", "never-arrives"])
    service = FrameService(sessions, lambda: NOW, InternalFrames.USERS)
    assert (await service.get(reduced.id, ANONYMOUS)).related == ()
    raw = await a_frame(sessions, "raw")
    assert (await service.get(reduced.id, ANONYMOUS)).related == (raw.id,)
    assert (await service.get(raw.id, ANONYMOUS)).related == (reduced.id,)


async def test_pages_joined_are_the_whole(sessions: Sessions) -> None:
    for number in range(23):
        await a_frame(sessions, exposure_s=float(number % 3))
    service = FrameService(sessions, lambda: NOW, InternalFrames.USERS)
    whole = (await service.search(FrameQuery(), ANONYMOUS)).items
    for order in ((OrderBy("exposure_s"),), (OrderBy("exposure_s", descending=True),)):
        pages = [
            (
                await service.search(
                    FrameQuery(order=order, window=Window(limit=5, offset=offset)), ANONYMOUS
                )
            ).items
            for offset in range(0, 25, 5)
        ]
        joined = [frame.id for page in pages for frame in page]
        assert sorted(joined) == sorted(frame.id for frame in whole)
        assert len(joined) == 23
