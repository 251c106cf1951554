"""The whole archive under 500 clients, and without room for its database."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.support.fits_files import make_fits
from tests.support.refusing_disks import fill, small_disk
from tests.support.running_archive import free_port, is_ready, log_in, running, until

MIB = 1 << 20
CLIENTS = 500
FRAMES = 12


@dataclass
class House:
    """A running archive."""

    folder: Path
    log: Path
    client: httpx.Client

    def frames(self) -> int:
        answer = self.client.get("/frames/")
        return int(answer.json()["count"]) if answer.status_code == 200 else -1

    def drop(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            made = make_fits(self.folder / "made" / f"tst-{number}.fits", OBJECT=str(number))
            made.rename(self.folder / "inbox" / made.name)


@dataclass
class Crowd:
    """What clients got."""

    statuses: Counter[int] = field(default_factory=Counter)
    health_s: list[float] = field(default_factory=list)
    health: Counter[int] = field(default_factory=Counter)
    broken: int = 0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder, port = tmp_path_factory.mktemp("house"), free_port()
    log = folder / "log"
    options = {"sample_frames": 0, "min_free_bytes": MIB, "sweep_s": 2, "child_processes": 1}
    with (
        running(folder / "data", port, log, **options) as up,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        until(lambda: up.poll() is not None or is_ready(client))
        assert up.poll() is None, log.read_text()
        house = House(folder / "data", log, client)
        until((folder / "data" / "admin-password").exists)
        log_in(client, folder / "data")
        house.drop(0, FRAMES)
        until(lambda: house.frames() == FRAMES)
        yield house


async def hammer(client: httpx.AsyncClient, paths: list[str], until_s: float, crowd: Crowd) -> None:
    number = 0
    while time.monotonic() < until_s:
        number += 1
        try:
            answer = await client.get(paths[number % len(paths)])
        except httpx.TransportError:  # an idle connection that the server closed just then
            crowd.broken += 1
            continue
        crowd.statuses[answer.status_code] += 1
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) > 0


async def feel(client: httpx.AsyncClient, until_s: float, crowd: Crowd) -> None:
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        crowd.health[(await client.get("/health/ready/")).status_code] += 1
        crowd.health_s.append(time.monotonic() - began_s)
        await asyncio.sleep(0.2)


async def crowd_for(house: House, seconds: float) -> Crowd:
    crowd, until_s = Crowd(), time.monotonic() + seconds
    frames = house.client.get("/frames/").json()["results"]
    ids = [frame["id"] for frame in frames]
    paths = ["/frames/", f"/frames/{ids[0]}/", f"/frames/{ids[1]}/download/", "/frames/aggregate/"]
    limits = httpx.Limits(max_connections=CLIENTS + 5)
    given = {"base_url": house.client.base_url, "headers": house.client.headers, "timeout": 60}
    async with (
        httpx.AsyncClient(limits=limits, **given) as many,  # type: ignore[arg-type]
        httpx.AsyncClient(**given) as one,  # type: ignore[arg-type]
        asyncio.TaskGroup() as group,
    ):
        for number in range(CLIENTS):
            turned = paths[number % 4 :] + paths[: number % 4]
            group.create_task(hammer(many, turned, until_s, crowd))
        group.create_task(feel(one, until_s, crowd))
    return crowd


@pytest.mark.timeout(300)
def test_500_clients_neither_exhaust_postgresql_nor_starve_health(
    house: House, *, is_long: bool
) -> None:
    crowd = asyncio.run(crowd_for(house, 30 if is_long else 1))
    assert set(crowd.statuses) <= {200, 503}, crowd.statuses
    assert crowd.statuses[200] > CLIENTS / 2, crowd
    assert crowd.broken <= CLIENTS / 10, crowd
    assert set(crowd.health) == {200}
    assert max(crowd.health_s) < 20
    assert "too many clients" not in (house.folder / "postgres" / "server.log").read_text()
    until(lambda: house.frames() == FRAMES)


async def use_up_the_log(disk: Path) -> None:
    """Let PostgreSQL write ahead until its disk is full, at which it panics."""
    sockets = disk / "run"
    note = disk / "socket-folder"
    if note.exists():
        sockets = Path(note.read_text())
    connection = await asyncpg.connect(host=str(sockets), user="skyshelf", database="skyshelf")
    try:
        for _ in range(1000):
            await connection.execute(
                "SELECT pg_logical_emit_message(true, 'x', repeat('x', 1000000))"
            )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return
    finally:
        connection.terminate()


@pytest.mark.timeout(300)
def test_a_full_disk_of_the_database_is_survived(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data" / "postgres", 128 * MIB) as disk:
        port, log = free_port(), tmp_path / "log"
        options = {"sample_frames": 0, "min_free_bytes": 0, "sweep_s": 1, "child_processes": 1}
        with (
            running(tmp_path / "data", port, log, **options, api_workers=1) as up,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ):
            until(lambda: up.poll() is not None or is_ready(client))
            assert up.poll() is None, log.read_text()
            house = House(tmp_path / "data", log, client)
            until((house.folder / "admin-password").exists)
            log_in(client, house.folder)
            house.drop(0, 1)
            until(lambda: house.frames() == 1)
            ballast = fill(disk)
            asyncio.run(use_up_the_log(disk))
            house.drop(1, 3)
            until(lambda: client.get("/health/ready/").status_code == 503)
            time.sleep(2)
            assert {client.get("/frames/").status_code for _ in range(5)} <= {200, 503}
            ballast.unlink()
            until(lambda: house.frames() == 4)
            until(lambda: is_ready(client))
            assert client.get("/ingest/", params={"state": "quarantined"}).json()["count"] == 0
            assert up.poll() is None
            assert "PANIC" in (disk / "server.log").read_text() or "died" in log.read_text()
