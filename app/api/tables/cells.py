"""Members of items → cells: one type for each kind of column, whatever the dialect wrote."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from pydantic_core import to_json

from app.api.tables.columns import Column
from app.api.tables.vocabulary import Kind

Cell = int | float | str | bool | datetime | date | tuple[int, ...] | tuple[float, ...] | None
Row = Mapping[str, Any]
"""An item: members by name."""


def cells_of(rows: Iterable[Row], columns: Sequence[Column]) -> list[list[Cell]]:
    """Take the wanted cells out of items.

    Parameters
    ----------
    rows
        The items.
    columns
        What is wanted.

    Returns
    -------
    list
        A list of cells for each row, in the order of the columns. Empty text is null: the dialects
        write it for what is unknown.
    """
    readers = [(column.name, _READERS[column.kind]) for column in columns]
    return [
        [
            None if (value := row.get(name)) is None or value == "" else read(value)
            for name, read in readers
        ]
        for row in rows
    ]


def _moment(value: datetime | str) -> datetime:
    """Read a moment; some dialects have it as text."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _day(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _integers(value: Iterable[int]) -> tuple[int, ...]:
    return tuple(value)


def _polygon(value: Mapping[str, Any]) -> tuple[float, ...]:
    """Read a GeoJSON polygon: right ascension and declination in turns, not closed [deg]."""
    (ring,) = value["coordinates"]
    return tuple(coordinate for vertex in ring[:-1] for coordinate in vertex)


def _text(value: object) -> str:
    """Write any value as text: logical ones as FITS does, whole numbers without a fraction."""
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _document(value: object) -> str:
    return to_json(value).decode()


_READERS: Final[dict[Kind, Callable[[Any], Cell]]] = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.TEXT: _text,
    Kind.FLAG: bool,
    Kind.MOMENT: _moment,
    Kind.DAY: _day,
    Kind.INTEGERS: _integers,
    Kind.POLYGON: _polygon,
    Kind.DOCUMENT: _document,
}
