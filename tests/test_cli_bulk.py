"""The loop of a bulk import, with an archive that only pretends."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from app.cli.bulk import Fate, Result, Tally, import_files
from app.cli.signals import stop_on_signals
from app.core.errors import ArchiveError, InvalidError, UnavailableError
from app.ingest.models import ArrivalState, NewArrival, Outcome, Source
from app.ingest.service import IngestService
from app.storage.errors import MissingFileError, StorageUnavailableError


class FakeIngest:
    """Files everything, unless its name says otherwise."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.on_file: Callable[[], None] = lambda: None

    async def was_settled(self, new: NewArrival) -> bool:
        assert new.source is Source.BULK
        assert new.source_identity
        return new.filename.startswith("old")

    async def take_in(self, new: NewArrival) -> tuple[None, Outcome | ArchiveError | None]:
        self.taken.append(new.filename)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        self.on_file()
        return None, self._outcome(new.filename.partition("-")[0])

    def _outcome(self, word: str) -> Outcome | ArchiveError | None:
        match word:
            case "away":
                raise UnavailableError("the database cannot be reached")
            case "sector":
                raise StorageUnavailableError("the storage refused to work on it")
            case "vanished":
                raise MissingFileError("there is no file")
            case "bad":
                return InvalidError("this is not a FITS file")
            case "taken":
                return None
            case "twin":
                return Outcome(ArrivalState.DUPLICATE, 1)
            case _:
                return Outcome(ArrivalState.FILED, 1)


def some_files(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).touch()
    return [folder / name for name in names]


async def run(
    ingest: FakeIngest, files: list[Path], *, stop: asyncio.Event | None = None
) -> list[Result]:
    results: list[Result] = []
    await import_files(
        cast("IngestService", ingest),
        files,
        concurrency=2,
        stop=stop or asyncio.Event(),
        tell=results.append,
    )
    return results


@pytest.mark.asyncio
async def test_every_fate(tmp_path: Path) -> None:
    names = ("new-1", "old-1", "bad-1", "twin-1", "taken-1", "sector-1", "vanished-1")
    files = [*some_files(tmp_path, *names), tmp_path / "gone"]
    results = await run(FakeIngest(), files)
    assert {result.path.name: result.fate for result in results} == {
        "new-1": Fate.FILED,
        "old-1": Fate.SETTLED_BEFORE,
        "bad-1": Fate.QUARANTINED,
        "twin-1": Fate.DUPLICATE,
        "taken-1": Fate.SETTLED_BEFORE,
        "sector-1": Fate.FAILED,
        "vanished-1": Fate.FAILED,
        "gone": Fate.FAILED,
    }
    assert all(result.reason for result in results if result.fate.is_failure)


@pytest.mark.asyncio
async def test_concurrency_is_bounded_and_used(tmp_path: Path) -> None:
    ingest = FakeIngest()
    results = await run(ingest, some_files(tmp_path, *(f"new-{n}" for n in range(9))))
    assert len(results) == 9
    assert ingest.most_at_once == 2


@pytest.mark.asyncio
async def test_stop_lets_files_under_way_finish(tmp_path: Path) -> None:
    ingest, stop = FakeIngest(), asyncio.Event()
    ingest.on_file = stop.set
    results = await run(ingest, some_files(tmp_path, *(f"new-{n}" for n in range(9))), stop=stop)
    assert 1 <= len(results) <= 3
    assert len(results) == len(ingest.taken)


@pytest.mark.asyncio
async def test_database_that_is_away_ends_the_run(tmp_path: Path) -> None:
    ingest = FakeIngest()
    files = some_files(tmp_path, "new-0", "away-1", *(f"new-{n}" for n in range(2, 30)))
    with pytest.raises(UnavailableError, match="cannot be reached; call the same command again"):
        await run(ingest, files)
    assert len(ingest.taken) < 6
    assert ingest.at_once == 0


def test_tally_sums_failures_up() -> None:
    tally = Tally()
    for number, title in enumerate(["A", "B", "B", "A", "B"]):
        tally.add(Result(Path(str(number)), Fate.QUARANTINED, title, "why"))
    tally.add(Result(Path("5"), Fate.FILED))
    assert (tally.done, tally.failed) == (6, 5)
    summed = [(title, count, one.path.name) for title, count, one in tally.by_title()]
    assert summed == [("B", 3, "1"), ("A", 2, "0")]


@pytest.mark.asyncio
async def test_first_ctrl_c_stops_and_the_second_gives_up() -> None:
    async def wait() -> None:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.wait_for(stop.wait(), 5)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(5)

    task = asyncio.create_task(wait())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
