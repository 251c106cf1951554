"""`skyshelf up` and more workers beside it, each of which can be killed and comes back."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from app.core.faults import VARIABLE, FaultPoint
from app.db.embedded import EmbeddedPostgres
from app.settings import Settings, load_settings
from tests.support.running_archive import ROOT, free_port, is_ready, until

ADMIN = ("admin", "a password for the admin")
_ELSEWHERE = ("upload-", "removal-", "restore-", "purge-")
_OF_WORKERS = [point.value for point in FaultPoint if not point.startswith(_ELSEWHERE)]


@dataclass
class Worker:
    """A worker beside those that `skyshelf up` keeps, and how it was armed."""

    process: subprocess.Popen[bytes]
    fault: str | None


@dataclass
class House:
    """One installation under attack."""

    folder: Path
    log: Path
    chance: random.Random
    workers_wanted: int
    lease_s: float
    port: int = field(default_factory=free_port)
    url: str = ""
    kills: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    freezes: int = 0
    is_hostile: bool = True
    _up: subprocess.Popen[bytes] | None = None
    _workers: list[Worker] = field(default_factory=list)
    _frozen: list[tuple[float, int]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PYTHONPATH": str(ROOT),
            "SKYSHELF_DATA_DIR": str(self.folder),
            "SKYSHELF_PORT": str(self.port),
            "SKYSHELF_ADMIN_PASSWORD": ADMIN[1],
            "SKYSHELF_SAMPLE_FRAMES": "0",
            "SKYSHELF_SETTLE_S": "0.3",
            "SKYSHELF_SWEEP_S": "2",
            "SKYSHELF_JOB_LEASE_S": str(self.lease_s),
            "SKYSHELF_API_WORKERS": "2",
            "SKYSHELF_CHILD_PROCESSES": "1",
            "SKYSHELF_LOG_FORMAT": "json",
        }

    @property
    def settings(self) -> Settings:
        """Settings by which a test can look into the archive."""
        return load_settings(data_dir=self.folder, database_url=self.url, _env_file=None)

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    def start(self) -> None:
        """Start everything, and wait until it is ready."""
        self._begin("up")
        with self.client() as client:
            until(lambda: self._is_ready(client))
        self.url = asyncio.run(EmbeddedPostgres(self.folder / "postgres").start())  # picks it up
        self.look_after()

    def _is_ready(self, client: httpx.Client) -> bool:
        assert self._up is not None
        assert self._up.poll() is None, f"it did not start, see {self.log}"
        return is_ready(client)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def look_after(self) -> None:
        """Bring back what has died, as an init system does; wake what was frozen long enough."""
        if self._up is not None and self._up.poll() is not None:
            self._begin("up")
        for worker in [each for each in self._workers if each.process.poll() is not None]:
            self._workers.remove(worker)
            if worker.fault is not None and worker.process.returncode == -signal.SIGKILL:
                self.kills["worker at a point"] += 1
                self.points[worker.fault] += 1
        while self.url and len(self._workers) < self.workers_wanted:
            self._workers.append(self._a_worker())
        now_s = time.monotonic()
        for due in [each for each in self._frozen if each[0] <= now_s]:
            self._frozen.remove(due)
            with suppress(ProcessLookupError):
                os.kill(due[1], signal.SIGCONT)

    def wait_for_a_move(self, longest_s: float) -> None:
        """Wait until a private copy comes or goes: somebody files something just now."""
        end_s = time.monotonic() + longest_s
        before = self._private_copies()
        while self._private_copies() == before and time.monotonic() < end_s:
            time.sleep(0.02)

    def _private_copies(self) -> frozenset[str]:
        return frozenset(path.name for path in (self.folder / "spool").iterdir())

    def strike(self) -> None:
        """Kill something at random."""
        ways: dict[Callable[[], bool], int] = {
            self._kill_worker: 40,
            self._kill_supervised_worker: 8,
            self._kill_api: 15,
            self._kill_server: 3,
            self._kill_backend: 8,
            self._kill_postmaster: 5,
            self._kill_reader: 6,
            self._kill_up: 2,
            self._freeze_worker: 6,
        }
        (way,) = self.chance.choices(list(ways), list(ways.values()))
        way()

    def calm(self) -> None:
        """Let everything live from now on; what is armed or frozen makes way."""
        self.is_hostile = False
        for worker in self._workers:
            if worker.fault is not None:
                worker.fault = None
                worker.process.kill()
                worker.process.wait()
        for _, pid in self._frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen.clear()

    def stop(self) -> None:
        """End everything in order."""
        self.calm()
        processes = [worker.process for worker in self._workers]
        for process in processes if self._up is None else (*processes, self._up):
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=60)

    def left_behind(self) -> list[int]:
        """List processes of this installation that are alive."""
        return [process.pid for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return process.environ().get("SKYSHELF_DATA_DIR") == str(self.folder)
        except psutil.Error:
            return False

    def _begin(self, what: str) -> None:
        self._up = self._run(what, self.environment)

    def _a_worker(self) -> Worker:
        """Start a worker; half of them die at a point by themselves."""
        environment = self.environment | {"SKYSHELF_DATABASE_URL": self.url}
        fault = None
        if self.is_hostile and self.chance.random() < 0.5:
            fault = self.chance.choice(_OF_WORKERS)
            environment[VARIABLE] = f"{fault}:kill:{self.chance.randint(1, 4)}"
        return Worker(self._run("worker", environment), fault)

    def _run(self, what: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603  # constants
                [sys.executable, "-m", "app.cli", what],
                cwd=self.folder.parent,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _kill_worker(self) -> bool:
        pids = [worker.process.pid for worker in self._workers if worker.process.poll() is None]
        return self._kill("worker", pids)

    def _kill_supervised_worker(self) -> bool:
        return self._kill("worker of up", self._supervised("app.cli"))

    def _kill_server(self) -> bool:
        return self._kill("parent of the API", self._supervised("app.serving"))

    def _kill_api(self) -> bool:
        return self._kill("API", [child.pid for child in self._apis()])

    def _kill_reader(self) -> bool:
        parents = [*self._apis(), *self._processes(worker.process.pid for worker in self._workers)]
        readers = [child.pid for parent in parents for child in _spawned(parent)]
        return self._kill("reading child", readers)

    def _kill_up(self) -> bool:
        return self._kill("supervisor", [self._up.pid] if self._up else [])

    def _kill_postmaster(self) -> bool:
        return self._kill("PostgreSQL", self._postmaster())

    def _kill_backend(self) -> bool:
        backends = [
            child.pid
            for parent in self._processes(self._postmaster())
            for child in _children(parent)
        ]
        return self._kill("process of PostgreSQL", backends)

    def _freeze_worker(self) -> bool:
        """Stop a worker for longer than its lease: it lives on when its job is another's."""
        for worker in self.chance.sample(self._workers, len(self._workers)):
            if worker.process.poll() is None:
                os.kill(worker.process.pid, signal.SIGSTOP)
                self._frozen.append((time.monotonic() + self.lease_s + 2, worker.process.pid))
                self.freezes += 1
                return True
        return False

    def _kill(self, what: str, pids: list[int]) -> bool:
        if not pids:
            return False
        pid = self.chance.choice(pids)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.kills[what] += 1
        for worker in self._workers:
            if worker.process.pid == pid:
                worker.fault = None  # it did not get so far
        return True

    def _supervised(self, module: str) -> list[int]:
        up = self._processes([self._up.pid] if self._up else [])
        return [child.pid for parent in up for child in _children(parent) if module in _argv(child)]

    def _apis(self) -> list[psutil.Process]:
        servers = self._processes(self._supervised("app.serving"))
        return [child for server in servers for child in _spawned(server)]

    def _postmaster(self) -> list[int]:
        try:
            text = (self.folder / "postgres" / "cluster" / "postmaster.pid").read_text()
        except FileNotFoundError:
            return []
        number = text.partition("\n")[0]
        return [int(number)] if number.isdecimal() and psutil.pid_exists(int(number)) else []

    def _processes(self, pids: "Iterator[int] | list[int]") -> list[psutil.Process]:
        found = []
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(pid))
        return found


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def _spawned(process: psutil.Process) -> list[psutil.Process]:
    """List children that multiprocessing made to do the work."""
    return [child for child in _children(process) if "spawn_main" in " ".join(_argv(child))]


def _argv(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def a_house(
    folder: Path, log: Path, chance: random.Random, *, workers: int, lease_s: float
) -> Iterator[House]:
    """Run a house; whatever happens, leave no process behind."""
    house = House(folder, log, chance, workers, lease_s)
    try:
        house.start()
        yield house
    finally:
        house.stop()
        for pid in house.left_behind():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # It outlives a supervisor that was killed, and that nobody has started again.
        asyncio.run(EmbeddedPostgres(folder / "postgres").stop(within_s=5))
