"""The embedded server, for real: every test makes a cluster of its own."""

# ruff: noqa: ASYNC110, ASYNC220, ASYNC240  # nothing else runs in the loop of a test

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import asyncpg
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.errors import UnavailableError
from app.db.embedded import EmbeddedPostgres, server, sockets
from app.db.embedded.account import find_account
from app.db.embedded.binaries import as_account

STARTER = """
    import asyncio, sys, time
    from pathlib import Path
    from app.db.embedded import EmbeddedPostgres
    print(asyncio.run(EmbeddedPostgres(Path(sys.argv[1]), fast=True).start()), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def room() -> Iterator[Path]:
    """Return a folder of our own: every run of pytest closes its common one to other accounts."""
    with tempfile.TemporaryDirectory(prefix="skyshelf-test-") as folder:
        yield Path(folder)


@pytest.fixture
def home(room: Path) -> Iterator[Path]:
    folder = room / "var" / "postgres"
    yield folder
    asyncio.run(EmbeddedPostgres(folder, fast=True).stop())


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def pid_of(home: Path) -> int:
    return int((home / "cluster" / "postmaster.pid").read_text(encoding="utf-8").split()[0])


def run_starter(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # constants
        [sys.executable, "-c", dedent(STARTER), str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def url_of(starter: subprocess.Popen[str]) -> str:
    """Wait for the word that the server runs."""
    assert starter.stdout is not None
    return next(line.strip() for line in starter.stdout if line.startswith("postgresql"))


def end(starter: subprocess.Popen[str]) -> str:
    """Wait for the word that the server runs, and kill who started it."""
    with starter:
        url = url_of(starter)
        starter.kill()
    return url


@pytest.mark.asyncio
async def test_start_stop_start_keeps_data(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    url = await postgres.start()
    await ask(url, "CREATE TABLE night (obs date)")
    assert postgres.is_running()
    await postgres.stop()
    assert not postgres.is_running()
    assert await postgres.start() == url
    assert await ask(url, "SELECT count(*) FROM night") == 0
    await postgres.stop()


@pytest.mark.asyncio
async def test_second_start_is_quick(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    await postgres.start()
    await postgres.stop()
    begun = time.monotonic()
    await postgres.start()
    assert time.monotonic() - begun < 1.5


@pytest.mark.asyncio
async def test_url_works_in_sqlalchemy(home: Path) -> None:
    engine = create_async_engine(await EmbeddedPostgres(home, fast=True).start())
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT current_database()")) == "skyshelf"
    await engine.dispose()


@pytest.mark.asyncio
async def test_settings(home: Path) -> None:
    url = await EmbeddedPostgres(home).start()
    wanted = {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "fsync": "on",
        "max_connections": "60",
        "shared_buffers": "128MB",
        "listen_addresses": "",
        "TimeZone": "UTC",
    }
    assert {name: await ask(url, f"SHOW {name}") for name in wanted} == wanted


@pytest.mark.asyncio
async def test_order_and_case_are_the_same_everywhere(home: Path) -> None:
    url = await EmbeddedPostgres(home, fast=True).start()
    assert await ask(url, "SELECT upper('ä') || (ARRAY['Z' < 'a'])[1]::text") == "Ätrue"


@pytest.mark.asyncio
async def test_nobody_else_reaches_it(home: Path) -> None:
    await EmbeddedPostgres(home, fast=True).start()
    for private in (home / "run", home / "cluster"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "run" / ".s.PGSQL.5432").stat().st_mode) == 0o700
    postmaster = psutil.Process(pid_of(home))
    assert not postmaster.net_connections("inet")
    assert postmaster.uids().effective != 0
    assert os.getsid(postmaster.pid) == postmaster.pid != os.getsid(0)


@pytest.mark.asyncio
async def test_survives_its_parent_and_is_stopped_by_another(home: Path) -> None:
    url = end(run_starter(home))
    pid = pid_of(home)
    other = EmbeddedPostgres(home, fast=True)
    assert other.is_running()
    assert await other.start() == url
    assert pid_of(home) == pid
    assert await ask(url, "SELECT 1") == 1
    await other.stop()
    assert not other.is_running()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_dead_server_is_not_taken_for_a_living_one(home: Path) -> None:
    postgres = EmbeddedPostgres(home, fast=True)
    asyncio.run(postgres.start())
    dead = psutil.Process(pid_of(home))
    dead.kill()
    dead.wait(5)
    assert not postgres.is_running()
    assert asyncio.run(ask(asyncio.run(postgres.start()), "SELECT 1")) == 1


def test_zombie_is_dead(home: Path) -> None:
    with run_starter(home) as parent:
        url_of(parent)
        server_process = psutil.Process(pid_of(home))
        server_process.kill()
        while server_process.status() != psutil.STATUS_ZOMBIE:  # its parent does not reap it
            time.sleep(0.01)
        postgres = EmbeddedPostgres(home, fast=True)
        assert not postgres.is_running()
        assert asyncio.run(ask(asyncio.run(postgres.start()), "SELECT 1")) == 1
        asyncio.run(postgres.stop())
        parent.kill()


@pytest.mark.asyncio
async def test_number_given_to_a_stranger(home: Path) -> None:
    postgres = EmbeddedPostgres(home, fast=True)
    url = await postgres.start()
    file = home / "cluster" / "postmaster.pid"
    remains = file.read_text(encoding="utf-8")
    lock = Path(f"{sockets.socket_file(home / 'run')}.lock")
    lock_remains = lock.read_text(encoding="utf-8")
    pid = str(pid_of(home))
    await postgres.stop()
    account = as_account(find_account(home / "cluster"))
    with subprocess.Popen(["/bin/sleep", "600"], **account) as sleep:
        file.write_text(remains.replace(pid, str(sleep.pid), 1), encoding="utf-8")
        lock.write_text(lock_remains.replace(pid, str(sleep.pid), 1), encoding="utf-8")
        assert not postgres.is_running()
        await postgres.stop()
        assert sleep.poll() is None
        assert await ask(await postgres.start(), "SELECT 1") == 1
        assert await postgres.start() == url
        assert sleep.poll() is None
        sleep.kill()


@pytest.mark.asyncio
async def test_orphan_that_keeps_working_gives_way(home: Path) -> None:
    postgres = EmbeddedPostgres(home, fast=True)
    url = await postgres.start()
    busy = asyncio.create_task(ask(url, "SELECT count(*) FROM generate_series(1, 100000000000)"))
    watcher = await asyncpg.connect(url.replace("+asyncpg", ""))
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM gen%'"
    while not await watcher.fetchval(running):
        await asyncio.sleep(0.05)
    watcher.terminate()
    psutil.Process(pid_of(home)).kill()
    assert await ask(await postgres.start(), "SELECT 1") == 1
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await busy


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["long" * 30, "a,comma", "a blank 'quote' \"two\" ü %20?&"])
async def test_any_folder_will_do(room: Path, name: str) -> None:
    home = room / name / "postgres"
    postgres = EmbeddedPostgres(home, fast=True)
    url = await postgres.start()
    try:
        assert await ask(url, "SELECT 1") == 1
    finally:
        await postgres.stop()
    assert await postgres.start() == url  # the address is kept in mind
    await postgres.stop()


@pytest.mark.asyncio
async def test_short_folder_is_private_and_goes_at_the_end(room: Path) -> None:
    home = room / ("long" * 30) / "postgres"
    postgres = EmbeddedPostgres(home, fast=True)
    await postgres.start()
    folder = Path((home / "socket-folder").read_text(encoding="utf-8"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    await postgres.stop()
    assert not folder.exists()


@pytest.mark.asyncio
async def test_short_folder_taken_by_someone_else_is_not_used(room: Path) -> None:
    home = room / ("long" * 30) / "postgres"
    postgres = EmbeddedPostgres(home, fast=True)
    url = await postgres.start()
    folder = Path((home / "socket-folder").read_text(encoding="utf-8"))
    await postgres.stop()
    folder.mkdir()
    folder.chmod(0o777)
    try:
        assert await postgres.start() != url
        await postgres.stop()
        assert folder.exists()
    finally:
        folder.rmdir()


@pytest.mark.asyncio
async def test_two_starters(home: Path) -> None:
    first, second = (EmbeddedPostgres(home, fast=True) for _ in range(2))
    urls = await asyncio.gather(first.start(), second.start())
    assert len(set(urls)) == 1
    assert first.is_running()
    assert second.is_running()


def test_two_starting_processes(room: Path) -> None:
    home = room / "postgres"
    starters = [run_starter(home) for _ in range(2)]
    urls = [end(starter) for starter in starters]
    asyncio.run(EmbeddedPostgres(home).stop())
    assert urls[0] == urls[1] != ""


@pytest.mark.asyncio
async def test_another_major_version(home: Path) -> None:
    postgres = EmbeddedPostgres(home, fast=True)
    await postgres.start()
    await postgres.stop()
    (home / "cluster" / "PG_VERSION").write_text("17\n", encoding="ascii")
    with pytest.raises(UnavailableError, match="written by PostgreSQL 17"):
        await postgres.start()
    (home / "cluster" / "PG_VERSION").write_text("18\n", encoding="ascii")


@pytest.mark.asyncio
async def test_server_that_cannot_start_says_why(home: Path) -> None:
    postgres = EmbeddedPostgres(home, fast=True)
    await postgres.start()
    await postgres.stop()
    with (home / "cluster" / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("telescope = 'big'\n")
    with pytest.raises(UnavailableError, match="unrecognized configuration parameter"):
        await postgres.start()


@pytest.mark.asyncio
async def test_slow_recovery_is_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accepts, answers = server._accepts, iter([False] * 5)
    monkeypatch.setattr(server, "_accepts", lambda folder: next(answers, True) and accepts(folder))
    monkeypatch.setattr(server, "_REPORT_EVERY_S", 0.0)
    url = await EmbeddedPostgres(home, fast=True).start()
    assert not list(answers)
    assert await ask(url, "SELECT 1") == 1


@pytest.mark.asyncio
async def test_server_that_ignores_the_stop_is_killed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_QUIT_S", 0.2)
    postgres = EmbeddedPostgres(home, fast=True)
    await postgres.start()
    os.kill(pid_of(home), signal.SIGSTOP)
    await postgres.stop(within_s=0.2)
    assert not postgres.is_running()


@pytest.mark.asyncio
async def test_half_made_cluster_is_made_anew(home: Path) -> None:
    (home / "cluster.new").mkdir(parents=True)
    (home / "cluster.new" / "PG_VERSION").write_text("18\n", encoding="ascii")
    assert await ask(await EmbeddedPostgres(home, fast=True).start(), "SELECT 1") == 1
    assert not (home / "cluster.new").exists()


@pytest.mark.asyncio
async def test_log_does_not_grow_for_ever(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_LARGEST_LOG_BYTES", 10)
    postgres = EmbeddedPostgres(home, fast=True)
    await postgres.start()
    await postgres.stop()
    await postgres.start()
    assert "shut down" in (home / "server.log.1").read_text(encoding="utf-8")


@pytest.mark.asyncio
async def test_server_without_its_socket_is_replaced(home: Path) -> None:
    postgres = EmbeddedPostgres(home, fast=True)
    url = await postgres.start()
    pid = pid_of(home)
    sockets.socket_file(home / "run").unlink()
    assert await ask(await postgres.start(), "SELECT 1") == 1
    assert await postgres.start() == url
    assert pid_of(home) != pid


@pytest.mark.asyncio
async def test_stop_without_a_server(room: Path) -> None:
    postgres = EmbeddedPostgres(room / "none")
    await postgres.stop()
    assert not postgres.is_running()
    assert not (room / "none").exists()


@pytest.mark.asyncio
async def test_stop_is_not_kept_waiting_for_ever(home: Path) -> None:
    postgres = EmbeddedPostgres(home, fast=True)
    async with postgres._alone(within_s=None):
        with pytest.raises(UnavailableError, match="another process"):
            await EmbeddedPostgres(home, fast=True).stop(within_s=0.1)
