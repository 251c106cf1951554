"""From the inbox to the list."""

import multiprocessing
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Unit
from benchmarks.floors import CHILD_LIBRARIES, copy_and_sync, copy_and_sync_all, load
from benchmarks.scale import FRAME_SHAPE, SMALL_SHAPE
from benchmarks.stage import Stage

BATCH = "batch"
_PROCESSES = 2
_WARM_UP = 6
_REST_S, _POLL_S = 0.5, 0.01


def measure(stage: Stage) -> Iterator[Figure]:
    """Drop frames into the inbox: the first one, many together, and one after the other.

    Parameters
    ----------
    stage
        With an archive that has just been started.

    Yields
    ------
    Figure
        See the README.
    """
    yield _first(stage)
    stage.service.file(stage.make("warm", _WARM_UP, SMALL_SHAPE))
    yield _batch(stage)
    yield _latency(stage)


def _first(stage: Stage) -> Figure:
    """Measure what starting the worker's children costs the first frame."""
    took_s = stage.service.file(stage.make("first", 1, SMALL_SHAPE), poll_s=_POLL_S)
    floor_ms = 1000 * load(CHILD_LIBRARIES).took_s
    name = "ingest: the first small frame after a start"
    return Figure(name, (1000 * took_s,), Unit.MILLISECONDS, floor_ms, "loading its libraries")


def _batch(stage: Stage) -> Figure:
    """Measure the rate at which many frames come in."""
    frames = stage.make(BATCH, stage.scale.ingested, FRAME_SHAPE)
    floor_s = _copy_in_parallel(frames, stage.folder)
    took_s = stage.service.file(frames)
    return Figure(
        f"ingest: {len(frames)} frames of 2k x 2k",
        (len(frames) / took_s,),
        Unit.FILES_PER_S,
        len(frames) / floor_s,
        f"copy, sha256 and fsync in {_PROCESSES} processes",
    )


def _latency(stage: Stage) -> Figure:
    """Measure how long one frame takes while nothing else is done."""
    frames = stage.make("alone", stage.scale.dropped_alone, FRAME_SHAPE)
    copies = _fresh(stage.folder / "copies")
    floor_s = statistics.median(copy_and_sync(frame, copies) for frame in frames)
    values = []
    for frame in frames:
        time.sleep(_REST_S)
        values.append(1000 * stage.service.file([frame], poll_s=_POLL_S))
    name = "ingest: one frame of 2k x 2k, from rename to list"
    floor_ms = 1000 * floor_s
    return Figure(name, tuple(values), Unit.MILLISECONDS, floor_ms, "copy, sha256 and fsync")


def _copy_in_parallel(frames: list[Path], folder: Path) -> float:
    """Return how long copying takes with processes that have been started before [s]."""
    copies = _fresh(folder / "copies")
    with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
        copy_and_sync_all(frames[:_PROCESSES], copies, pool)
        return copy_and_sync_all(frames, _fresh(copies), pool)


def _fresh(folder: Path) -> Path:
    """Return an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
