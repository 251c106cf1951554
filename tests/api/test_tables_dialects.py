"""The strict mounts have the same files and filters as the root, in their own words."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from astropy.io import votable
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.frames import a_frame, a_header
from tests.support.serving import Served, served

MOUNTS = ["/", "/pyobs/", "/archive/"]


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload)
    async with served(archive) as api:
        yield api


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.asyncio
async def test_every_mount_has_every_form(api: Served, sessions: Sessions, mount: str) -> None:
    token = await api.a_user("anna")
    raw = await a_frame(sessions, "raw")
    await a_frame(sessions, "reduced", related=["raw"])
    for path in ("frames/", f"frames/{raw.id}/related/"):
        if (mount, path) == ("/pyobs/", f"frames/{raw.id}/related/"):
            continue
        names = {"raw", "reduced"} if path == "frames/" else {"reduced"}
        text = (await api.get(mount + path, token, format="csv")).text
        assert {row["basename"] for row in lines(text)} == names
        assert {row["RLEVEL" if mount == "/pyobs/" else "reduction_level"] for row in lines(text)}
        content = (await api.get(mount + path, token, format="votable")).content
        table = votable.parse(io.BytesIO(content), verify="exception").get_first_table()
        assert set(table.array["basename"]) == names
        content = (await api.get(mount + path, token, format="parquet")).content
        rows = pq.read_table(io.BytesIO(content)).to_pylist()
        assert {row["basename"] for row in rows} == names


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.asyncio
async def test_every_mount_finds_by_header_card(
    api: Served, sessions: Sessions, mount: str
) -> None:
    token = await api.a_user("anna")
    await a_frame(sessions, "low", hdus=[a_header(AIRMASS=1.1)])
    await a_frame(sessions, "high", hdus=[a_header(AIRMASS=2.1)])
    params = {"header.AIRMASS__lt": 1.5, "fields": "DATE_OBS,basename,header.AIRMASS"}
    (item,) = (await api.get(f"{mount}frames/", token, **params)).json()["results"]
    assert list(item) == ["DATE_OBS", "basename", "header.AIRMASS"]
    assert (item["basename"], item["header.AIRMASS"]) == ("low", 1.1)


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "fits"),
        ("fields", "nothing"),
        ("fields", "header."),
        ("header.AIRMASS__lt", "low"),
        ("header.AIRMASS__near", "1"),
    ],
)
@pytest.mark.asyncio
async def test_every_mount_names_what_is_wrong(
    api: Served, mount: str, name: str, value: str
) -> None:
    token = await api.a_user("anna")
    response = await api.get(f"{mount}frames/", token, **{name: value})
    assert response.status_code == 400
    assert name in response.text


@pytest.mark.asyncio
async def test_versions_and_thumbnails_are_tables_too(api: Served, sessions: Sessions) -> None:
    token = await api.a_user("staff", is_staff=True)
    frame = await a_frame(sessions, "frame")
    text = (await api.get("/archive/versions/", token, format="csv", fields="id,md5")).text
    assert [row["id"] for row in lines(text)] == [str(frame.version_id)]
    (item,) = (await api.get("/archive/versions/", token, fields="md5,id")).json()["results"]
    assert list(item) == ["md5", "id"]
    assert lines((await api.get("/archive/thumbnails/", token, format="csv")).text) == []
    assert (await api.get("/archive/thumbnails/", token, fields="x")).status_code == 400
    assert (await api.get("/archive/versions/", token, fields="x")).status_code == 400
