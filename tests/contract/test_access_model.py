"""Who sees which frame, through every door: random cases against the rule in five lines."""

import asyncio
import itertools
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from asgi_lifespan import LifespanManager
from sqlalchemy import ColumnElement, true
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.identity import Caller
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.store import FrameReader, Sight
from app.main import create_app
from app.settings import InternalFrames, Settings
from tests.support.access_doors import DOORS, Asking, NotHeardError, Way
from tests.support.access_world import World, a_world
from tests.support.archive import an_archive, settings_in
from tests.support.asgi import Asker

CASES = 2_500
SEEDS = (1, 2, 3, 4)
FRAMES = 30
AT_ONCE = 4
INTERNAL = (InternalFrames.USERS, InternalFrames.USERS, InternalFrames.PUBLIC, InternalFrames.STAFF)

RIGHT = Sight.sees

Drawn = Callable[[int], AbstractAsyncContextManager[tuple[Asker, World]]]


@pytest.fixture
def _quiet() -> None:
    """Log no request: there are thousands."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


@pytest.fixture
def drawn(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Drawn:
    """Give a way to serve a random world."""

    @asynccontextmanager
    async def draw(seed: int) -> AsyncIterator[tuple[Asker, World]]:
        settings = settings_in(tmp_path, internal_frames=INTERNAL[seed % len(INTERNAL)])
        archive = an_archive(settings, committed_sessions, engine, offload)

        @asynccontextmanager
        async def open_context(_: Settings) -> AsyncIterator[Factory]:
            yield archive

        app = create_app(settings, open_context)
        async with LifespanManager(app) as manager:
            yield Asker(manager.app), await a_world(archive, seed, frames=FRAMES)

    return draw


async def judge(asker: Asker, world: World, rng: random.Random) -> Way:
    """Let somebody try a door; fail if it shows a frame too many, or one too few."""
    way = rng.choices(DOORS, [each.weight for each in DOORS])[0]
    case = Asking(asker, world, rng.choice(world.people), rng)
    is_heard = case.person.is_active and not (way.needs_user and case.person.id is None)
    try:
        shown, wanted = await way.open(case)
    except NotHeardError:
        assert not is_heard, f"{way.name} does not hear {case.person}"
        return way
    assert is_heard, f"{way.name} hears {case.person}"
    leaked, hidden = shown - wanted, wanted - shown
    assert not leaked | hidden, f"{way.name}, {case.person}: leaks {leaked}, hides {hidden}"
    return way


async def try_doors(asker: Asker, world: World, draw: str, cases: int) -> set[str]:
    """Try doors one after another; give the names of those that were tried."""
    rng = random.Random(draw)  # noqa: S311  # a test, to be repeated
    return {(await judge(asker, world, rng)).name for _ in range(cases)}


@pytest.mark.asyncio
@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("seed", SEEDS)
async def test_arc_3_4_shr_1_everybody_sees_what_the_rule_says(drawn: Drawn, seed: int) -> None:
    async with drawn(seed) as (asker, world), asyncio.TaskGroup() as group:
        tries = [
            group.create_task(try_doors(asker, world, f"{seed} {number}", CASES // AT_ONCE))
            for number in range(AT_ONCE)
        ]
    tried = set(itertools.chain.from_iterable(each.result() for each in tries))
    assert tried == {each.name for each in DOORS}


def test_the_cases_are_ten_thousand() -> None:
    assert CASES * len(SEEDS) >= 10_000


def everything(_: Sight) -> ColumnElement[bool]:
    return true()


def without_owners(sight: Sight) -> ColumnElement[bool]:
    return RIGHT(Sight(replace(sight.caller, user_id=None), sight.now, sight.internal))


def leaky(method: str) -> Callable[..., object]:
    """Make a method of the reader forget who asks."""
    right = getattr(FrameReader, method)

    async def wrong(reader: FrameReader, *given: object, **named: object) -> object:
        sight = Sight(Caller(is_superuser=True), reader._sight.now, reader._sight.internal)
        return await right(FrameReader(reader._session, sight), *given, **named)

    return wrong


@pytest.mark.asyncio
@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize(
    ("place", "name", "wrong"),
    [
        (Sight, "sees", everything),
        (Sight, "sees", without_owners),
        (FrameReader, "count", leaky("count")),
        (FrameReader, "facets", leaky("facets")),
        (FrameReader, "_links", leaky("_links")),
    ],
    ids=["everything", "owners", "count", "facets", "links"],
)
async def test_a_leak_is_found(
    drawn: Drawn, monkeypatch: pytest.MonkeyPatch, place: type, name: str, wrong: object
) -> None:
    async with drawn(1) as (asker, world):
        monkeypatch.setattr(place, name, wrong)
        with pytest.raises(AssertionError):
            await try_doors(asker, world, "leak", CASES)
