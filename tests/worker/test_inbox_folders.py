"""Folders come, move and vanish, and what is no complete file is left alone."""

# ruff: noqa: ASYNC240  # real files on a local disk, nothing else in the loop

import asyncio
import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.running_inbox import SETTLE_S, Running, eventually, running
from worker import inbox as inbox_module
from worker.inbox_looks import Listing, list_in_parts

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


async def test_new_nested_folders(root: Path) -> None:
    async with running(root) as watched:
        expected = [f"night{number}/deep/er.fits/a.fits" for number in range(20)]
        for name in expected:
            (root / name).parent.mkdir(parents=True)
            (root / name).write_bytes(b"data")
        await watched.until(*expected)
        (root / "night3/deep/late.fits").write_bytes(b"data")
        await watched.until("night3/deep/late.fits")
        await watched.stays(*expected, "night3/deep/late.fits")


async def test_tree_moved_in_and_around(root: Path, outside: Path) -> None:
    tree = outside / "tree/sub"
    tree.mkdir(parents=True)
    (tree.parent / "a.fits").write_bytes(b"a")
    (tree / "b.fits").write_bytes(b"b")
    async with running(root) as watched:
        tree.parent.rename(root / "tree")
        await watched.until("tree/a.fits", "tree/sub/b.fits")
        (root / "tree").rename(root / "elsewhere")
        await watched.until("elsewhere/a.fits", "elsewhere/sub/b.fits")
        (outside / "c.fits").write_bytes(b"c")
        (outside / "c.fits").rename(root / "elsewhere/sub/c.fits")
        await watched.until("elsewhere/sub/c.fits")


async def not_misled(watched: Running, half: Path, elsewhere: Path) -> None:
    """See that a rename elsewhere is not taken for one of a file that is still being written."""
    half.parent.mkdir(parents=True)
    watched.inbox._begin_sweep()
    await eventually(lambda: not watched.inbox._sweep.running)
    with half.open("wb", buffering=0) as file:
        file.write(b"half")
        (elsewhere / "x").write_bytes(b"x")
        (elsewhere / "x").rename(elsewhere / half.name)
        await asyncio.sleep(3 * SETTLE_S)
        assert half not in {arrived.path for arrived in watched.arrived}


async def test_folder_moved_out_and_replaced(root: Path, outside: Path) -> None:
    (root / "tree/sub").mkdir(parents=True)
    async with running(root, sweep_s=0.1) as watched:
        (root / "tree").rename(outside / "away")
        await not_misled(watched, root / "tree/sub/a.fits", outside / "away/sub")


async def test_inbox_moved_away_and_replaced(root: Path, outside: Path) -> None:
    async with running(root, sweep_s=0.1) as watched:
        root.rename(outside / "away")
        await not_misled(watched, root / "a.fits", outside / "away")


async def test_folder_above_the_inbox_moved_away_and_replaced(tmp_path: Path) -> None:
    root = tmp_path / "data/inbox"
    root.mkdir(parents=True)
    with capture_logs() as logs:
        async with running(root, sweep_s=0.1) as watched:
            root.parent.rename(tmp_path / "away")
            await eventually(lambda: bool(logs))
            await not_misled(watched, root / "a.fits", tmp_path / "away/inbox")


async def test_ignored_names(root: Path, outside: Path) -> None:
    ignored = ["a.part", "b.TMP", "c.fits.partial", "d.crdownload", "e.Swp", "f~", ".g.fits"]
    (outside / "tree/.hidden/deep").mkdir(parents=True)
    (outside / "tree/.hidden/deep/a.fits").write_bytes(b"a")
    (outside / "tree/x.tmp").mkdir()
    (outside / "tree/x.tmp/a.fits").write_bytes(b"a")
    async with running(root, sweep_s=0.1) as watched:
        for name in ignored:
            (root / name).write_bytes(b"data")
            (outside / name).write_bytes(b"data")
            (outside / name).rename(root / f"{name}{name}")
        (root / ".hidden").mkdir()
        (root / ".hidden/a.fits").write_bytes(b"a")
        (outside / "tree").rename(root / "tree")
        await watched.until("tree/x.tmp/a.fits")
        await watched.stays("tree/x.tmp/a.fits")


