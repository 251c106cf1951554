"""The table of header cards: what stands in it, and that every way to it gives the same."""

import importlib.util
import random
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import select, text

from app.core.identity import SYSTEM
from app.db.engine import Sessions, transaction
from app.db.tables import HeaderValueRow
from app.frames.header_filters import HeaderFilter, HeaderTest, Operand
from app.frames.models import FrameQuery, HeaderOfHdu
from app.frames.registration import Replacement
from app.frames.registry import FrameRegistry
from app.frames.service import FrameService
from app.frames.store import header_search
from app.frames.store.header_search import narrowed
from app.settings import InternalFrames
from tests.support.archive import NOW
from tests.support.frames import a_frame, a_header

MIGRATION = Path(__file__).parents[2] / "migrations/versions/2026_11_20_0004_header_search.py"

Cards = Mapping[tuple[int, str], tuple[float | None, bool | None, str | None]]


async def cards(sessions: Sessions) -> Cards:
    async with transaction(sessions) as session:
        rows = (await session.execute(select(HeaderValueRow))).scalars()
        return {(row.frame_id, row.keyword): (row.number, row.flag, row.text) for row in rows}


def a_hdu(index: int, *given: tuple[str, Any]) -> HeaderOfHdu:
    return HeaderOfHdu(index, "", "image", tuple((key, value, "") for key, value in given))


@pytest.mark.asyncio
async def test_cards_are_those_that_the_header_shows(sessions: Sessions) -> None:
    primary = a_hdu(
        0,
        ("SIMPLE", True),
        ("NAXIS", 0),
        ("OBJECT", "primary"),
        ("OBJECT", "twice"),
        ("GAIN", 2),
        ("COMMENT", "no card"),
        ("HISTORY", None),
        ("", "blank"),
        ("UNKNOWN", None),
        ("LOST", "by the science HDU"),
    )
    science = a_hdu(
        1, ("NAXIS", 2), ("OBJECT", "science"), ("LOST", None), ("ESO DET DIT", -1.5e-3)
    )
    frame = await a_frame(sessions, hdus=[primary, science], science_hdu=1)
    assert await cards(sessions) == {
        (frame.id, "NAXIS"): (2, None, None),
        (frame.id, "OBJECT"): (None, None, "science"),
        (frame.id, "GAIN"): (2, None, None),
        (frame.id, "ESO DET DIT"): (-0.0015, None, None),
    }


@pytest.mark.asyncio
async def test_long_texts_and_large_numbers_do_no_harm(sessions: Sessions) -> None:
    odd = {"LONG": "x" * 5000, "BIG": 2**63 - 1, "TINY": 5e-324, "K" * 81: 1, "EMPTY": ""}
    frame = await a_frame(sessions, hdus=[a_hdu(0, *odd.items())])
    assert await cards(sessions) == {
        (frame.id, "LONG"): (None, None, "x" * 200),
        (frame.id, "BIG"): (float(2**63), None, None),
        (frame.id, "TINY"): (5e-324, None, None),
        (frame.id, "EMPTY"): (None, None, ""),
    }


@pytest.mark.asyncio
async def test_a_packed_file_changes_the_cards_of_the_newest_version(sessions: Sessions) -> None:
    old = await a_frame(sessions, "frame", hdus=[a_header(GAIN=1)])
    new = await a_frame(sessions, "frame", hdus=[a_header(GAIN=2)])
    for version, gain in ((old, 3), (new, 4)):
        async with transaction(sessions) as session:
            registry = FrameRegistry(session)
            stored = (await registry.version(version.version_id)).stored
            assert stored is not None
            packed = Replacement(stored, (a_header(GAIN=gain),), 0)
            await registry.replace_file(version.version_id, packed, NOW)
        expected = 2 if version is old else 4
        assert (await cards(sessions))[(new.id, "GAIN")] == (expected, None, None)


@pytest.mark.asyncio
async def test_cards_go_with_their_frame(sessions: Sessions) -> None:
    frame = await a_frame(sessions)
    async with transaction(sessions) as session:
        await session.execute(text("DELETE FROM frames WHERE id = :id"), {"id": frame.id})
    assert await cards(sessions) == {}


def migration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("header_search_migration", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def any_hdus(seed: int) -> tuple[list[HeaderOfHdu], int | None]:
    """Draw headers with duplicates, undefined values and everything that merging looks at."""
    draw = random.Random(seed)  # noqa: S311  # no secret
    keys = ["SIMPLE", "NAXIS", "NAXIS1", "EXTNAME", "BZERO", "OBJECT", "GAIN", "A B", "COMMENT", ""]
    values = [True, False, None, 0, 1, -7, 2**40, 1.25, 1e-300, -2.5e17, "", "T", "text", "é'\"\\"]
    hdus = [
        a_hdu(index, *((draw.choice(keys), draw.choice(values)) for _ in range(12)))
        for index in range(3)
    ]
    return hdus, draw.choice([None, 0, 1, 2])


@pytest.mark.asyncio
async def test_the_migration_finds_what_the_ingest_writes(sessions: Sessions) -> None:
    for seed in range(40):
        hdus, science = any_hdus(seed)
        await a_frame(sessions, f"frame-{seed % 30}", hdus=hdus, science_hdu=science)
    written = await cards(sessions)
    assert len(written) > 100
    async with transaction(sessions) as session:
        await session.execute(text("DELETE FROM header_values"))
        await session.execute(text(migration()._FILL))
    assert await cards(sessions) == written


def equal(keyword: str, value: str, number: float | None = None) -> HeaderFilter:
    return HeaderFilter(keyword, HeaderTest.EQUAL, (Operand(value, number),))


@pytest.mark.parametrize("few", [0, 1, 3, 10_000])
@pytest.mark.asyncio
async def test_few_or_many_matches_give_the_same_frames(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(header_search, "FEW", few)
    for number in range(12):
        gain: Any = number if number % 4 else str(number)
        await a_frame(sessions, f"frame-{number}", hdus=[a_header(GAIN=gain, ODD=number % 2 == 1)])
    wanted = (
        HeaderFilter("GAIN", HeaderTest.LESS, (Operand("7", 7.0),)),
        HeaderFilter("ODD", HeaderTest.NOT_EQUAL, (Operand("F", flag=False),)),
        HeaderFilter("NONE", HeaderTest.IS_NULL, (Operand("true", flag=True),)),
    )
    frames = FrameService(sessions, lambda: NOW, InternalFrames.USERS)
    page = await frames.search(FrameQuery(headers=wanted), SYSTEM)
    assert {frame.basename for frame in page.items} == {"frame-1", "frame-3", "frame-5"}
    assert page.count == 3


@pytest.mark.asyncio
async def test_few_matches_become_numbers_of_frames(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_search, "FEW", 2)
    made = [await a_frame(sessions, hdus=[a_header(GAIN=gain)]) for gain in (1, 1, 1, 2, 3)]
    one, two, three = (equal("GAIN", str(gain), gain) for gain in (1, 2, 3))
    async with transaction(sessions) as session:
        query = await narrowed(session, FrameQuery(headers=(one, two)))
        assert query.headers == (one,)
        assert query.frame_ids == frozenset({made[3].id})
        query = await narrowed(session, FrameQuery(headers=(two, three)))
        assert query.frame_ids == frozenset()
        query = await narrowed(session, FrameQuery(headers=(three,), frame_ids=frozenset({1})))
        assert query.frame_ids == frozenset()
