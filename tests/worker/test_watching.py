"""How the worker announces files: nothing that happens to one of them stops the others."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core.errors import ConflictError, UnavailableError
from app.ingest.models import NewArrival
from worker import main
from worker.inbox import Arrived

pytestmark = pytest.mark.asyncio


class FakeInbox:
    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self.forgotten: list[str] = []

    async def arrivals(self) -> AsyncGenerator[Arrived]:
        for path in self._paths:
            stat = path.stat()
            yield Arrived(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)

    def forget(self, path: Path) -> None:
        self.forgotten.append(path.name)


class FakeIngest:
    def __init__(self, error: Exception) -> None:
        self._error = error
        self.announced: list[str] = []

    async def announce(self, new: NewArrival) -> bool:
        if new.filename == "bad.fits":
            raise self._error
        self.announced.append(new.filename)
        return True


@pytest.mark.parametrize(
    "error",
    [
        ConflictError("it is being filed just now"),
        UnavailableError("the database cannot be reached"),
        PermissionError(13, "Permission denied"),
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_file_that_cannot_be_announced_is_tried_again_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(main, "_PAUSE_S", 0)
    paths = [tmp_path / name for name in ("a.fits", "bad.fits", "z.fits")]
    for path in paths:
        path.write_bytes(b"x")
    inbox, ingest = FakeInbox(*paths), FakeIngest(error)
    with capture_logs() as logs:
        await asyncio.wait_for(main._watch(inbox, ingest), 10)  # type: ignore[arg-type]  # fakes
    assert ingest.announced == ["a.fits", "z.fits"]
    assert inbox.forgotten == ["bad.fits"]
    assert any("bad.fits" in str(entry) or "cannot be reached" in str(entry) for entry in logs)
