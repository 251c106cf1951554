"""A damaged file is told of, and no way to the archive serves it as sound."""

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import NOW, a_client, an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.ingesting import filed
from tests.support.verifying import AT_ONCE, MENDING, flip_a_bit, found_by, put, the_file

pytestmark = pytest.mark.asyncio

DOORS = (
    "/frames/{id}/download/",
    "/frames/{id}/preview/",
    "/frame-funpack/{id}/funpack/",
    "/frame-catalog/{id}/catalog/",
    "/pyobs/frames/{id}/download/",
    "/pyobs/frames/{id}/preview/",
    "/archive/frame-funpack/{id}/funpack/",
)


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    settings = settings_in(tmp_path, second_store_dir=tmp_path / "second", pack="never")
    return an_archive(settings, committed_sessions, engine, offload, lambda: NOW)


@pytest_asyncio.fixture
async def client(archive: Factory) -> AsyncIterator[httpx.AsyncClient]:
    await archive.accounts.create_user("boss", "boss", is_superuser=True)
    token = await archive.accounts.log_in("boss", "boss")
    async with a_client(archive, Authorization=f"Token {token}") as opened:
        yield opened


async def a_frame_of(archive: Factory, client: httpx.AsyncClient) -> tuple[int, bytes]:
    """File a frame, and look at its pictures, so that the caches have them."""
    path = make_fits(archive.settings.inbox / "a.fits")
    content = path.read_bytes()
    frame = await filed(archive, path)
    for door in ("/frames/{id}/preview/", "/thumbnails/{id}/", "/pyobs/frames/{id}/download/"):
        answer = await client.get(door.format(id=frame.id), follow_redirects=True)
        assert answer.status_code < 500, answer.text
    return frame.id, content


async def test_no_door_serves_a_damaged_file(archive: Factory, client: httpx.AsyncClient) -> None:
    frame_id, content = await a_frame_of(archive, client)
    item = (await client.get(f"/frames/{frame_id}/")).json()
    signed = item["url"]
    assert [each["damage"] for each in item["version_set"]] == [None]
    assert (await client.get(signed)).content == content
    flip_a_bit(archive.store.path((await the_file(archive)).key))
    await found_by(archive, AT_ONCE)
    item = (await client.get(f"/frames/{frame_id}/")).json()
    assert [each["damage"] for each in item["version_set"]] == ["altered"]
    for door in (*DOORS, signed):
        answer = await client.get(door.format(id=frame_id))
        assert answer.status_code == 503, (door, answer.status_code, answer.text)
        assert int(answer.headers["Retry-After"]) == 3600
        assert "damaged" in answer.text, door
        assert content[:80] not in answer.content
    problem = (await client.get(f"/frames/{frame_id}/download/")).json()
    assert problem["type"] == "urn:skyshelf:problem:damaged-file"
    assert problem["detail"].startswith("the stored file 'a.fits' is damaged (altered)")


async def test_thumbnails_of_damaged_files_are_refused_though_cached(
    archive: Factory, client: httpx.AsyncClient
) -> None:
    frame_id, _ = await a_frame_of(archive, client)
    wish = {"width": 100, "height": 100}
    before = await client.get(f"/thumbnails/{frame_id}/", params=wish)
    assert before.status_code == 200, before.text
    picture = before.json()["url"]
    assert (await client.get(picture)).status_code == 200
    flip_a_bit(archive.store.path((await the_file(archive)).key))
    await found_by(archive, AT_ONCE)
    after = await client.get(picture)
    assert (after.status_code, after.content == before.content) == (502, False), "as of that API"


async def test_zips_leave_damaged_files_out_or_are_refused(
    archive: Factory, client: httpx.AsyncClient
) -> None:
    frame_id, _ = await a_frame_of(archive, client)
    other = await filed(archive, make_fits(archive.settings.inbox / "b.fits", OBJECT="other"))
    (path,) = archive.settings.archive_dir.glob("*/*/a.fits")
    flip_a_bit(path)
    await found_by(archive, AT_ONCE)
    wish = {"frame_ids": [frame_id, other.id]}
    for door in ("/frames/zip/", "/archive/frames/zip/"):
        answer = await client.post(door, json=wish)
        assert (answer.status_code, "damaged" in answer.text) == (503, True), door
    answer = await client.post("/pyobs/frames/zip/", json=wish)
    assert answer.status_code == 200, answer.text
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert [name.rpartition("/")[2].partition(".")[0] for name in names] == ["b"]


async def test_a_mended_file_is_served_again(archive: Factory, client: httpx.AsyncClient) -> None:
    frame_id, content = await a_frame_of(archive, client)
    row = await the_file(archive)
    flip_a_bit(archive.store.path(row.key))
    await found_by(archive, AT_ONCE)
    assert archive.settings.second_store_dir is not None
    put(archive.settings.second_store_dir / row.key, content)
    await found_by(archive, MENDING)
    assert (await client.get(f"/frames/{frame_id}/download/")).content == content


async def test_a_missing_file_is_told_of_and_marks_nothing(
    archive: Factory, client: httpx.AsyncClient
) -> None:
    frame_id, _ = await a_frame_of(archive, client)
    archive.store.path((await the_file(archive)).key).unlink()
    answer = await client.get(f"/frames/{frame_id}/download/")
    assert answer.status_code == 404
    assert "there is no file" in answer.json()["detail"]
    assert str(archive.settings.data_dir) not in answer.text
    assert (await the_file(archive)).damage is None


async def test_staff_see_the_last_verification(archive: Factory, client: httpx.AsyncClient) -> None:
    assert (await client.get("/verification/")).json()["run"] is None
    assert (await client.get("/verification/?format=csv&fields=kind")).text.split() == ["kind"]
    frame_id, _ = await a_frame_of(archive, client)
    flip_a_bit(archive.store.path((await the_file(archive)).key))
    await found_by(archive, AT_ONCE)
    answer = (await client.get("/verification/?limit=1")).json()
    assert (answer["count"], answer["run"]["findings_left"], answer["run"]["files_read"]) == (
        1,
        1,
        1,
    )
    assert answer["run"]["finished_at"] is not None
    ((kind, found_in),) = [(each["kind"], each["frame_id"]) for each in answer["results"]]
    assert (kind, found_in) == ("altered", frame_id)
    table = (await client.get("/verification/?format=csv&fields=kind,frame_id")).text
    assert table.split() == ["kind,frame_id", f"altered,{frame_id}"]


async def test_nobody_else_sees_it(archive: Factory) -> None:
    await archive.accounts.create_user("ada", "ada")
    token = await archive.accounts.log_in("ada", "ada")
    async with a_client(archive) as anonymous:
        assert (await anonymous.get("/verification/")).status_code == 401
        known = {"Authorization": f"Token {token}"}
        assert (await anonymous.get("/verification/", headers=known)).status_code == 403
