"""The cache of previews has a limit, and gives way where its disk is full."""

import asyncio
import errno
import os
import time
from pathlib import Path

import pytest

from app.previews.cache import FileCache
from app.previews.trimming import CacheTrimmer, trim
from app.storage.errors import StorageFullError, StorageUnavailableError
from tests.support.refusing_disks import REFUSALS, refusal_name, refuse_writing, small_disk

DAY_S = 86_400


def a_file(folder: Path, name: str, *, used_days_ago: float, size_bytes: int = 100) -> Path:
    file = folder / name[:2] / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(bytes(size_bytes))
    used_s = time.time() - used_days_ago * DAY_S
    os.utime(file, (used_s, used_s))
    return file


async def write(draft: Path) -> None:
    await asyncio.to_thread(draft.write_bytes, b"picture")


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    old, new, newest = (a_file(tmp_path, f"{n}{n}.jpg", used_days_ago=9 - n) for n in range(1, 4))
    trimmed = trim(tmp_path, 250)
    assert (trimmed.removed, trimmed.freed_bytes, trimmed.kept_bytes) == (1, 100, 200)
    assert [old.exists(), new.exists(), newest.exists()] == [False, True, True]
    assert trim(tmp_path, 250).removed == 0


@pytest.mark.asyncio
async def test_what_is_asked_for_stays(tmp_path: Path) -> None:
    asked = a_file(tmp_path, "aa.jpg", used_days_ago=9)
    other = a_file(tmp_path, "bb.jpg", used_days_ago=5)
    await FileCache(tmp_path).get("aa", ".jpg", write)
    await CacheTrimmer(tmp_path, 100).run()
    assert asked.exists()
    assert not other.exists()


def test_old_drafts_go_and_new_ones_stay(tmp_path: Path) -> None:
    old = a_file(tmp_path, "aa.jpg", used_days_ago=2).rename(tmp_path / "aa" / ".draft")
    new = a_file(tmp_path, "bb.jpg", used_days_ago=0).rename(tmp_path / "bb" / ".draft")
    trim(tmp_path, 1000)
    assert [old.exists(), new.exists()] == [False, True]


@pytest.mark.asyncio
@pytest.mark.parametrize("number", REFUSALS, ids=refusal_name)
async def test_a_cache_in_trouble_serves_what_it_has_and_says_no_to_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    cache = FileCache(tmp_path)
    await cache.get("aa", ".jpg", write)
    with monkeypatch.context() as patch:
        refuse_writing(patch, tmp_path / "bb", number)
        assert (await cache.get("aa", ".jpg", write)).size_bytes == 7
        with pytest.raises(StorageUnavailableError) as refused:
            await cache.get("bb", ".jpg", write)
    assert isinstance(refused.value, StorageFullError) == (number in {errno.ENOSPC, errno.EDQUOT})
    assert (await cache.get("bb", ".jpg", write)).size_bytes == 7


@pytest.mark.asyncio
async def test_a_full_disk_takes_a_new_picture_for_old_ones(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        cache = FileCache(disk)

        async def write_much(draft: Path) -> None:
            await asyncio.to_thread(draft.write_bytes, bytes(300_000))

        for number in range(10):
            made = await cache.get(f"{number}{number}", ".jpg", write_much)
            assert made.path.stat().st_size == 300_000
