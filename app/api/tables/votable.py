"""VOTable 1.4 (IVOA, 2019), written row by row; types as DALI 1.1 has them.

Libraries of the field build the whole document in memory, and load astropy; this one does neither.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from app.api.tables.cells import Cell
from app.api.tables.columns import Column
from app.api.tables.vocabulary import Kind
from app.api.tables.writers import iso_moment

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)

_BEGIN: Final = """<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results">
<INFO name="QUERY_STATUS" value="OK"/>
<COOSYS ID="icrs" system="ICRS"/>
<TIMESYS ID="utc" timescale="UTC" refposition="TOPOCENTER"/>
<TABLE name={name}>
{fields}
<DATA><TABLEDATA>
"""
_END: Final = "</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n"


class _Type(NamedTuple):
    """How cells of a kind are declared and written."""

    attributes: str
    text: Callable[[Cell], str]


def _moment(cell: Cell) -> str:
    return iso_moment(cell) if isinstance(cell, datetime) else ""


def _day(cell: Cell) -> str:
    return cell.isoformat() if isinstance(cell, date) else ""


def _flag(cell: Cell) -> str:
    return "true" if cell else "false"


def _list(cell: Cell) -> str:
    return " ".join(map(repr, cell)) if isinstance(cell, tuple) else ""


def _text(cell: Cell) -> str:
    return escape(_ILLEGAL.sub("\ufffd", str(cell)))


_TYPES: Final = {
    Kind.INTEGER: _Type('datatype="long"', repr),
    Kind.NUMBER: _Type('datatype="double"', repr),
    Kind.TEXT: _Type('datatype="unicodeChar" arraysize="*"', _text),
    Kind.FLAG: _Type('datatype="boolean"', _flag),
    Kind.MOMENT: _Type('datatype="char" arraysize="*" xtype="timestamp"', _moment),
    Kind.DAY: _Type('datatype="char" arraysize="*"', _day),
    Kind.INTEGERS: _Type('datatype="long" arraysize="*"', _list),
    Kind.POLYGON: _Type('datatype="double" arraysize="*" xtype="polygon"', _list),
    Kind.DOCUMENT: _Type('datatype="unicodeChar" arraysize="*"', _text),
}


class VoTableWriter:
    """A VOTable of one table; an empty cell is null (VOTable 1.3, section 5.5).

    Parameters
    ----------
    columns
        Of the table.
    name
        Of the table.
    """

    def __init__(self, columns: Sequence[Column], name: str) -> None:
        self._columns = columns
        self._name = name
        self._texts = [_TYPES[column.kind].text for column in columns]

    def begin(self) -> bytes:
        """Write what describes the table."""
        fields = "\n".join(_field(place, column) for place, column in enumerate(self._columns))
        return _BEGIN.format(name=quoteattr(self._name), fields=fields).encode()

    def write(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Write rows."""
        return "".join(map(self._row, rows)).encode()

    def end(self) -> bytes:
        """Close all that is open."""
        return _END.encode()

    def _row(self, row: Sequence[Cell]) -> str:
        cells = (
            "<TD/>" if cell is None else f"<TD>{text(cell)}</TD>"
            for text, cell in zip(self._texts, row, strict=True)
        )
        return f"<TR>{''.join(cells)}</TR>\n"


def _field(place: int, column: Column) -> str:
    """Declare a column; a name that is none in XML needs an identifier beside it."""
    named = "" if _NAME.fullmatch(column.name) else f"column_{place}"
    given = {"ID": named, "unit": column.unit, "ucd": column.ucd, "ref": _system(column)}
    more = "".join(f" {key}={quoteattr(value)}" for key, value in given.items() if value)
    name = quoteattr(_ILLEGAL.sub("\ufffd", column.name))
    described = f"<DESCRIPTION>{_text(column.description)}</DESCRIPTION>"
    return f"<FIELD name={name} {_TYPES[column.kind].attributes}{more}>{described}</FIELD>"


def _system(column: Column) -> str:
    """Name the system in which a column counts: ICRS for positions, UTC for observations."""
    if column.ucd.startswith("pos."):
        return "icrs"
    return "utc" if column.ucd.startswith("time.start") else ""
