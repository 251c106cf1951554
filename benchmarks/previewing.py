"""Pictures, rendered and out of the cache."""

import statistics
from collections.abc import Iterator

from benchmarks.driver import Client, Round, take_turns
from benchmarks.figures import Figure, Unit
from benchmarks.floors import CHILD_LIBRARIES, draw, load
from benchmarks.listing import EMPTY_ANSWER
from benchmarks.scale import PREVIEW_SHAPE, PREVIEW_WIDTH_PX
from benchmarks.stage import Stage

_KIND, _WARM_UP = "preview", "warm"
_NAME = f"preview of 4k x 4k, {PREVIEW_WIDTH_PX} px"


def measure(stage: Stage) -> Iterator[Figure]:
    """Ask for pictures.

    Parameters
    ----------
    stage
        With an archive that has rendered nothing yet, and holds the small frames of the ingest.

    Yields
    ------
    Figure
        The first one after a start, a rendered one, a cached one.
    """
    stage.service.file(stage.make(_KIND, stage.scale.previewed, PREVIEW_SHAPE))
    warm_up = [_path(number) for number in stage.service.frame_ids(_WARM_UP)]
    wanted = [_path(number) for number in stage.service.frame_ids(_KIND)]
    client = Client(stage.service.target(wanted[0]))  # one connection: one API process, warmed up
    first_ms, *_ = [_ask(client, path) for path in warm_up]
    cold_ms = tuple(_ask(client, path) for path in wanted)
    client.close()
    yield Figure(
        "preview: the first small one after a start",
        (first_ms,),
        Unit.MILLISECONDS,
        1000 * load(CHILD_LIBRARIES).took_s,
        "loading its libraries",
    )
    paths = stage.service.stored(_KIND)
    floor_s = statistics.median(draw(path, PREVIEW_SHAPE, PREVIEW_WIDTH_PX) for path in paths)
    floor_name = "numpy reads, every 6th pixel, Pillow writes a PNG"
    yield Figure(f"{_NAME}, cold", cold_ms, Unit.MILLISECONDS, 1000 * floor_s, floor_name)
    yield _cached(stage, wanted[0])


def _cached(stage: Stage, path: str) -> Figure:
    """Measure what a picture costs that is there already."""
    scale, service = stage.scale, stage.service
    rounds, floor = take_turns(
        service.target(path),
        service.target(EMPTY_ANSWER),
        rounds=scale.rounds,
        clients=1,
        each=scale.requests,
    )
    floor_ms, name = statistics.median(_latencies_ms(floor)), f"{_NAME}, cached"
    return Figure(name, _latencies_ms(rounds), Unit.MILLISECONDS, floor_ms, f"GET {EMPTY_ANSWER}")


def _path(number: int) -> str:
    return f"/frames/{number}/preview/?width={PREVIEW_WIDTH_PX}"


def _ask(client: Client, path: str) -> float:
    """Return how long an answer took [ms]."""
    return 1000 * client.get(path).total_s


def _latencies_ms(rounds: list[Round]) -> tuple[float, ...]:
    return tuple(1000 * answer.total_s for one in rounds for answer in one.answers)
