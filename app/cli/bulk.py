"""Bulk import: many files through the one door, resumable and with bounded concurrency."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from app.core.errors import ArchiveError, FullError, NotFoundError, UnavailableError
from app.ingest.models import ArrivalState, NewArrival, Outcome, Source
from app.ingest.service import IngestService
from app.ingest.spool import display_name, identity_of
from app.storage.errors import StorageUnavailableError
from app.storage.volumes import Volumes

_TRIED_S = 1.0


class Fate(StrEnum):
    """What became of a file of a bulk import."""

    FILED = "filed"
    DUPLICATE = "duplicate"
    SETTLED_BEFORE = "settled before"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    """Nothing is known of it to the archive but that it came; the next run takes it again."""

    @property
    def is_failure(self) -> bool:
        """Whether a person should look at it."""
        return self in {Fate.QUARANTINED, Fate.FAILED}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file.

    Attributes
    ----------
    path
        The file, absolute.
    fate
        What became of it.
    title
        Kind of failure, in two or three words; empty for none.
    reason
        Why, for a person; empty where there is nothing to say.
    """

    path: Path
    fate: Fate
    title: str = ""
    reason: str = ""


@dataclass
class Tally:
    """What became of all files so far.

    Attributes
    ----------
    counts
        Number of files by fate.
    failures
        Every file that a person should look at.
    """

    counts: Counter[Fate] = field(default_factory=Counter)
    failures: list[Result] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Number of files that came to an end."""
        return self.counts.total()

    @property
    def failed(self) -> int:
        """Number of files that a person should look at."""
        return len(self.failures)

    def add(self, result: Result) -> None:
        """Count a file.

        Parameters
        ----------
        result
            What became of it.
        """
        self.counts[result.fate] += 1
        if result.fate.is_failure:
            self.failures.append(result)

    def by_title(self) -> Iterator[tuple[str, int, Result]]:
        """Sum failures up, the most frequent kind first.

        Yields
        ------
        tuple
            Kind of failure, number of files, one of them.
        """
        counts = Counter(failure.title for failure in self.failures)
        for title, count in counts.most_common():
            yield title, count, next(one for one in self.failures if one.title == title)


async def import_files(
    ingest: IngestService,
    files: Iterable[Path],
    *,
    concurrency: int,
    stop: asyncio.Event,
    tell: Callable[[Result], None],
    volumes: Volumes | None = None,
) -> None:
    """File many files; they stay where they are.

    Parameters
    ----------
    ingest
        The one door.
    files
        Absolute paths; the iterator is read as files are taken.
    concurrency
        How many files are under way at once.
    stop
        Once set, no further file is taken.
    tell
        Hears of every file that came to an end.
    volumes
        Tell a disk in trouble from a file that alone is refused; None where nobody can tell.

    Raises
    ------
    UnavailableError
        If something that every file needs is away or full; files under way were finished.
    """
    waiting = iter(files)
    troubles: list[UnavailableError] = []

    async def work() -> None:
        for path in waiting:
            if stop.is_set():
                return
            try:
                tell(await _import_file(ingest, path, volumes))
            except UnavailableError as error:
                troubles.append(error)
                stop.set()

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    if troubles:
        raise UnavailableError(
            f"{troubles[0].message}; call the same command again to go on"
        ) from troubles[0]


async def _import_file(ingest: IngestService, path: Path, volumes: Volumes | None) -> Result:
    """File one file, unless exactly this file came in before.

    Raises
    ------
    UnavailableError
        If something that every file needs is away or full.
    """
    try:
        new = await asyncio.to_thread(_new_arrival, path)
        if await ingest.was_settled(new):
            return Result(path, Fate.SETTLED_BEFORE)
        if volumes is not None:
            await volumes.require_room(new.size_bytes)
        _, outcome = await ingest.take_in(new)
    except OSError as error:
        return Result(path, Fate.FAILED, "File unreadable", error.strerror or str(error))
    except UnavailableError as error:
        if not isinstance(error, StorageUnavailableError) or await _is_general(error, volumes):
            raise
        return _failed(path, error)
    except ArchiveError as error:
        return _failed(path, error)
    return _result_of(path, outcome)


async def _is_general(error: StorageUnavailableError, volumes: Volumes | None) -> bool:
    """Tell whether the next file would be refused, too."""
    if isinstance(error, FullError):
        return True
    return volumes is not None and await volumes.in_the_way(max_age_s=_TRIED_S) is not None


def _failed(path: Path, error: ArchiveError) -> Result:
    return Result(path, Fate.FAILED, error.title, error.message)


def _result_of(path: Path, outcome: Outcome | ArchiveError | None) -> Result:
    if outcome is None:
        return Result(path, Fate.SETTLED_BEFORE)
    if isinstance(outcome, NotFoundError):  # it vanished or changed: the next run takes it
        return _failed(path, outcome)
    if isinstance(outcome, ArchiveError):
        return Result(path, Fate.QUARANTINED, outcome.title, outcome.message)
    return Result(path, Fate.FILED if outcome.state is ArrivalState.FILED else Fate.DUPLICATE)


def _new_arrival(path: Path) -> NewArrival:
    return NewArrival(
        source=Source.BULK,
        filename=display_name(path),
        size_bytes=path.stat().st_size,
        source_path=path,
        source_identity=identity_of(path),
    )
