"""Lists, aggregates and zips by header card."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, a_frame, a_header
from tests.support.serving import Served, served


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload)
    async with served(archive) as api:
        yield api


async def frames_with_cards(sessions: Sessions) -> None:
    await a_frame(
        sessions,
        "low",
        hdus=[a_header(AIRMASS=1.1, GAIN=2, DATE_OBS="2026-11-18T22:30:15", SHUTTER=True)],
    )
    await a_frame(
        sessions,
        "high",
        hdus=[a_header(AIRMASS=2.5, GAIN=2.0, DATE_OBS="2026-11-20T01:00:00", SHUTTER=False)],
    )
    await a_frame(sessions, "text", hdus=[a_header(AIRMASS="1.1", GAIN="2", BLKUID="0042")])
    await a_frame(sessions, "none", hdus=[a_header(AIRMASS=None, OBSERVER="Ada Lovelace")])
    await a_frame(sessions, "hidden", public_at=FUTURE, hdus=[a_header(AIRMASS=1.1)])


async def names(api: Served, **params: object) -> set[str]:
    response = await api.get("/frames/", None, **params)
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["count"] == len(body["results"])
    return {item["basename"] for item in body["results"]}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("AIRMASS__lt", "1.5", {"low"}),
        ("airmass__lte", "1.1", {"low"}),
        ("AIRMASS__gt", "1.1", {"high"}),
        ("AIRMASS__gte", "11D-1", {"low", "high"}),
        ("AIRMASS__range", "1,2", {"low"}),
        ("AIRMASS__range", "1.1,2.5", {"low", "high"}),
        ("AIRMASS", "1.1", {"low", "text"}),
        ("AIRMASS", "1.10", {"low"}),
        ("AIRMASS__ne", "1.1", {"high"}),
        ("AIRMASS__in", "2.5, 7", {"high"}),
        ("AIRMASS__isnull", "true", {"none"}),
        ("AIRMASS__isnull", "no", {"low", "high", "text"}),
        ("GAIN", "2", {"low", "high", "text"}),
        ("GAIN__lt", "3", {"low", "high"}),
        ("BLKUID", "0042", {"text"}),
        ("BLKUID", "42", set()),
        ("SHUTTER", "T", {"low"}),
        ("SHUTTER", "false", {"high"}),
        ("SHUTTER__ne", "T", {"high"}),
        ("SHUTTER__gt", "0", set()),
        ("DATE-OBS__gte", "2026-11-19", {"high"}),
        ("DATE-OBS__range", "2026-11-18,2026-11-19", {"low"}),
        ("DATE-OBS__startswith", "2026-11-18", {"low"}),
        ("DATE-OBS__lt", "20261119", set()),
        ("OBSERVER__contains", "Love", {"none"}),
        ("OBSERVER__contains", "love", set()),
        ("OBSERVER__icontains", "love", {"none"}),
        ("OBSERVER__icontains", "l%e", set()),
        ("OBSERVER", "", {"low", "high", "text", "none"}),
        ("NO SUCH CARD", "1", set()),
    ],
)
@pytest.mark.asyncio
async def test_frames_are_found_by_any_card(
    api: Served, sessions: Sessions, name: str, value: str, found: set[str]
) -> None:
    await frames_with_cards(sessions)
    assert await names(api, **{f"header.{name}": value}) == found


@pytest.mark.asyncio
async def test_filters_must_all_hold(api: Served, sessions: Sessions) -> None:
    await frames_with_cards(sessions)
    response = await api.client.get("/frames/?header.AIRMASS__gt=1&header.AIRMASS__gt=2")
    assert [item["basename"] for item in response.json()["results"]] == ["high"]
    assert await names(api, **{"header.GAIN": "2", "header.AIRMASS__lt": "2", "SITE": "tst"}) == {
        "low"
    }


@pytest.mark.asyncio
async def test_the_aggregate_takes_them_too(api: Served, sessions: Sessions) -> None:
    await a_frame(sessions, site="one", hdus=[a_header(AIRMASS=1.0)])
    await a_frame(sessions, site="two", hdus=[a_header(AIRMASS=2.0)])
    found = await api.get("/frames/aggregate/", None, **{"header.AIRMASS__gt": "1.5"})
    assert found.json()["sites"] == ["two"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("header.AIRMASS__lt", "low", "a number, or a date"),
        ("header.AIRMASS__lt", "nan", "a number, or a date"),
        ("header.AIRMASS__gt", "1e999", "a number, or a date"),
        ("header.AIRMASS__range", "1", "two numbers or two ISO dates"),
        ("header.AIRMASS__range", "1,2026-11-20", "two numbers or two ISO dates"),
        ("header.AIRMASS__isnull", "maybe", "true or false"),
        ("header.AIRMASS__in", ",", "1 to 500 values"),
        ("header.AIRMASS__less", "1", "allowed are __exact, __ne"),
        ("header.", "1", "no keyword"),
        ("header.Ä", "1", "no keyword"),
        ("header." + "A" * 90, "1", "no keyword"),
    ],
)
@pytest.mark.asyncio
async def test_what_makes_no_sense_is_named(api: Served, name: str, value: str, told: str) -> None:
    response = await api.get("/frames/", None, **{name: value})
    assert response.status_code == 400
    assert told in response.json()["errors"][name][0]


@pytest.mark.asyncio
async def test_there_is_a_limit_to_filters(api: Served) -> None:
    query = "&".join(f"header.KEY{number}=1" for number in range(21))
    response = await api.client.get(f"/frames/?{query}")
    assert response.status_code == 400
    assert "allowed are 20" in response.json()["detail"]


@pytest.mark.asyncio
async def test_the_newest_version_counts(api: Served, sessions: Sessions) -> None:
    await a_frame(sessions, "twice", hdus=[a_header(AIRMASS=1.0, OLD="yes")])
    await a_frame(sessions, "twice", hdus=[a_header(AIRMASS=2.0)])
    assert await names(api, **{"header.AIRMASS": "2"}) == {"twice"}
    assert await names(api, **{"header.AIRMASS": "1"}) == set()
    assert await names(api, **{"header.OLD__isnull": "false"}) == set()
