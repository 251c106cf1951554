"""The local store: staged, committed, never overwritten, nothing left behind unseen."""

# ruff: noqa: ASYNC110, ASYNC240  # real files on a local disk, and nothing else runs in the loop

import asyncio
import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.storage.errors import (
    InvalidKeyError,
    MissingFileError,
    NotAFileError,
    OccupiedError,
    StorageUnavailableError,
)
from app.storage.local import LocalStore
from app.storage.protocol import Staged, Store
from tests.support.refusing_disks import outside_of_pytest, small_disk

pytestmark = pytest.mark.asyncio

KEY = "tlv/2026-11-20/a.fits"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def store(root: Path) -> Store:
    return LocalStore(root)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.fits"
    path.write_bytes(b"SIMPLE" * 1000)
    return path


async def keys(store: Store) -> list[str]:
    return sorted([key async for key in store.iter_keys()])


def everything(root: Path) -> list[Path]:
    return list(root.rglob("*"))


def refuse(code: int) -> object:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("adopt", [False, True])
async def test_stage_then_commit(store: Store, source: Path, *, adopt: bool) -> None:
    staged = await store.stage(source, KEY, adopt=adopt)
    assert not await store.exists(KEY)
    assert (staged.key, staged.size_bytes) == (KEY, 6000)
    staged.commit()
    assert store.path(KEY).read_bytes() == source.read_bytes()
    assert await store.size_bytes(KEY) == 6000
    assert await keys(store) == [KEY]
    assert await store.stale_staged(0) == []
    assert store.path(KEY).samefile(source) is adopt


async def test_a_copied_source_is_never_shared(store: Store, source: Path) -> None:
    staged = await store.stage(source, KEY)
    staged.commit()
    source.write_bytes(b"changed afterwards")
    assert store.path(KEY).read_bytes() == b"SIMPLE" * 1000


async def test_modes_follow_the_umask(store: Store, source: Path) -> None:
    before = os.umask(0o022)
    try:
        (await store.stage(source, KEY)).commit()
    finally:
        os.umask(before)
    path = store.path(KEY)
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.parent.stat().st_mode & 0o777 == 0o755


async def test_a_crash_before_commit_leaves_a_temporary_file_that_is_listed(
    store: Store, root: Path, source: Path
) -> None:
    await store.stage(source, KEY)
    assert await keys(store) == []
    (name,) = await store.stale_staged(0)
    assert name.startswith("tlv/2026-11-20/.staged-")
    assert await store.stale_staged(3600) == []
    await store.remove_staged(name)
    await store.remove_staged(name)
    assert everything(root) == []


async def test_a_kill_while_staging_leaves_no_stored_file(
    store: Store, tmp_path: Path, root: Path
) -> None:
    source = tmp_path / "big.fits"
    with source.open("wb") as file:
        file.truncate(2_000_000_000)
    program = (
        "import asyncio, pathlib, sys; from app.storage.local import LocalStore;"
        f"asyncio.run(LocalStore(pathlib.Path({str(root)!r})).stage("
        f"pathlib.Path({str(source)!r}), {KEY!r}))"
    )
    repository = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", program], cwd=repository)  # noqa: ASYNC220, S603  # our own words
    try:
        until_s = time.monotonic() + 30
        while not await store.stale_staged(0) and time.monotonic() < until_s:
            await asyncio.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    source.unlink()
    assert await keys(store) == []
    (name,) = await store.stale_staged(0)
    await store.remove_staged(name)
    assert everything(root) == []


async def test_remove_staged_removes_nothing_else(store: Store, source: Path) -> None:
    (await store.stage(source, KEY)).commit()
    for name in (KEY, "", "tlv/.", "../.staged-1", "tlv/../.staged-1", "/tmp/.staged-1"):  # noqa: S108  # never touched
        with pytest.raises(InvalidKeyError):
            await store.remove_staged(name)
    (await store.stage(source, "at-the-root.fits")).commit()
    await store.stage(source, "b.fits")
    (name,) = await store.stale_staged(0)
    await store.remove_staged(name)
    assert await keys(store) == ["at-the-root.fits", KEY]


async def test_discard_leaves_nothing(store: Store, root: Path, source: Path) -> None:
    staged = await store.stage(source, KEY)
    staged.discard()
    staged.discard()
    assert everything(root) == []
    with pytest.raises(MissingFileError):
        staged.commit()


async def test_commit_twice(store: Store, source: Path) -> None:
    staged = await store.stage(source, KEY)
    staged.commit()
    with pytest.raises(OccupiedError):
        staged.commit()
    staged.discard()
    assert await keys(store) == [KEY]


async def test_an_occupied_key_keeps_its_bytes(store: Store, tmp_path: Path, source: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    (await store.stage(source, KEY)).commit()
    late = await store.stage(other, KEY)
    with pytest.raises(OccupiedError, match="stored already") as caught:
        late.commit()
    assert caught.value.key == KEY
    late.discard()
    assert store.path(KEY).read_bytes() == source.read_bytes()
    assert await store.stale_staged(0) == []


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
async def test_of_racing_commits_exactly_one_wins(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse(errno.EPERM))

    def commit(staged: Staged) -> bool:
        try:
            staged.commit()
        except OccupiedError:
            return False
        return True

    for turn in range(8):
        key = f"{turn}/a.fits"
        racers = []
        for number in range(4):
            source = tmp_path / f"racer{number}"
            source.write_bytes(b"%d" % number * 100)
            racers.append(await store.stage(source, key))
        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(commit, racers))
        assert won.count(True) == 1
        assert store.path(key).read_bytes() == b"%d" % won.index(True) * 100


