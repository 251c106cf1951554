"""The aggregate of the LCO archive, at both of its paths."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.clock import system_clock
from app.core.errors import UnavailableError
from app.core.identity import ANONYMOUS
from app.db.engine import Sessions, make_sessions
from app.frames.models import FrameQuery
from app.frames.service import FrameService
from app.settings import InternalFrames
from tests.support.frames import FUTURE, PAST, a_frame
from tests.support.lco import Lco, a_stub

pytestmark = pytest.mark.asyncio

KEYS = {"sites", "telescopes", "filters", "instruments", "obstypes", "proposals", "generated_at"}
RANGE = {"start": "2026-11-01", "end": "2026-12-01"}
AT = datetime(2026, 11, 18, 22, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize("path", ["aggregate/", "frames/aggregate/", "aggregate"])
async def test_arc_50_lists_of_values(lco: Lco, sessions: Sessions, path: str) -> None:
    await a_frame(sessions, site="tlv", telescope="1m0a", filter_name="V", proposal="P")
    await a_frame(sessions, site="coj", telescope="0m4a", filter_name="B", proposal="P")
    await a_frame(
        sessions, site=None, telescope=None, filter_name=None, instrument=None,
        observation_type=None,
    )  # fmt: skip
    answer = await lco.get(path)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "sites": ["coj", "tlv"],
            "telescopes": ["0m4a", "1m0a"],
            "filters": ["B", "V"],
            "instruments": ["cam1"],
            "obstypes": ["EXPOSE"],
            "proposals": ["P"],
            "generated_at": "2026-11-20T12:00:00Z",
        },
    )


async def test_arc_50_of_nothing(lco: Lco, sessions: Sessions) -> None:
    await a_stub(sessions, "stub", site="stub", public_at=PAST)
    answer = (await lco.get("aggregate/")).json()
    assert answer.keys() == KEYS
    assert all(answer[name] == [] for name in KEYS - {"generated_at"})


async def population(sessions: Sessions) -> None:
    for name, public_at in (("public", PAST), ("P", FUTURE), ("Q", FUTURE), ("R", None)):
        await a_frame(sessions, proposal=name, public_at=public_at, site=f"at-{name}")


async def values(lco: Lco, name: str, token: str | None = None, /, **params: object) -> list[str]:
    answer = await lco.get("aggregate/", token, **params)
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()[name]
    return found


async def test_arc_51_only_what_the_caller_sees(lco: Lco, sessions: Sessions) -> None:
    await population(sessions)
    member = await lco.served.a_user("member", proposals=("P",))
    root = await lco.served.a_user("root", is_superuser=True)
    for sent in ({}, RANGE):
        assert await values(lco, "proposals", **sent) == ["public"]
        assert await values(lco, "proposals", member, **sent) == ["P", "public"]
        assert await values(lco, "proposals", root, **sent) == ["P", "Q", "R", "public"]
        assert await values(lco, "sites", **sent) == ["at-public"]
    sent = {**RANGE, "proposal_id": "Q"}
    assert await values(lco, "sites", **sent) == await values(lco, "sites", member, **sent) == []


async def test_arc_52_public(lco: Lco, sessions: Sessions) -> None:
    await population(sessions)
    member = await lco.served.a_user("member", proposals=("P", "public"))
    root = await lco.served.a_user("root", is_superuser=True)
    for yes in ("true", "x", ""):
        assert await values(lco, "proposals", member, public=yes) == ["P", "public"]
    for no in ("false", "False", "0"):
        assert await values(lco, "proposals", member, public=no) == ["P"]
        assert await values(lco, "proposals", root, public=no) == ["P", "Q", "R"]
        assert await values(lco, "proposals", public=no) == []
    await a_frame(sessions, public_at=None, is_internal=True, site="internal")
    assert "internal" in await values(lco, "sites", member)
    assert await values(lco, "sites", member, public="false") == ["at-P"]
    assert "internal" in await values(lco, "sites", root, public="false")


FILTERS = {
    "site_id": "tlv",
    "telescope_id": "0m5",
    "primary_optical_element": "rp",
    "instrument_id": "fa15",
    "configuration_type": "SPECTRUM",
    "proposal_id": "P-7",
}
FACTS: dict[str, Any] = {
    "site": "tlv",
    "telescope": "0m5",
    "filter_name": "rp",
    "instrument": "fa15",
    "observation_type": "SPECTRUM",
    "proposal": "P-7",
    "observed_at": AT,
}


@pytest.mark.parametrize("name", FILTERS)
async def test_arc_52_filters(lco: Lco, sessions: Sessions, name: str) -> None:
    await a_frame(sessions, **FACTS)
    value = FILTERS[name]
    assert await values(lco, "sites", **RANGE, **{name: value}) == ["tlv"]
    assert await values(lco, "sites", **RANGE, **{name: value.swapcase()}) == []
    assert await values(lco, "sites", **RANGE, **{name: ""}) == ["tlv"]


BOTH = "both start & end must be specified"
YEAR = "time range must be less than or equal to a year (365 days)"


@pytest.mark.parametrize("sent", [{name: value} for name, value in FILTERS.items()])
async def test_arc_52_a_filter_needs_a_range(lco: Lco, sent: dict[str, str]) -> None:
    for bounds in ({}, {"start": "2026-11-01"}, {"end": "2026-11-01"}, {"start": "", "end": " "}):
        answer = await lco.get("frames/aggregate/", **sent, **bounds)
        assert (answer.status_code, answer.json()) == (400, BOTH)
        assert answer.headers["content-type"] == "application/json"


async def test_arc_52_both_bounds_or_none(lco: Lco) -> None:
    for bounds in ({"start": "2026-11-01"}, {"end": "2026-11-01"}):
        answer = await lco.get("aggregate/", **bounds)
        assert (answer.status_code, answer.json()) == (400, BOTH)


async def test_arc_52_at_most_a_year(lco: Lco) -> None:
    start = "2026-01-01"
    assert await values(lco, "sites", start=start, end="2027-01-01") == []
    answer = await lco.get("aggregate/", start=start, end="2027-01-01T00:00:01")
    assert (answer.status_code, answer.json()) == (400, YEAR)
    assert await values(lco, "sites", start="2027-01-01", end="2001-01-01") == []


BOUNDS = [
    ("2026-11-18T22:30:59", "2026-11-18T23:00", True),  # cut to 22:30
    ("2026-11-18T22:31", "2026-11-18T23:00", False),
    ("2026-11-18T22:00", "2026-11-18T22:30:59.9", False),
    ("2026-11-18T22:00", "2026-11-18T22:31", True),
]


@pytest.mark.parametrize(("start", "end", "is_within"), BOUNDS)
async def test_arc_52_bounds(
    lco: Lco,
    sessions: Sessions,
    start: str,
    end: str,
    is_within: bool,  # noqa: FBT001  # a parameter
) -> None:
    await a_frame(sessions, observed_at=AT, site="tlv")
    assert await values(lco, "sites", start=start, end=end) == (["tlv"] if is_within else [])


async def test_arc_52_the_end_is_exclusive(lco: Lco, sessions: Sessions) -> None:
    at = AT.replace(second=0)
    await a_frame(sessions, observed_at=at, site="at")
    await a_frame(sessions, observed_at=at - timedelta(microseconds=1), site="before")
    found = await values(lco, "sites", start="2026-11-18", end=at.isoformat())
    assert found == ["before"]
    assert await values(lco, "sites", start=at.isoformat(), end="2026-11-19") == ["at"]


@pytest.mark.parametrize("wish", ["0", "1000", "20000", ""])
async def test_arc_52_query_timeout(lco: Lco, sessions: Sessions, wish: str) -> None:
    await a_frame(sessions, observed_at=AT, site="tlv")
    assert await values(lco, "sites", **RANGE, query_timeout=wish) == ["tlv"]


@pytest.mark.parametrize(
    "sent",
    [
        {"query_timeout": "-1"},
        {"query_timeout": "20001"},
        {"query_timeout": "soon"},
        {"query_timeout": "1.5"},
        {"start": "soon"},
        {"end": "0"},
    ],
)
async def test_arc_52_malformed_values(lco: Lco, sent: dict[str, str]) -> None:
    for path in ("aggregate/", "frames/aggregate/"):
        answer = await lco.get(path, **RANGE | sent)
        assert (answer.status_code, answer.json().keys()) == (400, sent.keys())


async def test_arc_52_the_earliest_moment(lco: Lco) -> None:
    bounds = {"start": "0001-01-01", "end": "0001-01-01T00:00:30"}
    assert await values(lco, "sites", **bounds) == []


async def test_arc_52_a_search_that_takes_too_long_ends(engine: AsyncEngine) -> None:
    frames = FrameService(make_sessions(engine), system_clock, InternalFrames.USERS)
    async with engine.begin() as other:
        await other.execute(text("LOCK TABLE frames IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(UnavailableError):
            await frames.facets(FrameQuery(), ANONYMOUS, statement_s=0.05)
    assert (await frames.facets(FrameQuery(), ANONYMOUS, statement_s=20)).sites == ()
