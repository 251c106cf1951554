"""The frames list, one frame, its relations, the aggregate: shape, order, pages, who sees what."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from app.api.frames import examples
from app.api.frames.wire import AggregateOut, CreatedOut, FrameListOut
from app.api.frames.wire_headers import HeadersOut
from app.api.frames.wire_order import COLUMNS
from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, OBSERVED, a_frame
from tests.support.serving import Served, as_user, served

pytestmark = pytest.mark.asyncio

NAMES = {
    "DATE_OBS": "observation_date",
    "DAY_OBS": "observation_day",
    "PROPID": "proposal_id",
    "INSTRUME": "instrument_id",
    "OBJECT": "target_name",
    "RLEVEL": "reduction_level",
    "SITEID": "site_id",
    "TELID": "telescope_id",
    "EXPTIME": "exposure_time",
    "FILTER": "primary_optical_element",
    "L1PUBDAT": "public_date",
    "OBSTYPE": "configuration_type",
    "BLKUID": "observation_id",
    "REQNUM": "request_id",
}


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    async with served(an_archive(settings_in(tmp_path), sessions, engine, offload)) as api:
        yield api


async def ids(api: Served, token: str | None = None, /, **params: object) -> list[int]:
    answer = await api.get("/frames/", token, **params)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["results"]]


async def test_an_item_has_both_sets_of_names(api: Served, sessions: Sessions) -> None:
    made = await a_frame(
        sessions,
        "tst1m0-cam1",
        content=b"the bytes",
        extension=".fits.fz",
        proposal="P-7",
        block_id=7,
        request_text="00123",
        request_id=123,
        observation_text="17",
        area_deg=((350.0, -10.0), (350.0, 10.0), (10.0, 10.0), (10.0, -10.0)),
        x_binning=2,
        y_binning=2,
    )
    item = (await api.get(f"/frames/{made.id}/")).json()
    assert all(item[capital] == item[name] for capital, name in NAMES.items())
    assert item.keys() == examples.FRAME.keys()
    (version,) = item["version_set"]
    assert version.keys() == examples.FRAME["version_set"][0].keys()
    assert item["url"] == version["url"]
    expected = {
        "id": made.id,
        "basename": "tst1m0-cam1",
        "filename": "tst1m0-cam1.fits.fz",
        "DATE_OBS": "2026-11-18T22:30:15.250000Z",
        "night": "2026-11-18",
        "DAY_OBS": "2026-11-18",
        "PROPID": "P-7",
        "OBSTYPE": "EXPOSE",
        "IMAGETYP": "object",
        "EXPTIME": 60.0,
        "BLKUID": 7,
        "REQNUM": 123,
        "OBSNUM": "17",
        "binning": "2x2",
        "L1PUBDAT": "2020-01-01T00:00:00Z",
        "size_bytes": 9,
        "related_frames": [],
    }
    assert {name: item[name] for name in expected} == expected
    assert (len(item["md5"]), len(item["sha256"])) == (32, 64)
    ring = item["area"]["coordinates"][0]
    assert (item["area"]["type"], len(ring), ring[0]) == ("Polygon", 5, ring[-1])
    assert ring[0] == pytest.approx([350, -10])


async def test_an_item_of_which_nothing_is_known(api: Served, sessions: Sessions) -> None:
    unknown: dict[str, Any] = dict.fromkeys(
        [
            "site", "telescope", "instrument", "observation_type", "image_type_raw", "filter_name",
            "exposure_s", "observed_at", "object_name", "x_binning", "y_binning",
        ]
    )  # fmt: skip
    made = await a_frame(sessions, request_text="TLV-9", **unknown)
    item = (await api.get(f"/frames/{made.id}/")).json()
    texts = ("SITEID", "TELID", "INSTRUME", "OBSTYPE", "IMAGETYP", "FILTER", "OBJECT", "PROPID")
    assert [item[name] for name in texts] == [""] * len(texts)
    nulls = ("EXPTIME", "DATE_OBS", "DAY_OBS", "night", "area", "BLKUID", "OBSNUM")
    assert [item[name] for name in nulls] == [None] * len(nulls)
    assert (item["REQNUM"], item["binning"]) == ("TLV-9", "1x1")


async def test_links_are_absolute_and_name_download_once(api: Served, sessions: Sessions) -> None:
    made = await a_frame(sessions)
    url = (await api.get("/frames/")).json()["results"][0]["url"]
    assert url.startswith(f"http://archive.test/frames/{made.id}/download/?")
    assert url.count("download") == 1


async def test_the_envelope_and_its_links(api: Served, sessions: Sessions) -> None:
    made = [await a_frame(sessions, observed_at=OBSERVED + timedelta(n)) for n in range(5)]
    body = (await api.get("/frames/", limit=2, offset=2, SITE="tst")).json()
    assert body.keys() == examples.FRAMES.keys()
    assert (body["count"], body["count_estimated"]) == (5, False)
    assert [item["id"] for item in body["results"]] == [made[2].id, made[1].id]
    assert body["next"] == "http://archive.test/frames/?SITE=tst&limit=2&offset=4"
    assert body["previous"] == "http://archive.test/frames/?SITE=tst&limit=2"
    last = (await api.client.get(body["next"])).json()
    assert (last["next"], [item["id"] for item in last["results"]]) == (None, [made[0].id])


async def test_pages_joined_are_the_whole_without_repeats(api: Served, sessions: Sessions) -> None:
    made = [(await a_frame(sessions)).id for _ in range(7)]
    seen: list[int] = []
    url: str | None = "http://archive.test/frames/?limit=3&sort=SITE"
    while url:
        page = (await api.client.get(url)).json()
        seen += [item["id"] for item in page["results"]]
        url = page["next"]
    assert seen == made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "cba"),
        ("order=asc", "abc"),
        ("order=DESC", "cba"),
        ("asc=true", "abc"),
        ("asc=0", "cba"),
        ("sort=EXPTIME", "bca"),
        ("sort=EXPTIME&order=desc", "acb"),
        ("sort=DATE_OBS&asc=true", "abc"),
        ("order=EXPTIME", "acb"),
        ("order=EXPTIME&asc=true", "bca"),
        ("order=EXPTIME&asc", "bca"),
        ("order=EXPTIME&asc=", "bca"),
        ("order=EXPTIME&asc=no", "acb"),
        ("ordering=exposure_time", "bca"),
        ("ordering=-exposure_time", "acb"),
        ("ordering=site_id,-observation_date", "cab"),
        ("ordering=-SITE,DATE_OBS&sort=id", "bac"),
        ("ordering=", "cba"),
        ("order=binning", "cba"),
    ],
)
async def test_the_order(api: Served, sessions: Sessions, query: str, expected: str) -> None:
    rows = {"a": (3.0, "x"), "b": (1.0, "y"), "c": (2.0, "x")}
    for day, (name, (exposure_s, site)) in enumerate(rows.items()):
        at = OBSERVED + timedelta(days=day)
        await a_frame(sessions, name, observed_at=at, exposure_s=exposure_s, site=site)
    results = (await api.client.get(f"/frames/?{query}")).json()["results"]
    assert "".join(item["basename"] for item in results) == expected


@pytest.mark.parametrize("column", COLUMNS)
async def test_every_column_orders(api: Served, sessions: Sessions, column: str) -> None:
    made = await a_frame(sessions)
    assert await ids(api, sort=column) == [made.id]
    assert await ids(api, ordering=f"-{column}") == [made.id]


async def test_a_bad_direction_is_named(api: Served) -> None:
    answer = await api.get("/frames/", sort="id", order="up")
    assert (answer.status_code, answer.json()["order"]) == (
        400,
        ["order = 'up'; allowed is asc or desc"],
    )


async def test_optional_members(api: Served, sessions: Sessions) -> None:
    await a_frame(sessions)
    (item,) = (await api.get("/frames/", include_related_frames="False")).json()["results"]
    assert "related_frames" not in item
    params = {"include_thumbnails": "True", "force_count": "true"}
    (item,) = (await api.get("/frames/", **params)).json()["results"]
    assert (item["thumbnails"], item["related_frames"]) == ([], [])


async def test_relations_go_both_ways(api: Served, sessions: Sessions) -> None:
    raw = await a_frame(sessions, "raw")
    hidden = await a_frame(sessions, "flat", public_at=FUTURE)
    reduced = await a_frame(sessions, "reduced", related=["raw", "flat", "not-here-yet"])
    root = await api.a_user("root", is_superuser=True)
    assert (await api.get(f"/frames/{raw.id}/")).json()["related_frames"] == [reduced.id]
    assert (await api.get(f"/frames/{reduced.id}/")).json()["related_frames"] == [raw.id]
    related = (await api.get(f"/frames/{reduced.id}/related/")).json()
    assert [item["id"] for item in related] == [raw.id]
    assert related[0].keys() == examples.FRAME.keys()
    related = (await api.get(f"/frames/{reduced.id}/related/", root)).json()
    assert [item["id"] for item in related] == [raw.id, hidden.id]
    assert (await api.get(f"/frames/{hidden.id}/related/")).status_code == 404


@pytest.mark.parametrize("path", ["/frames/aggregate/", "/aggregate/"])
async def test_the_aggregate(api: Served, sessions: Sessions, path: str) -> None:
    await a_frame(sessions, filter_name="V", proposal="P-7", x_binning=2, y_binning=2)
    await a_frame(sessions, filter_name=None, image_type_raw="bias", observation_type="BIAS")
    await a_frame(sessions, filter_name="B", site="tlv")
    await a_frame(sessions, site="hidden", public_at=FUTURE)
    before = datetime.now(UTC)
    body = (await api.get(path)).json()
    assert before <= datetime.fromisoformat(body.pop("generated_at")) <= datetime.now(UTC)
    assert body == {
        "sites": ["tlv", "tst"],
        "telescopes": ["1m0a"],
        "instruments": ["cam1"],
        "filters": ["B", "V"],
        "binnings": ["1x1", "2x2"],
        "imagetypes": ["bias", "object"],
        "obstypes": ["BIAS", "EXPOSE"],
        "proposals": ["P-7"],
    }
    assert (await api.get(path, SITE="tlv")).json()["filters"] == ["B"]
    assert (await api.get(path, RLEVEL="x")).json()["RLEVEL"] == ["A valid integer is required."]


async def test_the_aggregate_of_an_empty_archive(api: Served) -> None:
    body = (await api.get("/frames/aggregate/")).json()
    assert body.keys() == examples.AGGREGATE.keys()
    assert [value for name, value in body.items() if name != "generated_at"] == [[]] * 8


async def test_who_sees_what(api: Served, sessions: Sessions) -> None:
    public = (await a_frame(sessions)).id
    proprietary = (await a_frame(sessions, proposal="P-7", public_at=FUTURE, site="P")).id
    internal = (await a_frame(sessions, is_internal=True, public_at=None, site="I")).id
    never = (await a_frame(sessions, public_at=None, site="N")).id
    everything = {public, proprietary, internal, never}
    sights: dict[str | None, set[int]] = {
        None: {public},
        await api.a_user("user"): {public, internal},
        await api.a_user("member", proposals=("P-7",)): {public, internal, proprietary},
        await api.a_user("staff", is_staff=True): {public, internal},
        await api.a_user("root", is_superuser=True): everything,
    }
    for token, seen in sights.items():
        body = (await api.get("/frames/", token)).json()
        assert body["count"] == len(seen)
        assert {item["id"] for item in body["results"]} == seen
        sites = (await api.get("/frames/aggregate/", token)).json()["sites"]
        assert len(sites) == len(seen)
        for frame_id in everything:
            for path in ("", "related/", "headers/"):
                answer = await api.get(f"/frames/{frame_id}/{path}", token)
                assert answer.status_code == (200 if frame_id in seen else 404)


async def test_the_uploader_sees_his_frame(api: Served, sessions: Sessions) -> None:
    token = await api.a_user("owner")
    owner = await api.archive.accounts.get_user("owner")
    made = await a_frame(sessions, owner_id=owner.id, public_at=FUTURE)
    assert await ids(api) == []
    assert await ids(api, token) == [made.id]


async def test_a_wrong_token_is_refused_even_here(api: Served) -> None:
    for path in ("/frames/", "/frames/1/", "/frames/1/download/", "/frames/zip/", "/aggregate/"):
        answer = await api.get(path, "0" * 40)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Token")


@pytest.mark.parametrize(
    "path", ["/frames/0/", "/frames/x/", "/frames/-1/", "/frames/99999999999999999999/"]
)
async def test_what_is_no_number_is_not_found(api: Served, path: str) -> None:
    answer = await api.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_head_and_slashes(api: Served, sessions: Sessions) -> None:
    made = await a_frame(sessions)
    for path in ("/frames", f"/frames/{made.id}", f"/frames/{made.id}/headers", "/aggregate"):
        for slash in ("", "/", "//"):
            assert (await api.get(path + slash)).status_code == 200
    for path in ("/frames/", f"/frames/{made.id}/", f"/frames/{made.id}/related/"):
        assert (await api.client.head(path)).status_code == 200


async def test_wrong_methods(api: Served) -> None:
    answer = await api.client.delete("/frames/", headers=as_user(None))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert (await api.get("/frames/create/")).status_code == 405


async def test_the_examples_are_of_the_documented_shape() -> None:
    shapes: dict[type[BaseModel], Any] = {
        FrameListOut: examples.FRAMES,
        AggregateOut: examples.AGGREGATE,
        CreatedOut: examples.CREATED,
        HeadersOut: examples.HEADERS,
    }
    for shape, example in shapes.items():
        parsed = shape.model_validate(example)
        assert parsed.model_dump(mode="json", exclude_unset=True) == example


async def test_links_of_pages_lead_to_what_was_asked(api: Served, sessions: Sessions) -> None:
    for _ in range(2):
        await a_frame(sessions, object_name="η Car")
    answer = await api.client.get("/frames", params={"OBJECT": "η", "limit": 1, "sort": "id"})
    query = parse_qs(urlsplit(answer.json()["next"]).query)
    assert query == {"OBJECT": ["η"], "limit": ["1"], "offset": ["1"], "sort": ["id"]}