@pytest.mark.parametrize("adopt", [False, True])
async def test_without_hard_links(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch, *, adopt: bool
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", refuse(errno.EPERM))
    (await store.stage(source, KEY, adopt=adopt)).commit()
    assert store.path(KEY).read_bytes() == source.read_bytes()
    assert not store.path(KEY).samefile(source)
    with pytest.raises(OccupiedError):
        (await store.stage(source, KEY)).commit()


async def test_missing_things(store: Store, tmp_path: Path, root: Path) -> None:
    assert not await store.exists(KEY)
    with pytest.raises(MissingFileError):
        store.path(KEY)
    with pytest.raises(MissingFileError):
        await store.size_bytes(KEY)
    with pytest.raises(MissingFileError, match=r"gone\.fits"):
        await store.stage(tmp_path / "gone.fits", KEY)
    await store.remove(KEY)
    assert everything(root) == []


async def test_a_folder_is_not_a_file(store: Store, source: Path) -> None:
    (await store.stage(source, KEY)).commit()
    assert not await store.exists("tlv")
    with pytest.raises(MissingFileError):
        store.path("tlv")
    await store.remove("tlv")
    with pytest.raises(OccupiedError):
        (await store.stage(source, "tlv")).commit()
    with pytest.raises(OccupiedError):
        await store.stage(source, f"{KEY}/below/a.fits")
    assert await keys(store) == [KEY]


async def test_only_regular_files_are_staged(store: Store, tmp_path: Path, root: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for name in ("pipe", "link"):
        for adopt in (True, False):
            with pytest.raises(NotAFileError):
                await store.stage(tmp_path / name, KEY, adopt=adopt)
    assert everything(root) == []


async def test_remove_prunes_empty_folders_only(store: Store, root: Path, source: Path) -> None:
    neighbour = "tlv/2026-11-21/b.fits"
    for key in (KEY, neighbour):
        (await store.stage(source, key)).commit()
    await store.remove(KEY)
    await store.remove(KEY)
    assert await keys(store) == [neighbour]
    assert not (root / "tlv/2026-11-20").exists()
    await store.remove(neighbour)
    assert root.is_dir()
    assert everything(root) == []


async def test_staging_and_pruning_side_by_side(store: Store, source: Path, root: Path) -> None:
    async def come_and_go(number: int) -> None:
        for _ in range(15):
            key = f"deep/er/{number}.fits"
            (await store.stage(source, key)).commit()
            await store.remove(key)

    await asyncio.gather(*(come_and_go(number) for number in range(4)))
    assert everything(root) == []


async def test_iter_keys_follows_no_links(store: Store, root: Path, source: Path) -> None:
    (await store.stage(source, KEY)).commit()
    (root / "loop").symlink_to(root)
    (root / "out").symlink_to("/etc/passwd")
    (root / ".snapshot").mkdir()
    (root / ".snapshot/a.fits").write_bytes(b"")
    assert await keys(store) == [KEY]


async def test_a_lost_root_is_unavailable_and_not_made_again(
    store: Store, root: Path, source: Path
) -> None:
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(StorageUnavailableError, match="mounted"):
        await store.stage(source, KEY)
    with pytest.raises(StorageUnavailableError, match="mounted"):
        await keys(store)
    assert not root.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
async def test_refusals_while_staging(
    store: Store, root: Path, source: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "fsync", refuse(code))
    with pytest.raises(StorageUnavailableError, match=os.strerror(code)) as caught:
        await store.stage(source, KEY)
    assert str(root) not in caught.value.message
    monkeypatch.undo()
    assert everything(root) == []


async def test_a_refused_commit_shows_nothing(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = await store.stage(source, KEY)
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(StorageUnavailableError):
        staged.commit()
    assert not await store.exists(KEY)


async def test_folders_that_cannot_be_synced_are_tolerated(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = await store.stage(source, KEY)
    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    staged.commit()
    assert await store.exists(KEY)


async def test_too_long_a_name_for_the_file_system(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "mkdir", refuse(errno.ENAMETOOLONG))
    with pytest.raises(InvalidKeyError, match="too long"):
        await store.stage(source, KEY)


async def test_a_full_disk(tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(b"x" * 1_000_000)
    with outside_of_pytest() as folder, small_disk(folder / "disk", 262_144) as disk:
        store = LocalStore(disk)
        with pytest.raises(StorageUnavailableError, match="No space left"):
            await store.stage(source, KEY)
        assert everything(disk) == []
        source.write_bytes(b"x" * 1000)
        (await store.stage(source, KEY, adopt=True)).commit()  # another file system: copied
        assert await keys(store) == [KEY]


async def test_folders_that_are_not_ours_to_remove_stay(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = await store.stage(source, "tlv/a.fits")
    staged.commit()
    monkeypatch.setattr(Path, "rmdir", refuse(errno.EACCES))
    staged.discard()
    await store.remove("tlv/a.fits")
    assert not await store.exists("tlv/a.fits")
