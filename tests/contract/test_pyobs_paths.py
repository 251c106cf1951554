"""Every path of the mount: below it, at the root, by a host name of its own, with any slashes."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits, source_table
from tests.support.frames import Made
from tests.support.pyobs import FRAME_INFO, Pyobs, a_pyobs
from tests.support.serving import as_user, served

pytestmark = pytest.mark.asyncio

OF_A_FRAME = ("", "related/", "headers/", "preview/", "download/", "catalog/")


async def an_image(pyobs: Pyobs, tmp_path: Path) -> Made:
    content = make_fits(tmp_path / "made.fits", hdus=[source_table()]).read_bytes()
    return await pyobs.a_file("tst-1", content, has_catalog=True)


async def test_shr_7_with_and_without_slash_and_without_redirect(
    pyobs: Pyobs, tmp_path: Path
) -> None:
    made = await an_image(pyobs, tmp_path)
    paths = [f"frames/{made.id}/{part}" for part in OF_A_FRAME]
    for path in ("frames/", "frames/aggregate/", "frames/zip/", *paths):
        answers = [
            await pyobs.get(each) for each in (path, path.rstrip("/"), path.replace("/", "//"))
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200], path
        assert len({answer.content for answer in answers}) == 1, path


async def test_shr_7_the_same_paths_at_the_root(pyobs: Pyobs, tmp_path: Path) -> None:
    made = await an_image(pyobs, tmp_path)
    paths = [f"/frames/{made.id}/{part}" for part in OF_A_FRAME]
    for path in ("/frames/", "/frames/aggregate/", "/frames/zip/", *paths):
        answer = await pyobs.client.get(path, headers=as_user(pyobs.user))
        assert (answer.status_code, answer.history) == (200, []), path
    (item,) = (await pyobs.client.get("/frames/", headers=as_user(pyobs.user))).json()["results"]
    assert item.keys() >= FRAME_INFO - {"OBSTYPE"}


async def test_shr_7_by_a_host_name(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, dialect_hosts="pyobs=frames.test")
    async with served(an_archive(settings, sessions, engine, offload)) as api:
        pyobs = await a_pyobs(api)
        made = await an_image(pyobs, tmp_path)
        app = api.client._transport
        url = "http://frames.test"
        async with httpx.AsyncClient(transport=app, base_url=url) as client:
            assert "csrftoken" in (await client.get("/")).cookies
            (info,) = (await client.get("/frames/", headers=as_user(pyobs.user))).json()["results"]
            assert info.keys() == FRAME_INFO
            header = info["url"].replace("download", "headers")
            assert (await client.get(header, headers=as_user(pyobs.user))).json()["results"]
            assert made.id == info["id"]
