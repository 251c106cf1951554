"""Files that change between being complete and being kept, with the whole worker."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from app.context import Factory
from app.core.identity import SYSTEM
from app.db.engine import transaction
from app.db.tables import JobRow
from app.frames.models import FrameQuery
from app.ingest import spool
from app.ingest.models import INGEST_JOB
from app.storage.digests import Digests, copy_with_digests
from tests.support.floods import tiny_fits
from tests.support.inbox_at_work import arrivals, at_work, until

pytestmark = pytest.mark.asyncio

OLD, NEW = tiny_fits(1), tiny_fits(2)


@pytest.fixture
def archive(watched_archive: Factory) -> Factory:
    return watched_archive


async def settled(archive: Factory) -> list[tuple[str, str | None]]:
    """Wait until all files came to an end; give states and reasons, the first first."""

    async def is_so() -> bool:
        found = await arrivals(archive)
        return bool(found) and not any(each.state.is_open for each in found)

    await until(is_so)
    await asyncio.sleep(1)  # for what comes anew
    await until(is_so)
    return [(str(each.state), each.reason) for each in reversed(await arrivals(archive))]


async def stored(archive: Factory) -> list[bytes]:
    frames = (await archive.frames.search(FrameQuery(), SYSTEM)).items
    files = [version.stored for frame in frames for version in frame.versions]
    return [archive.store.path(file.key).read_bytes() for file in files if file is not None]


def replaced(path: Path) -> None:
    path.with_name(".new").write_bytes(NEW)
    path.with_name(".new").replace(path)


def rewritten(path: Path) -> None:
    """Write other bytes of the same length, and set the time back: only the ctime tells."""
    status = path.stat()
    path.write_bytes(NEW)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def lengthened(path: Path) -> None:
    with path.open("ab") as file:
        file.write(NEW)


def truncated(path: Path) -> None:
    os.truncate(path, 100)


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def after_reading(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], *, before: bool
) -> None:
    """Let a file change once, just before or just after its bytes are read."""
    left = [change]

    def copy(source: Path, target: Path) -> Digests:
        if before and left:
            left.pop()(source)
        digests = copy_with_digests(source, target)
        if left:
            left.pop()(source)
        return digests

    monkeypatch.setattr(spool, "copy_with_digests", copy)


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (replaced, NEW),
        (rewritten, NEW),
        (lengthened, OLD + NEW),
        (truncated, None),
        (Path.unlink, None),
        (linked, None),
        (piped, None),
        (a_folder, None),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("before", [True, False], ids=["before", "while"])
async def test_a_file_that_changes_when_it_is_read(
    archive: Factory,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    kept: bytes | None,
    *,
    before: bool,
) -> None:
    after_reading(monkeypatch, change, before=before)
    async with at_work(archive):
        (archive.settings.inbox / "a.fits").write_bytes(OLD)
        (first, *more) = await settled(archive)
    assert first[0] == "discarded"
    assert first[1]
    assert await stored(archive) == ([] if kept is None else [kept])
    states = [state for state, _ in more]
    assert states == (["filed"] if kept else ["quarantined"] if change is truncated else [])
    assert list(archive.settings.spool_dir.iterdir()) == []
    async with transaction(archive.sessions) as session:
        waiting = select(JobRow.id).where(JobRow.kind == INGEST_JOB)
        assert (await session.execute(waiting)).all() == []


async def test_a_file_that_cannot_be_read_waits_with_a_reason(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse(path: object, flags: int, *args: int, **kwargs: int) -> int:
        if str(path).endswith("locked.fits") and not flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, flags, *args, **kwargs)  # type: ignore[arg-type]  # passed through

    async def tells_why() -> bool:
        found = await arrivals(archive)
        return any("'locked.fits': Permission denied" in (each.reason or "") for each in found)

    async with at_work(archive):
        with monkeypatch.context() as locked:
            locked.setattr(os, "open", refuse)
            (archive.settings.inbox / "locked.fits").write_bytes(OLD)
            (archive.settings.inbox / "free.fits").write_bytes(NEW)
            await until(tells_why)
        assert await settled(archive) == [("filed", None)] * 2
    assert sorted(await stored(archive)) == [OLD, NEW]
