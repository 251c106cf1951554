"""Lists of frames."""

import statistics
from collections.abc import Iterator

from benchmarks.driver import Round, take_turns
from benchmarks.figures import Figure, Unit
from benchmarks.scale import LIST_LENGTH, SMALL_SHAPE
from benchmarks.stage import Stage

EMPTY_ANSWER = "/health/live/"
_CLIENTS = (1, 8)


def measure(stage: Stage) -> Iterator[Figure]:
    """Ask for lists of 100 frames.

    Parameters
    ----------
    stage
        With an archive.

    Yields
    ------
    Figure
        Rate and latency, for one client and for several.
    """
    missing = LIST_LENGTH - stage.service.count()
    if missing > 0:
        stage.service.file(stage.make("small", missing, SMALL_SHAPE))
    listed = stage.service.target(f"/frames/?limit={LIST_LENGTH}")
    empty = stage.service.target(EMPTY_ANSWER)
    for clients in _CLIENTS:
        lists, floor = take_turns(
            listed,
            empty,
            rounds=stage.scale.rounds,
            clients=clients,
            each=stage.scale.requests // clients,
        )
        yield from _figures(clients, lists, floor)


def _figures(clients: int, lists: list[Round], empty: list[Round]) -> Iterator[Figure]:
    name = f"list of {LIST_LENGTH}, {clients} client{'s'[: clients > 1]}"
    floor_name = f"GET {EMPTY_ANSWER}"
    rates = tuple(one.requests_per_s for one in lists)
    floor_rate = statistics.median(one.requests_per_s for one in empty)
    yield Figure(f"{name}: rate", rates, Unit.REQUESTS_PER_S, floor_rate, floor_name)
    floor_ms = statistics.median(_latencies_ms(empty))
    latencies_ms = tuple(_latencies_ms(lists))
    yield Figure(f"{name}: answer", latencies_ms, Unit.MILLISECONDS, floor_ms, floor_name)


def _latencies_ms(rounds: list[Round]) -> list[float]:
    return [1000 * answer.total_s for one in rounds for answer in one.answers]
