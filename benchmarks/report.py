"""Show the figures as a table, and write them down as JSON; pure, apart from the file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.table import Table

from benchmarks.figures import Figure

_HEADINGS = ("runs", "median", "p99", "unit", "floor", "ratio", "goal", "holds")


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run.

    Attributes
    ----------
    measured_at
        When it began (UTC).
    scale
        How much was done: figures of different scales do not compare.
    machine, versions
        What it ran on.
    commit
        Of the program, ending in ``-dirty`` if files were changed; None outside of a clone.
    frames
        How many frames the archive held at the end.
    figures
        What was measured.
    """

    measured_at: datetime
    scale: str
    machine: Mapping[str, str | int]
    versions: Mapping[str, str]
    commit: str | None
    frames: int
    figures: Sequence[Figure]


def table_of(figures: Sequence[Figure]) -> Table:
    """Show figures to a person.

    Parameters
    ----------
    figures
        What was measured.

    Returns
    -------
    Table
        A row each.
    """
    table = Table("figure", caption="p99: the worst run where there are fewer than 100")
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "unit" else "right", no_wrap=True)
    table.add_column("the floor is")
    for figure in figures:
        table.add_row(*_row(figure))
    return table


def _row(figure: Figure) -> tuple[str, ...]:
    """Return the cells of a figure."""
    return (
        figure.name,
        str(len(figure.values)),
        shown(figure.median),
        shown(figure.p99),
        figure.unit,
        shown(figure.floor),
        shown(figure.ratio),
        "" if figure.goal is None else shown(figure.goal),
        {True: "yes", False: "NO", None: ""}[figure.holds],
        figure.floor_name,
    )


def shown(value: float) -> str:
    """Write a number with three digits, or as a whole one from 100 on.

    Parameters
    ----------
    value
        In any unit.

    Returns
    -------
    str
        Like ``0.0123``, ``1.23`` or ``1,234``.
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def json_of(report: Report) -> str:
    """Write a run down for machines.

    Parameters
    ----------
    report
        The run.

    Returns
    -------
    str
        A JSON object.
    """
    return json.dumps(
        {
            "measured_at": report.measured_at.isoformat(timespec="seconds"),
            "scale": report.scale,
            "machine": dict(report.machine),
            "versions": dict(report.versions),
            "commit": report.commit,
            "frames": report.frames,
            "figures": [_facts(figure) for figure in report.figures],
        },
        indent=2,
        allow_nan=False,
    )


def _facts(figure: Figure) -> dict[str, str | float | bool | None]:
    """Return what JSON says of a figure."""
    return {
        "name": figure.name,
        "runs": len(figure.values),
        "median": figure.median,
        "p99": figure.p99,
        "unit": figure.unit.value,
        "floor": figure.floor,
        "floor_name": figure.floor_name,
        "ratio": figure.ratio,
        "goal": figure.goal,
        "holds": figure.holds,
    }


def save(report: Report, folder: Path) -> Path:
    """Write the JSON of a run into a folder.

    Parameters
    ----------
    report
        The run.
    folder
        Made if it is missing.

    Returns
    -------
    Path
        The file, named after the time of the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.measured_at:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json_of(report) + "\n", encoding="utf-8")
    return path
