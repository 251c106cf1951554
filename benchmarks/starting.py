"""How long `skyshelf up` takes to be ready, and to stop."""

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Unit
from benchmarks.floors import API_LIBRARIES, load, run_postgres
from benchmarks.scale import Scale
from benchmarks.service import starting
from benchmarks.stage import Stage

_SECOND_START_GOAL_S, _STOP_GOAL_S = 3.0, 10.0


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    """Start and stop archives of their own.

    Parameters
    ----------
    scale
        How often.
    folder
        For their data.

    Yields
    ------
    Figure
        First start, second start, stop.
    """
    firsts = [_start_and_stop(folder / f"start-{n}") for n in range(scale.first_starts)]
    seconds = [_start_and_stop(folder / "start-0") for _ in range(scale.second_starts)]
    postgres = run_postgres(folder / "postgres-alone")
    libraries_s = load(API_LIBRARIES).took_s
    yield Figure(
        "first start to ready",
        tuple(start_s for start_s, _ in firsts),
        Unit.SECONDS,
        postgres.first_start_s + libraries_s,
        "PostgreSQL alone with a new cluster, then loading the API's libraries",
    )
    yield Figure(
        "second start to ready",
        tuple(start_s for start_s, _ in seconds),
        Unit.SECONDS,
        postgres.second_start_s + libraries_s,
        "PostgreSQL alone, then loading the API's libraries",
        goal=_SECOND_START_GOAL_S,
    )
    yield Figure(
        "stop on SIGTERM",
        tuple(stop_s for _, stop_s in firsts + seconds),
        Unit.SECONDS,
        postgres.stop_s,
        "PostgreSQL alone",
        goal=_STOP_GOAL_S,
    )


def measure_stop(stage: Stage) -> Figure:
    """Stop an archive that all its processes have worked for.

    Parameters
    ----------
    stage
        With an archive that is not needed any more.

    Returns
    -------
    Figure
        How long it took.
    """
    begun = time.perf_counter()
    stage.service.stop()
    took_s = time.perf_counter() - begun
    floor_s = run_postgres(stage.folder / "postgres-at-the-end").stop_s
    name = "stop on SIGTERM, after all this"
    return Figure(name, (took_s,), Unit.SECONDS, floor_s, "PostgreSQL alone", goal=_STOP_GOAL_S)


def _start_and_stop(data_dir: Path) -> tuple[float, float]:
    """Return how long the start and the stop took [s]."""
    with starting(data_dir) as service:
        start_s = service.wait_until_ready()
        begun = time.perf_counter()
        service.stop()
        return start_s, time.perf_counter() - begun
