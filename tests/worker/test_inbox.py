"""The inbox gives every complete file once, with real files and the real kernel.

Lower bounds of time are asserted where they are the rule; upper bounds are generous, for these
tests must hold on a busy machine too.
"""

# real files on a local disk, nothing else in the loop

import asyncio
import errno
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.running_inbox import NEVER_S, SETTLE_S, eventually, old, old_file, running
from worker import inbox as inbox_module
from worker import inbox_settling
from worker.inbox import Arrived, Inbox

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


async def test_renamed_in_is_taken_at_once(root: Path, outside: Path) -> None:
    (outside / "a.fits").write_bytes(b"complete")
    async with running(root, settle_s=NEVER_S) as watched:
        (outside / "a.fits").rename(root / "a.fits")
        await watched.until("a.fits")
    (arrived,) = watched.arrived
    status = (root / "a.fits").stat()
    assert arrived == Arrived(root / "a.fits", 8, status.st_mtime_ns, status.st_ino)


async def test_finished_name_is_taken_at_once(root: Path) -> None:
    async with running(root, settle_s=NEVER_S) as watched:
        (root / "a.fits.part").write_bytes(b"complete")
        (root / "a.fits.part").rename(root / "a.fits")
        await watched.until("a.fits")


async def test_renamed_while_it_is_written_is_waited_for(root: Path) -> None:
    async with running(root) as watched:
        with (root / "a.fits").open("wb", buffering=0) as file:
            file.write(b"half")
            await asyncio.sleep(SETTLE_S / 4)
            (root / "a.fits").rename(root / "b.fits")
            await watched.stays()
            file.write(b" and half")
        await watched.until("b.fits")
        await watched.stays("b.fits")
    assert watched.arrived[0].size_bytes == 13


async def test_closed_is_taken_after_it_settled(root: Path) -> None:
    async with running(root) as watched:
        (root / "a.fits").write_bytes(b"complete")
        closed_s = time.monotonic()
        await watched.until("a.fits")
        assert watched.at_s["a.fits"] - closed_s >= SETTLE_S * 0.9
        await watched.stays("a.fits")


async def test_closed_with_an_old_or_future_stamp_is_taken(root: Path) -> None:
    async with running(root) as watched:
        for name, age_s in (("old", 1e6), ("future", -1e6)):
            with (root / name).open("wb") as file:
                file.write(b"data")
                file.flush()
                old(root / name, age_s)
        await watched.until("old", "future")


async def test_slow_writer_is_taken_once_and_complete(root: Path) -> None:
    async with running(root, sweep_s=0.1) as watched:
        with (root / "slow.fits").open("wb", buffering=0) as file:
            for _ in range(12):
                file.write(b"x" * 100)
                await asyncio.sleep(SETTLE_S / 2)
        await watched.until("slow.fits")
        await watched.stays("slow.fits")
    assert watched.arrived[0].size_bytes == 1200


async def test_writer_that_pauses_for_longer_than_settling_is_waited_for(root: Path) -> None:
    async with running(root, sweep_s=0.1) as watched:
        with (root / "paused.fits").open("wb", buffering=0) as file:
            file.write(b"header")
            await asyncio.sleep(6 * SETTLE_S)
            assert not watched.arrived
            file.write(b"data")
        await watched.until("paused.fits")
    assert watched.arrived[0].size_bytes == 10


async def test_writer_that_never_closes_is_not_waited_for_for_ever(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_settling, "OPEN_PATIENCE", 3)
    async with running(root) as watched:
        with (root / "open.fits").open("wb", buffering=0) as file:
            file.write(b"data")
            created_s = time.monotonic()
            await watched.until("open.fits")
        assert watched.at_s["open.fits"] - created_s >= 3 * SETTLE_S * 0.9


async def test_several_closes_make_one_arrival(root: Path) -> None:
    async with running(root, settle_s=1) as watched:
        for _ in range(5):
            with (root / "a.fits").open("ab") as file:
                file.write(b"x" * 100)
            await asyncio.sleep(0.05)
        await watched.until("a.fits")
        await watched.stays("a.fits")
    assert watched.arrived[0].size_bytes == 500


async def test_hard_linked_in(root: Path, outside: Path) -> None:
    old_file(outside / "a.fits", b"data")
    async with running(root) as watched:
        (root / "a.fits").hardlink_to(outside / "a.fits")
        await watched.until("a.fits")