async def test_an_inbox_in_a_hidden_folder(tmp_path: Path) -> None:
    root = tmp_path / ".skyshelf/inbox"
    root.mkdir(parents=True)
    async with running(root) as watched:
        (root / "a.fits").write_bytes(b"data")
        await watched.until("a.fits")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_what_is_no_file_is_left_alone_and_said_once(
    root: Path, outside: Path, *, before: bool
) -> None:
    (outside / "secret.fits").write_bytes(b"secret")

    def drop() -> None:
        (root / "out.fits").symlink_to(outside / "secret.fits")
        (root / "tree").symlink_to(outside)
        (root / "in.fits").symlink_to("a.fits")
        (root / "dangling.fits").symlink_to("nothing")
        os.mkfifo(root / "pipe.fits")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(root / "s.fits"))

    with capture_logs() as logs:
        if before:
            drop()
        async with running(root, sweep_s=0.1) as watched:
            if not before:
                drop()
            (root / "a.fits").write_bytes(b"data")
            await watched.until("a.fits")
            await watched.stays("a.fits")
    said = {entry["path"]: entry["reason"] for entry in logs}
    assert len(said) == len(logs)
    link = "ignored: a symbolic link"
    assert said == {
        "out.fits": link,
        "tree": link,
        "in.fits": link,
        "dangling.fits": link,
        "pipe.fits": "ignored: a pipe",
        "s.fits": "ignored: a socket",
    }


async def test_inbox_that_vanishes_and_comes_back(root: Path) -> None:
    with capture_logs() as logs:
        async with running(root, sweep_s=0.1) as watched:
            (root / "a.fits").write_bytes(b"a")
            await watched.until("a.fits")
            shutil.rmtree(root)
            await eventually(lambda: bool(logs))
            await asyncio.sleep(0.5)
            root.mkdir()
            (root / "b.fits").write_bytes(b"b")
            await watched.until("b.fits")
    assert [entry["event"] for entry in logs] == ["inbox.warning", "inbox.back"]


async def test_inbox_that_is_moved_away_keeps_its_memory(root: Path) -> None:
    with capture_logs() as logs:
        async with running(root, sweep_s=0.1) as watched:
            (root / "a.fits").write_bytes(b"a")
            await watched.until("a.fits")
            root.rename(root.with_name("away"))
            await eventually(lambda: bool(logs))
            (root.with_name("away") / "not-here.fits").write_bytes(b"x")
            await watched.stays("a.fits")
            (root.with_name("away") / "not-here.fits").unlink()
            root.with_name("away").rename(root)
            (root / "b.fits").write_bytes(b"b")
            await watched.until("b.fits")
            await watched.stays("a.fits", "b.fits")


async def test_inbox_that_is_not_there_yet(tmp_path: Path) -> None:
    root = tmp_path / "later"
    async with running(root, sweep_s=0.1) as watched:
        root.mkdir()
        (root / "a.fits").write_bytes(b"a")
        await watched.until("a.fits")


async def test_unreadable_folder_is_said_once_and_tried_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = True

    def refuse(folder: Path, *, follow: bool) -> Iterator[Listing]:
        if locked and folder.name == "locked":
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        yield from list_in_parts(folder, follow=follow)

    monkeypatch.setattr(inbox_module, "list_in_parts", refuse)
    (root / "locked").mkdir()
    (root / "locked/a.fits").write_bytes(b"a")
    with capture_logs() as logs:
        async with running(root, sweep_s=0.1) as watched:
            (root / "b.fits").write_bytes(b"b")
            await watched.until("b.fits")
            await watched.stays("b.fits")
            locked = False
            await watched.until("locked/a.fits")
    assert [entry["path"] for entry in logs] == ["locked"]


async def test_names_that_are_no_unicode(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    with capture_logs() as logs:
        async with running(root) as watched:
            (root / f"{name}.fits").write_bytes(b"data")
            (root / f"{name}.lnk").symlink_to("nothing")
            await watched.until(f"{name}.fits")
    assert [entry["path"] for entry in logs] == ["caf\\xe9.lnk"]
