"""Downloads and zips."""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.bare_server import serving
from benchmarks.driver import Round, Target, take_turns
from benchmarks.figures import Figure, Unit
from benchmarks.ingesting import BATCH
from benchmarks.scale import DOWNLOAD_SHAPE
from benchmarks.stage import Stage

_KIND = "download"
_CLIENTS = (1, 4)
_FLOOR = "bare socket server, blocks of 1 MiB"


def measure(stage: Stage) -> Iterator[Figure]:
    """Fetch one file, and many in a zip.

    Parameters
    ----------
    stage
        With an archive that holds the batch of the ingest.

    Yields
    ------
    Figure
        Rates, and the time to the first byte of a zip.
    """
    stage.service.file(stage.make(_KIND, 1, DOWNLOAD_SHAPE))
    for clients in _CLIENTS:
        yield _download(stage, clients)
    yield from _zip(stage)


def _download(stage: Stage, clients: int) -> Figure:
    """Measure the rate of all clients together."""
    (number,) = stage.service.frame_ids(_KIND)
    target = stage.service.target(f"/frames/{number}/download/")
    rounds, floor = _fetch(
        stage, target, stage.service.stored(_KIND), clients, stage.scale.downloads
    )
    name = f"download of 16 MB, {clients} client{'s'[: clients > 1]}"
    return Figure(name, _rates(rounds), Unit.MB_PER_S, statistics.median(_rates(floor)), _FLOOR)


def _zip(stage: Stage) -> Iterator[Figure]:
    """Measure rate and first byte for one client."""
    frames = stage.scale.zipped
    target = stage.service.target(f"/frames/zip/?OBJECT={BATCH}&limit={frames}")
    rounds, floor = _fetch(stage, target, stage.service.stored(BATCH)[:frames], 1, 1)
    name = f"zip of {frames} files of 8 MB"
    yield Figure(name, _rates(rounds), Unit.MB_PER_S, statistics.median(_rates(floor)), _FLOOR)
    floor_ms = statistics.median(_first_bytes_ms(floor))
    values = _first_bytes_ms(rounds)
    yield Figure(f"{name}: first byte", values, Unit.MILLISECONDS, floor_ms, _FLOOR)


def _fetch(
    stage: Stage, target: Target, files: Sequence[Path], clients: int, each: int
) -> tuple[list[Round], list[Round]]:
    """Ask the archive and a bare server with the same files."""
    with serving(files) as bare:
        return take_turns(target, bare, rounds=stage.scale.rounds, clients=clients, each=each)


def _rates(rounds: list[Round]) -> tuple[float, ...]:
    return tuple(one.mb_per_s for one in rounds)


def _first_bytes_ms(rounds: list[Round]) -> tuple[float, ...]:
    return tuple(1000 * answer.first_byte_s for one in rounds for answer in one.answers)
