"""Parquet, written in groups of rows. This module loads pyarrow: import it on first use only."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from app.api.tables.cells import Cell
from app.api.tables.columns import Column
from app.api.tables.vocabulary import Kind

GROUP_ROWS: Final = 10_000
"""Rows that are held back until they are written together: a reader skips whole groups."""

_TYPES: Final = {
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.FLAG: pa.bool_(),
    Kind.MOMENT: pa.timestamp("us", tz="UTC"),
    Kind.DAY: pa.date32(),
    Kind.INTEGERS: pa.list_(pa.int64()),
    Kind.POLYGON: pa.list_(pa.float64()),
    Kind.DOCUMENT: pa.string(),
}


class _Sink:
    """A file that is taken away while it grows."""

    closed = False

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size_bytes = 0

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self._held.append(bytes(data))
        self._size_bytes += len(data)
        return len(data)

    def tell(self) -> int:
        """Say how much came [byte]."""
        return self._size_bytes

    def flush(self) -> None:
        """Do nothing: nothing is behind this."""

    def close(self) -> None:
        """Do nothing: what is held is still to be taken."""

    def taken(self) -> bytes:
        """Give what came since the last time."""
        held, self._held = b"".join(self._held), []
        return held


class ParquetWriter:
    """A Parquet file, compressed by Zstandard; units and UCDs are metadata of the fields.

    Parameters
    ----------
    columns
        Of the table.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._schema = pa.schema(list(map(_field, columns)))
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._rows: list[Sequence[Cell]] = []

    def begin(self) -> bytes:
        """Write the mark of the format."""
        return self._sink.taken()

    def write(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Write the rows that are enough for a group."""
        self._rows.extend(rows)
        if len(self._rows) >= GROUP_ROWS:
            self._write_group()
        return self._sink.taken()

    def end(self) -> bytes:
        """Write the last group, and where all of them lie."""
        if self._rows:
            self._write_group()
        self._writer.close()
        return self._sink.taken()

    def _write_group(self) -> None:
        arrays = [
            pa.array(cells, field.type)
            for cells, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []


def _field(column: Column) -> pa.Field:
    """Declare a column."""
    given = {"description": column.description, "unit": column.unit, "ucd": column.ucd}
    metadata = {key: value for key, value in given.items() if value}
    return pa.field(column.name, _TYPES[column.kind], metadata=metadata or None)
