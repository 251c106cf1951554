"""``skyshelf up`` with small children and a real PostgreSQL, in a process of its own."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from app.core.errors import InvalidError
from app.db.embedded import EmbeddedPostgres
from app.settings import Settings
from app.supervisor.checks import alone, check_port

DRIVER = """
    import asyncio, json, sys
    from types import SimpleNamespace
    from app.core.errors import UnavailableError
    from app.settings import Settings
    from app.supervisor import Child, Pace, Plan, up
    spec = json.loads(sys.argv[1])
    async def prepare(settings):
        if spec["fails"]:
            raise UnavailableError("the sky is cloudy")
        return SimpleNamespace(admin_password="pass[b]word", sample_wanted=True)
    plan = Plan(
        children=tuple(Child(name, tuple(argv)) for name, argv in spec["children"].items()),
        sample=Child("sample", tuple(spec["sample"])),
        prepare=prepare,
        pace=Pace(**spec["pace"]),
    )
    settings = Settings(_env_file=None, **spec["settings"])
    sys.exit(asyncio.run(up(settings, plan)))
"""
CHILD = """
    import json, os, signal, socket, subprocess, sys, time
    name, notes, postgres, port = sys.argv[1:]
    def note(event, **facts):
        facts |= {"name": name, "event": event, "pid": os.getpid()}
        with open(notes, "a") as file:
            file.write(json.dumps(facts) + "\\n")
    def stop(*_):
        note("stop", postgres=os.path.exists(postgres + "/cluster/postmaster.pid"))
        sys.exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in name else stop)
    note("start", url=os.environ.get("SKYSHELF_DATABASE_URL"), argv=sys.argv)
    if "sample" in name:
        sys.exit(0)
    if "serve" in name:
        server = socket.create_server(("127.0.0.1", int(port)))
        while True:
            client, _ = server.accept()
            client.recv(1000)
            client.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
            client.close()
    time.sleep(600)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@dataclass
