"""Measure everything, show it, and write it down."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.logs import configure_logs
from benchmarks import fetching, ingesting, listing, memory, previewing, starting
from benchmarks.figures import Figure
from benchmarks.machine import commit, machine, versions
from benchmarks.report import Report, save, table_of
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.service import ROOT, running
from benchmarks.stage import Stage

_RESULTS = Path(__file__).parent / "results"
_WIDTH = 150  # of a table that no terminal limits
_MEASUREMENTS = (
    ingesting.measure,
    listing.measure,
    fetching.measure,
    previewing.measure,
    memory.measure,
)  # the order matters: each says what it wants of the archive


def main(
    *, quick: Annotated[bool, typer.Option(help="Everything once; figures say little.")] = False
) -> None:
    """Measure speed and memory of `skyshelf up` in a temporary folder."""
    # Ended by SIGTERM, we still have the service to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    configure_logs(level="warning", style="console")
    scale, begun = QUICK if quick else FULL, datetime.now(UTC)
    facts, at = machine(), commit(ROOT)  # before: a neighbour may load the one, change the other
    with tempfile.TemporaryDirectory(prefix="skyshelf-bench-") as folder:
        figures, frames = _measure(scale, Path(folder))
    report = Report(begun, scale.name, facts, versions(), at, frames, figures)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(table_of(figures))
    console.print(f"Written to {save(report, _RESULTS)}.", soft_wrap=True)


def _measure(scale: Scale, folder: Path) -> tuple[list[Figure], int]:
    """Return the figures, and how many frames the archive held in the end."""
    figures = list(_told(starting.measure(scale, folder)))
    with running(folder / "data") as service:
        stage = Stage(scale, folder, service)
        for measure in _MEASUREMENTS:
            figures.extend(_told(measure(stage)))
        frames = service.count()
        figures.append(starting.measure_stop(stage))
    return figures, frames


def _told(figures: Iterator[Figure]) -> Iterator[Figure]:
    """Tell the person who waits what has been measured."""
    for figure in figures:
        sys.stderr.write(f"measured: {figure.name}\n")
        yield figure


if __name__ == "__main__":
    typer.run(main)
