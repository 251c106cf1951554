"""How the worker announces files: nothing that happens to one of them stops the others."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core.errors import ConflictError, UnavailableError
from app.ingest.models import NewArrival
from worker import watching
from worker.inbox import Arrived
from worker.watching import Watching

pytestmark = pytest.mark.asyncio


class FakeInbox:
    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self.forgotten: list[str] = []

    async def arrivals(self) -> AsyncGenerator[list[Arrived]]:
        looks = [(path, path.stat()) for path in self._paths]
        yield [Arrived(path, s.st_size, s.st_mtime_ns, s.st_ino) for path, s in looks]

    def forget(self, path: Path) -> None:
        self.forgotten.append(path.name)


class FakeIngest:
    def __init__(self, error: Exception) -> None:
        self._error = error
        self.announced: list[str] = []

    async def announce_all(self, new: Sequence[NewArrival]) -> Sequence[NewArrival]:
        if any(each.filename == "bad.fits" for each in new):
            raise self._error
        self.announced += [each.filename for each in new]
        return [each for each in new if each.filename == "busy.fits"]


@pytest.mark.parametrize(
    "error",
    [
        ConflictError("it is being filed just now"),
        PermissionError(13, "Permission denied"),
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_file_that_cannot_be_announced_is_tried_again_and_stops_no_other(
    tmp_path: Path, error: Exception
) -> None:
    paths = [tmp_path / name for name in ("a.fits", "bad.fits", "z.fits")]
    for path in paths:
        path.write_bytes(b"x")
    inbox, ingest = FakeInbox(*paths), FakeIngest(error)
    with capture_logs() as logs:
        await asyncio.wait_for(Watching(inbox, ingest).run(), 10)  # type: ignore[arg-type]  # fakes
    assert ingest.announced == ["a.fits", "z.fits"]
    assert inbox.forgotten == ["bad.fits"]
    assert any("bad.fits" in str(entry) for entry in logs)


async def test_while_the_database_is_away_all_of_them_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_PAUSE_S", 0)
    paths = [tmp_path / name for name in ("a.fits", "bad.fits")]
    for path in paths:
        path.write_bytes(b"x")
    inbox = FakeInbox(*paths)
    ingest = FakeIngest(UnavailableError("the database cannot be reached"))
    with capture_logs() as logs:
        await asyncio.wait_for(Watching(inbox, ingest).run(), 10)  # type: ignore[arg-type]  # fakes
    assert ingest.announced == []
    assert inbox.forgotten == ["a.fits", "bad.fits"]
    assert [entry["event"] for entry in logs] == ["inbox waits"]


async def test_what_changed_or_is_busy_is_looked_at_again(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.fits", "busy.fits", "changed.fits", "gone.fits")]
    for path in paths:
        path.write_bytes(b"x")
    inbox, ingest = FakeInbox(*paths), FakeIngest(ValueError())
    given = inbox.arrivals()
    arrived = await anext(given)
    paths[2].write_bytes(b"longer")
    paths[3].unlink()
    later = await Watching(inbox, ingest)._announce(arrived)  # type: ignore[arg-type]  # fakes
    assert ingest.announced == ["a.fits", "busy.fits"]
    assert later == paths[1:]
