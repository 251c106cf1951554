"""What writes a table piece by piece, and the one that writes comma-separated values."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final, Protocol

from app.api.tables.cells import Cell
from app.api.tables.columns import Column
from app.api.tables.vocabulary import Kind


class Writer(Protocol):
    """Writes one table. What it returns, put together, is the file."""

    def begin(self) -> bytes:
        """Give what comes before the first row."""

    def write(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Give the next rows; a writer may hold some back."""

    def end(self) -> bytes:
        """Give what is held back, and what comes behind the last row."""


def iso_moment(moment: datetime) -> str:
    """Write a moment.

    Parameters
    ----------
    moment
        Aware, UTC.

    Returns
    -------
    str
        ISO 8601 with ``Z``, with microseconds where there are any.
    """
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


class CsvWriter:
    """Comma-separated values after RFC 4180, in UTF-8, with a line of names; null is empty.

    Parameters
    ----------
    columns
        Of the table.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._texts = [_TEXTS.get(column.kind) for column in columns]

    def begin(self) -> bytes:
        """Write the names."""
        return _lines([[column.name for column in self._columns]])

    def write(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Write rows."""
        return _lines(
            [
                [
                    cell if cell is None or text is None else text(cell)
                    for text, cell in zip(self._texts, row, strict=True)
                ]
                for row in rows
            ]
        )

    def end(self) -> bytes:
        """Write nothing: the last line is whole."""
        return b""


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()


def _moment_text(cell: Cell) -> str:
    return iso_moment(cell) if isinstance(cell, datetime) else ""


def _day_text(cell: Cell) -> str:
    return cell.isoformat() if isinstance(cell, date) else ""


def _flag_text(cell: Cell) -> str:
    return "true" if cell else "false"


def _numbers_text(cell: Cell) -> str:
    return " ".join(map(str, cell)) if isinstance(cell, tuple) else ""


def _polygon_text(cell: Cell) -> str:
    """Write an area in the manner of STC-S."""
    return f"POLYGON ICRS {_numbers_text(cell)}"


_TEXTS: Final[dict[Kind, Callable[[Cell], str]]] = {
    Kind.MOMENT: _moment_text,
    Kind.DAY: _day_text,
    Kind.FLAG: _flag_text,
    Kind.INTEGERS: _numbers_text,
    Kind.POLYGON: _polygon_text,
}
"""Kinds whose cells Python would not write as clients read them."""
