"""Children that misbehave: each costs its own call, and calls of others go on."""

import asyncio
import ctypes
import os
import pickle
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core import offload as offloading
from app.core.offload import CrashedError, KilledError, Offload, Task, TimedOutError

pytestmark = pytest.mark.asyncio

HERE = "tests.core.test_offload_limits"
DOUBLE = Task[[int], int](f"{HERE}:double")
SPIN = Task[[], int](f"{HERE}:spin")
SEGFAULT = Task[[], int](f"{HERE}:segfault")
SIGNAL = Task[[int], int](f"{HERE}:die_of")
FORK = Task[[int], int](f"{HERE}:fork")
LIMITS = Task[[], dict[str, tuple[int, int]]](f"{HERE}:limits")
FILL = Task[[Path, int], int](f"{HERE}:fill")
ODD = Task[[], int](f"{HERE}:raise_odd")
BUSY = Task[[float], float](f"{HERE}:busy")
BE_KILLED = Task[[Path, int], int]("tests.support.dying:be_killed")


class OddError(Exception):
    """Cannot be read by whoever it is sent to."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def double(number: int) -> int:
    return 2 * number


def spin() -> int:
    while True:
        pass


def segfault() -> int:
    ctypes.string_at(0)
    return 0


def die_of(number: int) -> int:
    os.kill(os.getpid(), number)
    time.sleep(10)
    return 0


def fork(count: int) -> int:
    """Leave children behind, as nothing of ours does."""
    for _ in range(count):
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
    return count


def limits() -> dict[str, tuple[int, int]]:
    kinds = ("AS", "CORE", "CPU", "FSIZE", "NOFILE")
    return {kind: resource.getrlimit(getattr(resource, f"RLIMIT_{kind}")) for kind in kinds}


def fill(path: Path, size_bytes: int) -> int:
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return size_bytes


def raise_odd() -> int:
    raise OddError("not", "readable")


def busy(seconds: float) -> float:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return seconds


@pytest.fixture(scope="module")
def pool() -> Iterator[Offload]:
    made = Offload(processes=2, memory_bytes=1 << 30, timeout_s=60, cpu_s=2)
    yield made
    made.close()


async def test_processor_time_is_bounded(pool: Offload) -> None:
    with pytest.raises(TimedOutError):
        await pool.call(SPIN)
    assert await pool.call(DOUBLE, 21) == 42


async def test_each_call_has_its_own_processor_time() -> None:
    alone = Offload(processes=1, memory_bytes=1 << 30, timeout_s=60, cpu_s=1)
    try:
        assert [await alone.call(BUSY, 0.4) for _ in range(4)] == [0.4] * 4
    finally:
        alone.close()


@pytest.mark.parametrize(
    "number", [signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS, signal.SIGKILL]
)
async def test_a_deadly_signal_costs_one_call(pool: Offload, number: int) -> None:
    with pytest.raises(CrashedError):
        await pool.call(SIGNAL, number)
    assert await pool.call(DOUBLE, 21) == 42


async def test_a_child_that_is_killed_may_try_once_more(pool: Offload, tmp_path: Path) -> None:
    assert await pool.call(BE_KILLED, tmp_path / "once", 1) == 1
    with pytest.raises(KilledError):
        await pool.call(BE_KILLED, tmp_path / "thrice", 3)
    assert len(list((tmp_path / "thrice").iterdir())) == 2


async def test_a_crash_in_c_costs_one_call(pool: Offload) -> None:
    with pytest.raises(CrashedError):
        await pool.call(SEGFAULT)
    assert await pool.call(DOUBLE, 21) == 42


async def test_waiting_calls_of_others_are_done(pool: Offload) -> None:
    async def crash() -> str:
        with pytest.raises(CrashedError):
            await pool.call(SIGNAL, signal.SIGKILL)
        return "crashed"

    calls = [crash() if n % 4 == 0 else pool.call(DOUBLE, n) for n in range(20)]
    expected = ["crashed" if n % 4 == 0 else 2 * n for n in range(20)]
    assert await asyncio.gather(*calls) == expected


async def test_children_of_children_do_no_harm(pool: Offload) -> None:
    assert await pool.call(FORK, 5) == 5
    assert await asyncio.gather(*(pool.call(DOUBLE, n) for n in range(10))) == [
        2 * n for n in range(10)
    ]


async def test_an_error_that_cannot_be_sent_breaks_nothing(pool: Offload) -> None:
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(OddError("not", "readable")))  # noqa: S301  # our own
    with pytest.raises(RuntimeError, match="OddError: not readable"):
        await pool.call(ODD)
    assert await pool.call(DOUBLE, 21) == 42


async def test_limits_hold_in_the_children(pool: Offload) -> None:
    found = await pool.call(LIMITS)
    assert found["CORE"] == (0, 0)
    assert found["AS"] == (1 << 30, 1 << 30)
    assert 0 < found["FSIZE"][0] <= offloading.MAX_FILE_BYTES
    assert 0 < found["NOFILE"][0] <= offloading.MAX_OPEN_FILES
    assert found["CPU"][0] > 0


async def test_files_are_bounded(pool: Offload, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large"):
        await pool.call(FILL, tmp_path / "large", offloading.MAX_FILE_BYTES + 1)
    assert await pool.call(FILL, tmp_path / "small", 1000) == 1000
