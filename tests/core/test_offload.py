"""Child processes: values come back, crashes and time-outs cost one call."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest

from app.core.errors import NotFoundError, UnavailableError
from app.core.offload import CrashedError, Offload, Task, TimedOutError

pytestmark = pytest.mark.asyncio

HERE = "tests.core.test_offload"
DOUBLE = Task[[int], int](f"{HERE}:double")
REFUSE = Task[[], int](f"{HERE}:refuse")
DIE = Task[[], int](f"{HERE}:die")
SLEEP = Task[[float], int](f"{HERE}:sleep")
DEVOUR = Task[[int], int](f"{HERE}:devour")


def double(number: int) -> int:
    return 2 * number


def refuse() -> int:
    raise NotFoundError("not here")


def die() -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return 0


def devour(size_bytes: int) -> int:
    return len(bytearray(size_bytes))


@pytest.fixture(scope="module")
def small() -> Iterator[Offload]:
    pool = Offload(processes=1, memory_bytes=512 << 20, timeout_s=2)
    yield pool
    pool.close()


async def test_values_come_back(small: Offload) -> None:
    assert await asyncio.gather(*(small.call(DOUBLE, n) for n in range(5))) == [0, 2, 4, 6, 8]


async def test_errors_of_the_archive_come_back_as_they_are(small: Offload) -> None:
    with pytest.raises(NotFoundError, match="not here"):
        await small.call(REFUSE)


async def test_a_crash_costs_one_call(small: Offload) -> None:
    with pytest.raises(CrashedError):
        await small.call(DIE)
    assert await small.call(DOUBLE, 21) == 42


async def test_a_late_call_is_ended(small: Offload) -> None:
    with pytest.raises(TimedOutError):
        await small.call(SLEEP, 60)
    assert await small.call(DOUBLE, 21) == 42


async def test_memory_is_bounded(small: Offload) -> None:
    with pytest.raises(CrashedError):
        await small.call(DEVOUR, 4 << 30)


async def test_a_closed_pool_says_so() -> None:
    pool = Offload(processes=1, memory_bytes=512 << 20, timeout_s=2)
    pool.close()
    with pytest.raises(UnavailableError):
        await pool.call(DOUBLE, 1)
