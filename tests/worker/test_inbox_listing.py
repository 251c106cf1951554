"""A folder of any size is listed in parts, and what waits for its rest is bounded."""

import asyncio
import shutil
import tracemalloc
from pathlib import Path

import pytest

from tests.support.running_inbox import NEVER_S, old, running
from worker import inbox as inbox_module
from worker import inbox_looks
from worker.inbox_looks import list_folder, list_in_parts


def test_parts_are_small_whatever_the_folder(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number}.fits").touch()
    tracemalloc.start()
    try:
        names = {name for part in list_in_parts(tmp_path, follow=False) for name in part.files}
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(names) == 3000
    assert names == list_folder(tmp_path, follow=False).files.keys()
    assert most_bytes < 2_000_000


def test_a_folder_that_vanishes_while_it_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_looks, "_AT_ONCE", 10)
    folder = tmp_path / "night"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}.fits").touch()
    parts = list_in_parts(folder, follow=False)
    assert len(next(parts).files) == 10
    shutil.rmtree(folder)
    assert sum(len(part.files) for part in parts) == 0


@pytest.mark.asyncio
async def test_more_files_than_may_wait_come_in_one_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_looks, "_AT_ONCE", 10)
    monkeypatch.setattr(inbox_module, "_WAITING", 20)
    most = 0
    names = [f"{number}.fits" for number in range(200)]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
        old(tmp_path / name)
    async with running(tmp_path, sweep_s=NEVER_S, begun=False) as watched:
        while len(watched.arrived) < 200:
            most = max(most, len(watched.inbox._settling))
            await asyncio.sleep(0.001)
        await watched.stays(*names)
    assert most <= 30