async def test_zero_bytes_are_taken_after_settling(root: Path, outside: Path) -> None:
    (outside / "renamed").touch()
    async with running(root) as watched:
        (outside / "renamed").rename(root / "renamed")
        (root / "touched").touch()
        start_s = time.monotonic()
        await watched.until("renamed", "touched")
        assert min(watched.at_s.values()) - start_s >= SETTLE_S * 0.9


async def test_files_from_before_the_start(root: Path) -> None:
    (root / "night").mkdir()
    old_file(root / "night/old.fits", b"old")
    (root / "young.fits").write_bytes(b"young")
    written_s = time.monotonic()
    async with running(root) as watched:
        await watched.until("night/old.fits", "young.fits")
        assert watched.at_s["young.fits"] - written_s >= SETTLE_S * 0.9


async def test_unreadable_file_is_given(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(path: object, flags: int, *args: int, **kwargs: int) -> int:
        if str(path).endswith("locked.fits") and not flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, flags, *args, **kwargs)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(os, "open", refuse)
    async with running(root) as watched:
        (root / "locked.fits").write_bytes(b"data")
        await watched.until("locked.fits")


async def test_given_once_until_it_changes_or_is_forgotten(root: Path) -> None:
    path = root / "a.fits"
    async with running(root, sweep_s=0.1) as watched:
        path.write_bytes(b"one")
        await watched.until("a.fits")
        path.open("ab").close()  # closed after writing nothing
        await watched.stays("a.fits")
        watched.inbox.forget(path)
        await eventually(lambda: len(watched.arrived) == 2)
        path.write_bytes(b"one, two")
        await eventually(lambda: len(watched.arrived) == 3)
        await watched.stays("a.fits", "a.fits", "a.fits")
    assert [arrived.size_bytes for arrived in watched.arrived] == [3, 3, 8]


async def test_replaced_by_rename_is_given_again(root: Path, outside: Path) -> None:
    async with running(root) as watched:
        for number in (1, 2):
            (outside / "a.fits").write_bytes(b"same")
            (outside / "a.fits").replace(root / "a.fits")
            await eventually(lambda count=number: len(watched.arrived) == count)  # type: ignore[misc]  # a bound default


async def test_thousands_at_once_each_exactly_once(root: Path, outside: Path) -> None:
    def drop() -> None:
        for number in range(1000):
            (root / f"w{number}.fits").write_bytes(b"written")
            (outside / "x").write_bytes(b"renamed")
            (outside / "x").rename(root / f"r{number}.fits")

    async with running(root, sweep_s=0.3) as watched:
        await asyncio.to_thread(drop)
        await eventually(lambda: len(watched.arrived) >= 2000)
        await asyncio.sleep(3 * SETTLE_S)
        assert set(Counter(watched.names).values()) == {1}
        assert len(watched.arrived) == 2000


async def test_memory_is_given_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "_WAITING", 50)
    (root / "night").mkdir()
    for number in range(400):
        old_file(root / f"night/{number}", b"x")
    async with running(root, sweep_s=0.05) as watched:
        await eventually(lambda: len(watched.arrived) == 400)
        assert len(watched.inbox._taken) == 400
        (root / "night/7").unlink()
        await eventually(lambda: len(watched.inbox._taken) == 399)
        shutil.rmtree(root / "night")
        await eventually(lambda: not len(watched.inbox._taken))
        assert not len(watched.inbox._settling)


async def test_nothing_is_read_ahead_of_the_consumer(root: Path) -> None:
    inbox = Inbox(root, settle_s=SETTLE_S, sweep_s=NEVER_S)
    for number in range(300):
        old_file(root / str(number), b"x")
    arrivals = inbox.arrivals()
    given = await anext(arrivals)
    await asyncio.sleep(3 * SETTLE_S)
    assert len(inbox._taken) == len(given) < 200
    while len(given) < 300:
        given += await anext(arrivals)
    assert len(set(given)) == 300
    await arrivals.aclose()


async def test_another_consumer_goes_on_where_the_first_stopped(root: Path) -> None:
    for number in range(160):
        old_file(root / str(number), b"x")
    inbox = Inbox(root, settle_s=SETTLE_S, sweep_s=NEVER_S)
    given: list[Arrived] = []
    while len(given) < 160:
        arrivals = inbox.arrivals()
        given += await anext(arrivals)
        await arrivals.aclose()
    assert len(set(given)) == 160