class House:
    """One installation in a folder, with fake children."""

    folder: Path
    port: int = field(default_factory=free_port)
    names: tuple[str, ...] = ("serve", "worker")
    pace: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    fails: bool = False
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "var"

    @property
    def postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.data / "postgres")

    def start(self) -> subprocess.Popen[str]:
        spec = {
            "children": {name: self.argv(name) for name in self.names},
            "sample": self.argv("sample"),
            "pace": self.pace,
            "fails": self.fails,
            "settings": {"data_dir": str(self.data), "port": self.port} | self.settings,
        }
        process = subprocess.Popen(  # noqa: S603  # constants
            [sys.executable, "-c", dedent(DRIVER), json.dumps(spec)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        self.processes.append(process)
        return process

    def argv(self, name: str) -> list[str]:
        own = [name, str(self.folder / "notes"), str(self.data / "postgres"), str(self.port)]
        return [sys.executable, "-I", "-S", "-c", dedent(CHILD), *own]

    def notes(self, event: str) -> dict[str, dict[str, Any]]:
        """Return what the children noted of an event, by child."""
        file = self.folder / "notes"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        facts = [json.loads(line) for line in lines]
        return {fact["name"]: fact for fact in facts if fact["event"] == event}

    def wait_for(self, *names: str) -> None:
        running = self.processes[-1]
        wait_until(lambda: set(names) <= set(self.notes("start")) or running.poll() is not None)
        assert running.poll() is None, running.communicate()[0]


@pytest.fixture
def room() -> Iterator[Path]:
    """Return a folder of our own: every run of pytest closes its common one to other accounts."""
    with tempfile.TemporaryDirectory(prefix="skyshelf-test-") as folder:
        yield Path(folder)


@pytest.fixture
def house(room: Path) -> Iterator[House]:
    house = House(room)
    yield house
    for process in house.processes:
        process.kill()
        with process:  # closes its pipe and reaps it
            pass
    asyncio.run(house.postgres.stop())


def stop(process: subprocess.Popen[str], *numbers: signal.Signals) -> tuple[str, float]:
    """Send signals; return what was said, and how long the end took."""
    begun = time.monotonic()
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.3 if len(numbers) > 1 else 0)
    said, _ = process.communicate(timeout=60)
    return said, time.monotonic() - begun


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_runs_everything_and_stops_it_in_order(house: House, number: signal.Signals) -> None:
    # Tests that were started under nohup ignore SIGHUP, and so would the archive, as it should.
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        process = house.start()
    finally:
        signal.signal(signal.SIGHUP, inherited)
    house.wait_for("serve", "worker", "sample")
    time.sleep(0.5)
    assert house.postgres.is_running()
    said, took_s = stop(process, number)
    assert process.returncode == 0
    assert took_s < 3
    assert set(house.notes("stop")) == {"serve", "worker"}
    assert all(fact["postgres"] for fact in house.notes("stop").values()), "PostgreSQL ends last"
    assert not house.postgres.is_running()
    assert "pass[b]word" in said
    assert f"http://127.0.0.1:{house.port}/docs" in said
    assert "inbox" in said


def test_children_learn_the_database_from_their_environment(house: House) -> None:
    process = house.start()
    house.wait_for("serve", "worker", "sample")
    stop(process, signal.SIGTERM)
    for fact in house.notes("start").values():
        assert fact["url"].startswith("postgresql+asyncpg://skyshelf@/skyshelf?host=")
        assert not [word for word in fact["argv"] if "postgresql" in word]


def test_named_server_is_used_and_left_alone(house: House) -> None:
    house.settings = {"database_url": "postgresql+asyncpg://u@db.example/archive"}
    process = house.start()
    house.wait_for("serve", "worker")
    stop(process, signal.SIGTERM)
    assert house.notes("start")["worker"]["url"] == "postgresql+asyncpg://u@db.example/archive"
    assert not (house.data / "postgres").exists()


def test_deaf_child_does_not_delay_the_end(house: House) -> None:
    house.names = ("serve", "deaf worker")
    process = house.start()
    house.wait_for("serve", "deaf worker", "sample")
    _, took_s = stop(process, signal.SIGINT)
    assert process.returncode == 0
    assert 5 < took_s < 10
    assert is_gone(house.notes("start")["deaf worker"]["pid"])
    assert not house.postgres.is_running()


def test_second_signal_hurries(house: House) -> None:
    house.names = ("serve", "deaf worker")
    process = house.start()
    house.wait_for("serve", "deaf worker", "sample")
    _, took_s = stop(process, signal.SIGINT, signal.SIGINT)
    assert process.returncode == 0
    assert took_s < 3
    assert is_gone(house.notes("start")["deaf worker"]["pid"])


def test_signal_while_the_api_is_not_ready(house: House) -> None:
    house.names = ("worker",)
    process = house.start()
    house.wait_for("worker")
    said, took_s = stop(process, signal.SIGINT)
    assert process.returncode == 0
    assert took_s < 3
    assert "is ready" not in said
    assert not house.postgres.is_running()


def test_dead_postgres_is_started_again(house: House) -> None:
    house.pace = {"database_check_s": 0.1}
    process = house.start()
    house.wait_for("sample")
    file = house.data / "postgres" / "cluster" / "postmaster.pid"
    first = file.read_text(encoding="utf-8").split()[0]
    psutil.Process(int(first)).kill()
    wait_until(lambda: file.exists() and file.read_text(encoding="utf-8").split()[0] != first)
    wait_until(house.postgres.is_running)
    said, _ = stop(process, signal.SIGINT)
    assert "PostgreSQL died" in said
    assert process.returncode == 0
    assert not house.postgres.is_running()


def test_killed_supervisor_leaves_no_children_and_its_server_is_found_again(house: House) -> None:
    process = house.start()
    house.wait_for("serve", "worker", "sample")
    process.kill()
    process.communicate()
    for name in ("serve", "worker"):
        pid = house.notes("start")[name]["pid"]
        wait_until(lambda pid=pid: is_gone(pid))  # type: ignore[misc]  # a default binds the loop
    assert house.postgres.is_running()
    second = house.start()
    wait_until(lambda: len((house.folder / "notes").read_text().splitlines()) >= 8)
    said, _ = stop(second, signal.SIGTERM)
    assert "picking up" in said
    assert not house.postgres.is_running()


def test_taken_port_is_told_before_anything_starts(house: House) -> None:
    with socket.create_server(("127.0.0.1", house.port)):
        process = house.start()
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(said.splitlines()) == 1
    assert str(house.port) in said
    assert "SKYSHELF_PORT" in said
    assert not house.data.exists()


def test_failing_preparation_is_told_and_postgres_stopped(house: House) -> None:
    house.fails = True
    process = house.start()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "skyshelf: the sky is cloudy" in said
    assert not house.notes("start")
    assert not house.postgres.is_running()


def test_second_supervisor_on_the_same_data_is_refused(room: Path) -> None:
    settings = Settings(data_dir=room)
    with alone(settings), pytest.raises(InvalidError, match="SKYSHELF_DATA_DIR"), alone(settings):
        pass
    with alone(settings):
        pass


def test_address_of_another_machine() -> None:
    with pytest.raises(InvalidError, match="SKYSHELF_HOST"):
        check_port(Settings(host="192.0.2.1", port=free_port()))
