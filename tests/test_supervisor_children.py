"""Children are kept running, and ended to the last one."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
import structlog

from app.supervisor.children import Child, Keeper, Pace

QUICK = Pace(first_pause_s=0.1, longest_pause_s=0.4, healthy_s=60, grace_s=0.5)

NOTE = """
    import os, signal, subprocess, sys, time
    def note(word):
        with open(sys.argv[1], "a") as file:
            file.write(f"{word} {time.monotonic()} {os.getpid()}\\n")
"""
DIES = (
    NOTE
    + """
    note("start")
    sys.exit(3)
"""
)
STOPS = (
    NOTE
    + """
    def stop(*_):
        note("stop")
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    note("start")
    time.sleep(600)
"""
)
IGNORES = (
    NOTE
    + """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("start")
    time.sleep(600)
"""
)
LEAVES_ONE_BEHIND = (
    NOTE
    + """
    left = subprocess.Popen(["/bin/sleep", "600"])
    with open(sys.argv[1], "a") as file:
        file.write(f"left {time.monotonic()} {left.pid}\\n")
    sys.exit(1)
"""
)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def child(script: str, notes: Path) -> Child:
    return Child("fake", (sys.executable, "-I", "-S", "-c", dedent(script), str(notes)))


def read(notes: Path, word: str) -> list[tuple[float, int]]:
    """Return times and process ids of what a child noted."""
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    rows = (line.split() for line in lines)
    return [(float(when), int(pid)) for found, when, pid in rows if found == word]


async def until_noted(notes: Path, word: str, times: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(read(notes, word)) < times:  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.01)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@contextlib.asynccontextmanager
async def kept(
    script: str, notes: Path, pace: Pace = QUICK, hurry: asyncio.Event | None = None
) -> AsyncIterator[None]:
    """Keep a child running, and end it."""
    keeper = Keeper(pace, hurry or asyncio.Event())
    task = asyncio.create_task(keeper.keep(child(script, notes), os.environ))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.asyncio
async def test_dead_child_is_started_again_with_back_off(notes: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with kept(DIES, notes):
            await until_noted(notes, "start", 5)
    starts = [when for when, _ in read(notes, "start")]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    for gap, least in zip(gaps, (0.1, 0.2, 0.4, 0.4), strict=False):
        assert least <= gap < least + 0.35
    assert [log["starts_again_in_s"] for log in logs[:4]] == [0.1, 0.2, 0.4, 0.4]
    assert logs[0]["code"] == 3
    assert logs[0]["process"] == "fake"


@pytest.mark.asyncio
async def test_healthy_child_begins_with_the_first_pause(notes: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with kept(DIES, notes, Pace(first_pause_s=0.05, healthy_s=0.0, grace_s=0.5)):
            await until_noted(notes, "start", 4)
    assert {log["starts_again_in_s"] for log in logs} == {0.05}


@pytest.mark.asyncio
async def test_child_is_asked_to_stop(notes: Path) -> None:
    async with kept(STOPS, notes):
        await until_noted(notes, "start")
    assert len(read(notes, "stop")) == 1
    assert is_gone(read(notes, "start")[0][1])


@pytest.mark.asyncio
async def test_child_that_does_not_stop_is_killed(notes: Path) -> None:
    async with kept(IGNORES, notes):
        await until_noted(notes, "start")
        begun = time.monotonic()
    assert 0.5 <= time.monotonic() - begun < 2
    assert is_gone(read(notes, "start")[0][1])


@pytest.mark.asyncio
async def test_hurry_cuts_the_patience(notes: Path) -> None:
    hurry = asyncio.Event()
    hurry.set()
    async with kept(IGNORES, notes, Pace(grace_s=60), hurry):
        await until_noted(notes, "start")
        begun = time.monotonic()
    assert time.monotonic() - begun < 2


@pytest.mark.asyncio
async def test_what_a_dead_child_left_is_killed_before_the_next(notes: Path) -> None:
    async with kept(LEAVES_ONE_BEHIND, notes):
        await until_noted(notes, "left", 2)
        assert is_gone(read(notes, "left")[0][1])
    async with asyncio.timeout(5):
        while not all(is_gone(pid) for _, pid in read(notes, "left")):  # noqa: ASYNC110  # no event
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_child_has_a_session_of_its_own(notes: Path) -> None:
    async with kept(STOPS, notes):
        await until_noted(notes, "start")
        pid = read(notes, "start")[0][1]
        assert os.getsid(pid) == pid


@pytest.mark.asyncio
async def test_run_once_returns_the_code(notes: Path) -> None:
    assert await Keeper(QUICK, asyncio.Event()).run_once(child(DIES, notes), os.environ) == 3
