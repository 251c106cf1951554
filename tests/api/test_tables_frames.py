"""Lists of frames as files: whole, in constant memory, and readable by the tools of the field."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from astropy.io import votable
from astropy.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, a_frame, a_header
from tests.support.serving import Served, served

AREA = ((10.0, 20.0), (11.0, 20.0), (11.0, 21.0), (10.0, 21.0))
FLAT = pytest.approx([10, 20, 11, 20, 11, 21, 10, 21])
ODD = 'M 67, "the old"\nand <odd> & Ωρίων'


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload)
    async with served(archive) as api:
        yield api


async def three_frames(sessions: Sessions) -> None:
    await a_frame(sessions, "first", hdus=[a_header(AIRMASS=1.5, GAIN=2, MIX="a", OPEN=True)])
    await a_frame(
        sessions,
        "second",
        observed_at=datetime(2026, 11, 20, tzinfo=UTC),
        object_name=ODD,
        area_deg=AREA,
        ra_deg=10.5,
        dec_deg=20.5,
        related=["first"],
        hdus=[a_header(AIRMASS=2.25, MIX=7, OPEN=False)],
    )
    await a_frame(
        sessions,
        "bare",
        observed_at=None,
        exposure_s=None,
        object_name=None,
        site=None,
        public_at=None,
    )
    await a_frame(sessions, "secret", public_at=FUTURE)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def votable_of(content: bytes) -> Table:
    document = votable.parse(io.BytesIO(content), verify="exception")
    return document.get_first_table().to_table(use_names_over_ids=True)


def parquet_of(content: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(content))


@pytest.mark.asyncio
async def test_csv_has_names_and_every_visible_row(api: Served, sessions: Sessions) -> None:
    await three_frames(sessions)
    response = await api.get("/frames/", None, format="csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert "skyshelf-frames-" in response.headers["content-disposition"]
    assert response.headers["content-disposition"].endswith(".csv")
    found = lines(response.content.decode())
    assert [row["basename"] for row in found] == ["second", "first"]
    assert found[0]["target_name"] == ODD
    assert found[0]["observation_date"] == "2026-11-20T00:00:00Z"
    assert found[1]["observation_date"] == "2026-11-18T22:30:15.250000Z"
    shape, frame, *numbers = found[0]["area"].split(" ")
    assert (shape, frame) == ("POLYGON", "ICRS")
    assert list(map(float, numbers)) == FLAT
    assert found[1]["area"] == ""
    assert "DATE_OBS" not in found[0]
    assert "version_set" not in found[0]


@pytest.mark.asyncio
async def test_a_votable_is_valid_and_typed(api: Served, sessions: Sessions) -> None:
    await three_frames(sessions)
    response = await api.get("/frames/", None, format="votable")
    assert response.headers["content-type"] == "application/x-votable+xml"
    table = votable_of(response.content)
    assert list(table["basename"]) == ["second", "first"]
    assert table["target_name"][0] == ODD
    assert table["exposure_time"].unit == "s"
    assert table["exposure_time"].meta["ucd"] == "time.duration;obs.exposure"
    assert table["observation_date"][0] == "2026-11-20T00:00:00Z"
    assert list(table["area"][0]) == FLAT
    assert table["area"].meta["xtype"] == "polygon"
    assert table["ra_deg"][0] == 10.5
    assert np.ma.is_masked(table["ra_deg"][1])
    assert np.ma.is_masked(table["observation_id"][0])


@pytest.mark.asyncio
async def test_parquet_is_typed(api: Served, sessions: Sessions) -> None:
    await three_frames(sessions)
    response = await api.get("/frames/", None, format="parquet")
    assert response.headers["content-type"] == "application/vnd.apache.parquet"
    table = parquet_of(response.content)
    rows = table.to_pylist()
    assert [row["basename"] for row in rows] == ["second", "first"]
    assert rows[0]["observation_date"] == datetime(2026, 11, 20, tzinfo=UTC)
    assert rows[0]["night"] == date(2026, 11, 19)
    assert str(table.schema.field("observation_date").type) == "timestamp[us, tz=UTC]"
    assert rows[0]["area"] == FLAT
    assert rows[1]["area"] is None
    assert rows[1]["proposal_id"] is None
    assert len(rows[0]["related_frames"]) == 1
    metadata = table.schema.field("exposure_time").metadata
    assert metadata[b"unit"] == b"s"
    assert metadata[b"ucd"] == b"time.duration;obs.exposure"


@pytest.mark.parametrize("form", ["csv", "votable", "parquet"])
@pytest.mark.asyncio
async def test_a_list_of_nothing_is_a_table(api: Served, form: str) -> None:
    response = await api.get("/frames/", None, format=form, SITE="nowhere")
    assert response.status_code == 200
    match form:
        case "csv":
            assert response.text.startswith("id,basename,")
            assert response.text.endswith("\r\n")
            assert lines(response.text) == []
        case "votable":
            assert len(votable_of(response.content)) == 0
        case _:
            assert parquet_of(response.content).num_rows == 0


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("application/x-votable+xml", "application/x-votable+xml"),
        ("application/x-votable+xml;serialization=TABLEDATA", "application/x-votable+xml"),
        ("text/xml;q=0.9, text/csv;q=0.5", "application/x-votable+xml"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("text/csv;q=x", "application/json"),
        ("text/html,application/xhtml+xml,text/xml,*/*;q=0.8", "application/json"),
    ],
)
@pytest.mark.asyncio
async def test_accept_chooses_the_form(api: Served, accept: str, kind: str) -> None:
    response = await api.client.get("/frames/", headers={"Accept": accept})
    assert response.headers["content-type"].startswith(kind)


@pytest.mark.asyncio
async def test_format_decides_before_accept(api: Served) -> None:
    response = await api.client.get("/frames/?format=json", headers={"Accept": "text/csv"})
    assert response.json()["count"] == 0


@pytest.mark.asyncio
async def test_an_unknown_format_is_named(api: Served) -> None:
    response = await api.get("/frames/", None, format="fits")
    assert response.status_code == 400
    assert "json, csv, votable, parquet" in response.json()["errors"]["format"][0]


@pytest.mark.parametrize("form", ["json", "csv", "votable", "parquet"])
@pytest.mark.asyncio
async def test_an_unknown_field_is_named(api: Served, form: str) -> None:
    response = await api.get("/frames/", None, format=form, fields="id,nothing")
    assert response.status_code == 400
    assert "'nothing'" in response.json()["errors"]["fields"][0]


@pytest.mark.asyncio
async def test_fields_choose_columns_and_their_order(api: Served, sessions: Sessions) -> None:
    await three_frames(sessions)
    query = "fields=EXPTIME,basename&fields=DATE_OBS,basename&order=asc"
    found = await api.client.get(f"/frames/?format=csv&{query}")
    assert found.text.split("\r\n")[:2] == [
        "EXPTIME,basename,DATE_OBS",
        "60.0,first,2026-11-18T22:30:15.250000Z",
    ]
    page = await api.client.get(f"/frames/?{query}&limit=1")
    assert page.json()["count"] == 2
    assert [list(item.items()) for item in page.json()["results"]] == [
        [("EXPTIME", 60.0), ("basename", "first"), ("DATE_OBS", "2026-11-18T22:30:15.250000Z")]
    ]


@pytest.mark.asyncio
async def test_header_cards_are_columns(api: Served, sessions: Sessions) -> None:
    await three_frames(sessions)
    names = "basename,header.airmass,header.GAIN,header.MIX,header.OPEN,header.NONE"
    params = {"fields": names, "order": "asc"}
    text = (await api.get("/frames/", None, format="csv", **params)).text
    assert text.split("\r\n")[1:3] == ["first,1.5,2.0,a,true,", "second,2.25,,7,false,"]
    table = parquet_of((await api.get("/frames/", None, format="parquet", **params)).content)
    kinds = [str(table.schema.field(name).type) for name in table.schema.names]
    assert kinds == ["string", "double", "double", "string", "bool", "string"]
    found = votable_of((await api.get("/frames/", None, format="votable", **params)).content)
    assert list(found["header.AIRMASS"]) == [1.5, 2.25]
    items = (await api.get("/frames/", None, **params)).json()["results"]
    assert items[1] == {
        "basename": "second",
        "header.AIRMASS": 2.25,
        "header.GAIN": None,
        "header.MIX": 7,
        "header.OPEN": False,
        "header.NONE": None,
    }


@pytest.mark.asyncio
async def test_a_table_is_the_whole_unless_a_window_is_asked_for(
    api: Served, sessions: Sessions
) -> None:
    for _ in range(105):
        await a_frame(sessions)
    whole = lines((await api.get("/frames/", None, format="csv")).text)
    assert len(whole) == 105
    part = lines((await api.get("/frames/", None, format="csv", limit=3, offset=101)).text)
    assert part == whole[101:104]
    rest = lines((await api.get("/frames/", None, format="csv", offset=101)).text)
    assert rest == whole[101:]
    assert len((await api.get("/frames/", None)).json()["results"]) == 100


@pytest.mark.asyncio
async def test_bad_windows_and_tokens_are_refused_before_the_first_byte(api: Served) -> None:
    assert (await api.get("/frames/", None, format="csv", limit="x")).status_code == 400
    assert (await api.get("/frames/", "f" * 40, format="csv")).status_code == 401
    assert (await api.get("/frames/", None, format="csv", ordering="x")).status_code == 400


@pytest.mark.asyncio
async def test_head_has_the_headers_alone(api: Served, sessions: Sessions) -> None:
    await three_frames(sessions)
    response = await api.client.head("/frames/?format=parquet")
    assert response.headers["content-type"] == "application/vnd.apache.parquet"
    assert "Accept" in response.headers["vary"]
    assert response.content == b""


@pytest.mark.asyncio
async def test_everybody_gets_what_he_may_see(api: Served, sessions: Sessions) -> None:
    await three_frames(sessions)
    root = await api.archive.accounts.create_user("root", "root has a password", is_superuser=True)
    token = await api.archive.accounts.token_of(root)
    found = lines((await api.get("/frames/", token, format="csv", fields="basename")).text)
    assert {row["basename"] for row in found} == {"first", "second", "bare", "secret"}
    bare = lines((await api.get("/frames/", token, format="csv", basename="bare")).text)[0]
    assert bare["observation_date"] == bare["exposure_time"] == bare["target_name"] == ""


@pytest.mark.asyncio
async def test_hidden_frames_do_not_show_in_the_type_of_a_column(
    api: Served, sessions: Sessions
) -> None:
    await a_frame(sessions, "open", hdus=[a_header(SEEING=1.5)])
    await a_frame(sessions, "secret", public_at=FUTURE, hdus=[a_header(SEEING="bad", CODE=7)])
    boss = await api.a_user("boss", is_superuser=True)
    wish = {"format": "parquet", "fields": "basename,header.SEEING,header.CODE"}

    async def types(token: str | None) -> list[str]:
        answer = await api.get("/frames/", token, **wish)
        return [str(each.type) for each in pq.read_schema(io.BytesIO(answer.content))]

    assert await types(None) == ["string", "double", "string"]
    assert await types(boss) == ["string", "string", "double"]
