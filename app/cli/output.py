"""What commands print: lines, and tables that can be piped."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from app.core.errors import InvalidError

_UNBOUNDED = 10_000


def printable(text: str) -> str:
    """Write text so that a terminal takes nothing in it for a command.

    Parameters
    ----------
    text
        From anywhere.

    Returns
    -------
    str
        On one line; what cannot be printed is escaped.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def shown(path: Path) -> str:
    """Write a path whose names may be any bytes.

    Parameters
    ----------
    path
        The path.

    Returns
    -------
    str
        Printable.
    """
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))


def say(line: str) -> None:
    """Print a line to standard output.

    Parameters
    ----------
    line
        Whatever is in it.
    """
    typer.echo(printable(line))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; as wide as it must be where standard output is no terminal.

    Parameters
    ----------
    columns
        Their names.
    rows
        Cells, a value for each column; None is left empty.
    """
    from rich.console import Console  # noqa: PLC0415  # slow to load: only for tables
    from rich.table import Table  # noqa: PLC0415  # likewise
    from rich.text import Text  # noqa: PLC0415  # likewise

    console = Console()
    if not console.is_terminal:
        console = Console(width=_UNBOUNDED)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    cells = list(rows)
    for number, column in enumerate(columns):
        counts = cells and all(type(row[number]) is int for row in cells)
        table.add_column(column, justify="right" if counts else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(_cell(value)) for value in row))
    console.print(table)


def check_report(file: Path) -> None:
    """Refuse a report that could not be written, before hours of work.

    Parameters
    ----------
    file
        Where the report is to go.

    Raises
    ------
    InvalidError
        If nothing can be written there.
    """
    folder = file.absolute().parent
    if not folder.is_dir():
        why = f"there is no folder {shown(folder)}"
    elif file.is_dir():
        why = "that is a folder"
    elif os.access(file if file.exists() else folder, os.W_OK):
        return
    else:
        why = "that is not permitted"
    raise InvalidError(f"no report can be written to {shown(file)}: {why}", field="--report")


def write_report(file: Path, document: Mapping[str, Any]) -> None:
    """Write what a command found as JSON, for other programs.

    Parameters
    ----------
    file
        Where to.
    document
        What JSON can carry.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))
