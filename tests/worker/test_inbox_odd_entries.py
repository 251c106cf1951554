"""What is odd in an inbox, with the whole worker: a frame, a reason in quarantine, or a warning."""

# ruff: noqa: ASYNC240  # real files on a local disk, nothing else in the loop

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.models import Frame, FrameQuery
from tests.support.archive import an_archive, settings_in
from tests.support.floods import tiny_fits
from tests.support.inbox_at_work import arrivals, at_work, until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def archive(watched_archive: Factory) -> Factory:
    return watched_archive


async def frames(archive: Factory) -> tuple[Frame, ...]:
    return (await archive.frames.search(FrameQuery(), SYSTEM)).items


async def settled(archive: Factory, count: int) -> dict[str, tuple[str, str | None]]:
    """Wait until so many files came to an end; give state and reason by name."""

    async def is_so() -> bool:
        found = await arrivals(archive)
        return sum(not each.state.is_open for each in found) >= count

    await until(is_so)
    await asyncio.sleep(1)  # for what should not come
    return {each.filename: (str(each.state), each.reason) for each in await arrivals(archive)}


async def test_names_of_any_kind(archive: Factory) -> None:
    inbox = archive.settings.inbox
    names = [
        b"two\nlines.fits", b"caf\xe9.fits", b"caf\xc3\xa9.fits", b"a b  c.fits", b"100%d%n.fits",
        b"{}{0.__class__}.fits", b"'; DROP TABLE frames; --.fits", b"<b>.fits", b"-rf.fits",
        b"\xff\xfe.fits", b"tab\there.fits", b"back\\slash.fits", b"$(id).fits", b"CON.fits",
    ]  # fmt: skip
    longest = b"x" * 250 + b".fits"
    async with at_work(archive):
        for number, name in enumerate([*names, longest]):
            (inbox / os.fsdecode(name)).write_bytes(tiny_fits(number))
        found = await settled(archive, len(names) + 1)
    states = [state for state, _ in found.values()]
    assert (states.count("filed"), states.count("quarantined")) == (len(names), 1)
    assert "longer than 180 bytes: rename the file" in str(found[longest.decode()][1])
    assert list(inbox.rglob("*")) == []
    assert len({frame.basename for frame in await frames(archive)}) == len(names)


async def test_what_is_no_complete_file_stays_and_is_named(archive: Factory) -> None:
    inbox, outside = archive.settings.inbox, archive.settings.data_dir.parent / "outside"
    outside.mkdir()
    (outside / "secret.fits").write_bytes(tiny_fits(0))
    (inbox / "link.fits").symlink_to(outside / "secret.fits")
    (inbox / "folder").symlink_to(outside)
    (inbox / "dangling.fits").symlink_to("nothing")
    (inbox / "loop.fits").symlink_to("loop.fits")
    os.mkfifo(inbox / "pipe.fits")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(inbox / "s.fits"))
    devices = {"disk.fits": "device"} if a_device(inbox / "disk.fits") else {}
    (inbox / "empty.fits").mkdir()
    (inbox / "full.fits").mkdir()
    (inbox / "full.fits/inside.fits").write_bytes(tiny_fits(1))
    unfinished = [".a.fits.AbC123", "a.fits.part", "a.fits.filepart", ".hidden.fits", "a.fits~"]
    for name in unfinished:
        (inbox / name).write_bytes(tiny_fits(2))
    with capture_logs() as logs:
        async with at_work(archive):
            (inbox / "nothing.fits").touch()
            found = await settled(archive, 2)
    warned = {entry["path"]: entry["reason"] for entry in logs if entry["event"] == "inbox.warning"}
    links = dict.fromkeys(["link.fits", "folder", "dangling.fits", "loop.fits"], "symbolic link")
    kinds = {**links, "pipe.fits": "pipe", "s.fits": "socket", **devices}
    assert warned == {name: f"ignored: a {kind}" for name, kind in kinds.items()}
    assert found["inside.fits"] == ("filed", None)
    assert found["nothing.fits"][0] == "quarantined"
    assert "empty" in str(found["nothing.fits"][1])
    assert len(found) == 2
    left = {path.name for path in inbox.iterdir()}
    assert left == {*kinds, *unfinished, "empty.fits", "full.fits"}


def a_device(path: Path) -> bool:
    """Try to make a device node of no device, which takes a superuser."""
    try:
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(259, 255))
    except PermissionError:
        return False
    return True


async def test_two_names_of_one_file(archive: Factory) -> None:
    inbox = archive.settings.inbox
    (inbox / "a.fits").write_bytes(tiny_fits(1))
    (inbox / "b.fits").hardlink_to(inbox / "a.fits")

    async def is_empty() -> bool:
        return not any(inbox.iterdir())

    async with at_work(archive):
        await until(is_empty)
        found = await settled(archive, 2)
    assert len(await frames(archive)) == 1
    assert {state for state, _ in found.values()} <= {"filed", "duplicate", "discarded"}


async def test_a_file_that_grows_and_is_renamed_meanwhile(archive: Factory) -> None:
    inbox, content = archive.settings.inbox, tiny_fits(1) + tiny_fits(2)
    async with at_work(archive):
        (inbox / "first.fits").write_bytes(tiny_fits(0))
        await settled(archive, 1)  # the worker listens by now
        with (inbox / "a.fits").open("wb", buffering=0) as file:
            for start in range(0, len(content), 720):
                file.write(content[start : start + 720])
                await asyncio.sleep(0.4)  # longer than files rest
                if start == 2160:
                    (inbox / "a.fits").rename(inbox / "b.fits")
            assert len(await arrivals(archive)) == 1
        found = await settled(archive, 2)
    assert found.keys() == {"first.fits", "b.fits"}
    assert (await arrivals(archive))[0].size_bytes == len(content)


async def test_a_file_deep_down_and_folders_that_vanish(archive: Factory) -> None:
    deep = archive.settings.inbox.joinpath(*["deep"] * 60)
    deep.mkdir(parents=True)
    (deep / "a.fits").write_bytes(tiny_fits(1))
    stop = asyncio.Event()

    async def make_and_remove() -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            folder = archive.settings.inbox / f"f{number}/sub"
            folder.mkdir(parents=True)
            await asyncio.sleep(0.001)
            folder.rmdir()
            folder.parent.rmdir()

    async with at_work(archive):
        busy = asyncio.create_task(make_and_remove())
        found = await settled(archive, 1)
        stop.set()
        await busy
    assert found == {"a.fits": ("filed", None)}


async def test_an_inbox_on_another_file_system(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    shared = Path("/dev/shm")  # noqa: S108  # the one that every Linux has
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system here")
    inbox = shared / f"skyshelf-test-{os.getpid()}"
    settings = settings_in(tmp_path, settle_s=0.2, sweep_s=0.3, inbox_dir=inbox, pack="never")
    elsewhere = an_archive(settings, committed_sessions, engine, offload)
    try:
        async with at_work(elsewhere):
            (inbox / "a.fits").write_bytes(tiny_fits(1))
            (inbox / "b.fits").write_bytes(b"no FITS file")
            found = await settled(elsewhere, 2)
        assert found["a.fits"] == ("filed", None)
        assert found["b.fits"][0] == "quarantined"
        assert list(inbox.iterdir()) == []
    finally:
        await elsewhere.jobs.close()
        inbox.rmdir()
