"""Without notices of the system, or with too many, sweeps find everything."""

# ruff: noqa: ASYNC240  # real files on a local disk, nothing else in the loop

import asyncio
import errno
import os
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.running_inbox import old, running
from worker import inbox as inbox_module
from worker import inbox_events
from worker.inbox_events import Notice, Silence

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(sys.platform != "linux", reason="speaks of the Linux kernel's notices"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


@pytest.fixture
def no_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "SystemSource", lambda _root: Silence())


@pytest.mark.usefixtures("no_notices")
async def test_sweeps_alone_find_everything_when_it_is_complete(root: Path, outside: Path) -> None:
    async with running(root, settle_s=1, sweep_s=0.1) as watched:
        (root / "deep/er").mkdir(parents=True)
        (root / "deep/er/a.fits").write_bytes(b"a")
        (outside / "b.fits").write_bytes(b"b")
        old(outside / "b.fits", -1e6).rename(root / "b.fits")
        with (root / "growing.fits").open("wb", buffering=0) as file:
            for _ in range(12):
                file.write(b"x" * 100)
                await asyncio.sleep(0.1)
        await watched.until("deep/er/a.fits", "b.fits", "growing.fits")
        await watched.stays("deep/er/a.fits", "b.fits", "growing.fits")
    assert max(arrived.size_bytes for arrived in watched.arrived) == 1200


async def test_no_more_sources_means_sweeps(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_root: Path) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(inbox_module, "SystemSource", refuse)
    with capture_logs() as logs:
        async with running(root, sweep_s=0.1) as watched:
            (root / "a.fits").write_bytes(b"a")
            await watched.until("a.fits")
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert "sweeps only" in logs[0]["reason"]


async def test_watch_limit_means_sweeps(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: object, _folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(inbox_events.SystemSource, "watch", refuse)
    with capture_logs() as logs:
        async with running(root, sweep_s=0.1) as watched:
            (root / "night").mkdir()
            (root / "night/a.fits").write_bytes(b"a")
            await watched.until("night/a.fits")
            await watched.stays("night/a.fits")
    assert len(logs) == 1
    assert "max_user_watches" in logs[0]["reason"]


async def test_lost_notices_start_a_sweep(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = True
    drain = inbox_events.SystemSource.drain

    def forgetful(source: inbox_events.SystemSource, limit: int) -> list[Notice]:
        heard = drain(source, limit)
        return [Notice(root, None, lost=True)] if heard and deaf else heard

    monkeypatch.setattr(inbox_events.SystemSource, "drain", forgetful)
    async with running(root) as watched:
        for number in range(10):
            (root / f"{number}.fits").write_bytes(b"data")
        await watched.until(*(f"{number}.fits" for number in range(10)))
        await watched.stays(*(f"{number}.fits" for number in range(10)))


async def test_a_real_overflow_loses_nothing(root: Path, outside: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    if limit > 20_000:
        pytest.skip(f"a queue of {limit} takes too long to fill")
    async with running(root) as watched:
        for _ in range(limit // 2 + 100):  # in and out: two notices each; the loop stands still
            (outside / "x").touch()
            (outside / "x").rename(root / "x")
            (root / "x").rename(outside / "x")
        (root / "late").mkdir()
        (root / "late/a.fits").write_bytes(b"data")
        await watched.until("late/a.fits")
