"""Frames that say neither date nor site: taken by the rule set `any`, and served like others."""

import io
import zipfile
from pathlib import Path

import pytest
import pytest_asyncio
from astropy.io import fits
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.models import Frame
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits, ramp, source_table
from tests.support.ingesting import filed
from tests.support.serving import served

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    return an_archive(settings_in(tmp_path), committed_sessions, engine, offload)


async def three_frames(archive: Factory) -> tuple[Frame, Frame, Frame]:
    """File a bare image, a bare table, and a frame with everything."""
    inbox = archive.settings.inbox
    fits.PrimaryHDU(ramp((32, 24))).writeto(inbox / "bare.fits")
    fits.HDUList([fits.PrimaryHDU(), source_table()]).writeto(inbox / "table.fits")
    return (
        await filed(archive, inbox / "bare.fits"),
        await filed(archive, inbox / "table.fits"),
        await filed(archive, make_fits(inbox / "whole.fits", wcs=True)),
    )


async def test_a_bare_file_is_filed_apart(archive: Factory) -> None:
    bare, table, _ = await three_frames(archive)
    for frame in (bare, table):
        facts = frame.facts
        assert (facts.observed_at, facts.night, facts.day_obs) == (None, None, None)
        assert (facts.site, facts.public_at, facts.is_internal) == ("unknown", None, True)
    assert (archive.settings.archive_dir / "unknown/undated/bare.fits").is_file()


async def test_frames_without_date_come_last(archive: Factory) -> None:
    bare, table, whole = await three_frames(archive)
    async with served(archive) as site:
        token = await site.a_user("vera")
        newest = (await site.get("/frames/", token)).json()["results"]
        assert [item["id"] for item in newest] == [whole.id, table.id, bare.id]
        assert newest[1]["DATE_OBS"] is None
        assert newest[1]["night"] is None
        pages = [
            (await site.get("/frames/", token, limit=1, offset=n, order="asc")).json()["results"]
            for n in range(3)
        ]
        assert {page[0]["id"] for page in pages} == {bare.id, table.id, whole.id}


@pytest.mark.parametrize("path", ["", "headers/", "related/", "preview/", "download/", "catalog/"])
async def test_every_answer_on_a_frame_without_date(archive: Factory, path: str) -> None:
    bare, table, _ = await three_frames(archive)
    async with served(archive) as site:
        token = await site.a_user("vera", is_staff=True)
        for frame in (bare, table):
            answer = await site.get(f"/frames/{frame.id}/{path}", token)
            assert answer.status_code in {200, 400, 404}, (path, answer.text)
        assert (await site.get("/frames/aggregate/", token)).status_code == 200


async def test_a_zip_of_frames_without_date(archive: Factory) -> None:
    bare, table, whole = await three_frames(archive)
    async with served(archive) as site:
        token = await site.a_user("vera")
        answer = await site.client.post(
            "/frames/zip/",
            json={"frame_ids": [bare.id, table.id, whole.id]},
            headers={"Authorization": f"Token {token}"},
        )
    assert answer.status_code == 200
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert len(names) == 3


@pytest.mark.parametrize("mount", ["/pyobs", "/archive"])
async def test_the_strict_mounts_bear_frames_without_date(archive: Factory, mount: str) -> None:
    bare, table, _ = await three_frames(archive)
    async with served(archive) as site:
        token = await site.a_user("vera")
        for path in ("", f"{bare.id}/", f"{table.id}/", "aggregate/"):
            answer = await site.get(f"{mount}/frames/{path}", token)
            assert answer.status_code < 500, (path, answer.text)
