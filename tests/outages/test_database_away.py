"""The database goes away, or hangs: answers within bounds, and all recovers by itself."""

import asyncio
from pathlib import Path

import httpx
import pytest

from app.context import Factory
from app.core.errors import UnavailableError
from app.db.engine import transaction
from tests.outages.conftest import Removable, an_open_archive
from tests.support.archive import a_client

pytestmark = pytest.mark.usefixtures("quick_pulse")

PATIENCE_S = 30
READS = {
    "/frames/": "detail",
    "/frames/1/": "detail",
    "/pyobs/frames/1/": "detail",
    "/archive/frames/": "detail",
    "/thumbnails/1/": "message",
}


async def eventually_ok(client: httpx.AsyncClient, path: str) -> httpx.Response:
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await client.get(path)).status_code == 503:  # noqa: ASYNC110  # asks
            await asyncio.sleep(0.05)
    return answer


async def sees_trouble(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await client.get("/health/ready/")).status_code == 200:  # noqa: ASYNC110  # asks
            await asyncio.sleep(0.05)


async def asked_of_all(archive: Factory, client: httpx.AsyncClient) -> None:
    """Ask every dialect, and find 503 in its own shape."""
    async with asyncio.timeout(PATIENCE_S):
        answers = await asyncio.gather(
            *(client.get(path, headers={"Authorization": f"Token {'0' * 40}"}) for path in READS)
        )
    for answer, member in zip(answers, READS.values(), strict=True):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert "database" in answer.json()[member]
        assert str(archive.settings.data_dir) not in answer.text


@pytest.mark.asyncio
async def test_a_stopped_server_is_503_everywhere_and_comes_back(
    tmp_path: Path, removable: Removable
) -> None:
    async with an_open_archive(tmp_path, removable) as archive, a_client(archive) as client:
        assert (await client.get("/frames/")).status_code == 200
        assert (await client.get("/health/ready/")).status_code == 200
        await removable.server.stop()
        try:
            await sees_trouble(client)
            await asked_of_all(archive, client)
            said = (await client.get("/health/ready/")).json()
            assert said["checks"][0]["name"] == "database"
            assert said["checks"][0]["state"] != "ok"
            assert (await client.get("/health/live/")).status_code == 200
        finally:
            await removable.server.start()
        assert (await eventually_ok(client, "/health/ready/")).status_code == 200
        assert (await eventually_ok(client, "/frames/")).status_code == 200


@pytest.mark.asyncio
async def test_a_server_that_hangs_is_503_within_bounds_and_comes_back(
    tmp_path: Path, removable: Removable
) -> None:
    async with an_open_archive(tmp_path, removable) as archive, a_client(archive) as client:
        assert (await client.get("/frames/")).status_code == 200
        frozen = removable.freeze()
        try:
            await asked_of_all(archive, client)
            await sees_trouble(client)
            await asked_of_all(archive, client)
            said = (await client.get("/health/ready/")).json()
            assert (said["checks"][0]["name"], said["checks"][0]["state"]) == ("database", "silent")
            assert (await client.get("/health/live/")).status_code == 200
        finally:
            removable.thaw(frozen)
        assert (await eventually_ok(client, "/health/ready/")).status_code == 200
        assert (await eventually_ok(client, "/frames/")).status_code == 200


@pytest.mark.asyncio
async def test_whoever_waits_for_a_hanging_server_is_let_go(
    tmp_path: Path, removable: Removable
) -> None:
    """In the middle of a transaction, and listening for jobs."""
    async with an_open_archive(tmp_path, removable) as archive:
        begun, frozen_now = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            async with transaction(archive.sessions) as session:
                connection = await session.connection()
                begun.set()
                await frozen_now.wait()
                await connection.exec_driver_sql("SELECT 1")

        await archive.jobs.wait_for_work(0.01)
        working = asyncio.create_task(work())
        await begun.wait()
        frozen = removable.freeze()
        try:
            frozen_now.set()
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(UnavailableError):
                    await working
                await archive.jobs.wait_for_work(0.01)
        finally:
            removable.thaw(frozen)
        async with asyncio.timeout(PATIENCE_S):
            while archive.jobs._listener._connection is None:
                await archive.jobs.wait_for_work(0.05)
        assert await archive.jobs.count() == 0


@pytest.mark.asyncio
async def test_a_statement_has_a_limit(tmp_path: Path, removable: Removable) -> None:
    async with an_open_archive(tmp_path, removable, statement_s=1) as archive:

        async def sleep() -> None:
            async with transaction(archive.sessions) as session:
                connection = await session.connection()
                await connection.exec_driver_sql("SELECT pg_sleep(60)")

        with pytest.raises(UnavailableError, match="cannot do this now"):
            await sleep()


@pytest.mark.asyncio
async def test_a_crowded_pool_refuses_at_once_and_health_goes_on(
    tmp_path: Path, removable: Removable
) -> None:
    async with (
        an_open_archive(tmp_path, removable, database_pool=1) as archive,
        a_client(archive) as client,
    ):
        async with transaction(archive.sessions):
            waiting = [asyncio.create_task(client.get("/frames/")) for _ in range(32)]
            async with asyncio.timeout(PATIENCE_S):
                while archive.engine.pool._waiting < 32:  # type: ignore[attr-defined]  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                answer = await client.get("/frames/")
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "in use" in answer.json()["detail"]
            async with asyncio.timeout(5):
                assert (await client.get("/health/ready/")).status_code == 200
        answers = await asyncio.gather(*waiting)
        assert {answer.status_code for answer in answers} == {200}
