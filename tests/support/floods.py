"""Many tiny files, and a worker process whose memory is watched, for tests."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.running_archive import ROOT, environment_of

CARDS = (
    "SIMPLE  =                    T",
    "BITPIX  =                   16",
    "NAXIS   =                    0",
    "SITEID  = 'tst     '",
    "DAY-OBS = '2026-11-18'",
    "DATE-OBS= '2026-11-19T03:04:05.678'",
)


def tiny_fits(number: int) -> bytes:
    """Make a FITS file of one block that differs from all others."""
    cards = (*CARDS, f"OBJECT  = 'target {number:08d}'", "END")
    return "".join(card.ljust(80) for card in cards).ljust(2880).encode()


def drop(folder: Path, numbers: range) -> None:
    """Write tiny files, as fast as the disk takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"f{number:06d}.fits").write_bytes(tiny_fits(number))


@dataclass
class Worker:
    """A worker process and the memory of its parent process [byte]."""

    process: subprocess.Popen[bytes]
    resident_bytes: list[int] = field(default_factory=list)

    def now_bytes(self) -> int:
        """Give the memory that it uses now [byte]."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def cpu_s(self) -> float:
        """Give the processor time of the parent process so far [s]."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)
        used = fields[1].split()[11:13]
        return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")

    def watch(self, stop: threading.Event) -> None:
        """Look at its memory until an event is set."""
        while not stop.wait(0.2) and self.process.poll() is None:
            self.resident_bytes.append(self.now_bytes())


@contextmanager
def a_worker(folder: Path, database_url: str, **settings: object) -> Iterator[Worker]:
    """Run `skyshelf worker` on an archive's folder; its log is ``worker.log`` beside it."""
    given = {"data_dir": folder, "database_url": database_url, "settle_s": 0.5, **settings}
    environment = environment_of(**given)
    command = [sys.executable, "-m", "app.cli", "worker"]
    log = folder.parent / "worker.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # our own program
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    worker, stop = Worker(process), threading.Event()
    watching = threading.Thread(target=worker.watch, args=[stop])
    try:
        _wait_for(log, process)
        watching.start()
        yield worker
    finally:
        stop.set()
        if watching.ident:
            watching.join()
        process.terminate()
        process.wait(timeout=60)


def _wait_for(log: Path, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + 60
    while b"worker ready" not in log.read_bytes():
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < end_s
        time.sleep(0.05)
