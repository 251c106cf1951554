"""The list of everything that came in, over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions
from app.ingest.models import NewArrival, Source
from tests.support.archive import a_client, an_archive, settings_in
from tests.support.fits_files import make_fits

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    factory = an_archive(settings_in(tmp_path), committed_sessions, engine, offload)
    await factory.accounts.create_user("boss", "boss", is_staff=True)
    await factory.accounts.create_user("ada", "ada")
    return factory


@pytest_asyncio.fixture
async def client(archive: Factory) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(archive) as opened:
        yield opened


@pytest_asyncio.fixture
async def staff(archive: Factory) -> dict[str, str]:
    return {"Authorization": f"Token {await archive.accounts.log_in('boss', 'boss')}"}


async def upload(archive: Factory, name: str, content: bytes) -> int:
    held = archive.spool.new_path()
    held.write_bytes(content)
    new = NewArrival(Source.UPLOAD, name, len(content), held_path=held)
    arrival, _ = await archive.ingest.take_in(new)
    return arrival.id


async def test_only_staff_may_look(client: httpx.AsyncClient, archive: Factory) -> None:
    assert (await client.get("/ingest/")).status_code == 401
    token = await archive.accounts.log_in("ada", "ada")
    answer = await client.get("/ingest/", headers={"Authorization": f"Token {token}"})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "You do not have permission to perform this action."
    assert (await client.post("/ingest/1/retry/")).status_code == 401


async def test_everything_that_came_in_is_listed(
    client: httpx.AsyncClient, archive: Factory, staff: dict[str, str], tmp_path: Path
) -> None:
    good = make_fits(tmp_path / "good.fits").read_bytes()
    await upload(archive, "good.fits", good)
    await upload(archive, "again.fits", good)
    await upload(archive, "bad.fits", b"<html>")
    everything = (await client.get("/ingest/", headers=staff)).json()
    assert everything["count"] == 3
    assert [each["state"] for each in everything["results"]] == [
        "quarantined",
        "duplicate",
        "filed",
    ]
    bad = everything["results"][0]
    assert set(bad) == {
        "id", "state", "filename", "source", "size_bytes", "reason", "frame_id", "received_at",
        "finished_at",
    }  # fmt: skip
    assert bad["filename"] == "bad.fits"
    assert "HTML" in bad["reason"]
    assert bad["size_bytes"] == 6
    only = (await client.get("/ingest/", params={"state": "filed"}, headers=staff)).json()
    assert only["count"] == 1
    page = (await client.get("/ingest/", params={"limit": 2}, headers=staff)).json()
    assert len(page["results"]) == 2
    assert page["next"] == "http://archive.test/ingest/?limit=2&offset=2"


async def test_a_wrong_state_is_named(client: httpx.AsyncClient, staff: dict[str, str]) -> None:
    answer = await client.get("/ingest/", params={"state": "lost"}, headers=staff)
    assert answer.status_code == 400
    assert "lost" in answer.json()["state"][0]


async def test_a_quarantined_file_is_sent_in_again(
    client: httpx.AsyncClient, archive: Factory, staff: dict[str, str]
) -> None:
    arrival_id = await upload(archive, "bad.fits", b"<html>")
    answer = await client.post(f"/ingest/{arrival_id}/retry/", headers=staff)
    assert answer.status_code == 202
    assert answer.json()["state"] == "waiting"
    again = await client.post(f"/ingest/{arrival_id}/retry", headers=staff)
    assert again.status_code == 409
    missing = await client.post("/ingest/999999/retry/", headers=staff)
    assert missing.status_code == 404


async def test_health(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/")).text == "ok"
    assert (await client.get("/health/live")).json() == {"status": "ok"}
    assert (await client.get("/health/ready")).json()["status"] == "ok"
