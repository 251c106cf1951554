"""The rows of a frame, put away as JSON and put back exactly as they were.

Every value is kept as PostgreSQL writes it, and read by the same type again: numbers to the last
bit, with the sign of zero, moments to the microsecond, arrays and cubes. Columns that a table gets
later have their default in what is put back.
"""

from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    ScalarSelect,
    Table,
    Text,
    cast,
    func,
    literal,
    select,
    text,
    union,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from app.db.tables import (
    ArrivalRow,
    FileRow,
    FrameHeaderRow,
    FrameLinkRow,
    FrameRow,
    FrameVersionRow,
    ImportedFrameRow,
    StoredThumbnailRow,
)

_IN_ORDER: Final[tuple[type[DeclarativeBase], ...]] = (
    FileRow, FrameRow, FrameVersionRow, FrameHeaderRow, FrameLinkRow, StoredThumbnailRow,
)  # fmt: skip
"""Tables that hold a frame, those first that others point to; its cards are laid out anew."""

_RELINK_ARRIVALS = text(
    "UPDATE arrivals SET frame_id = removed.frame_id FROM removed_frames AS removed,"
    " jsonb_to_recordset(removed.table_rows->'arrivals') AS kept (id bigint)"
    " WHERE removed.id = :removal_id AND arrivals.id = kept.id AND arrivals.frame_id IS NULL"
)
_RELINK_IMPORTED = text(
    "UPDATE imported_frames AS imported SET frame_id = removed.frame_id"
    " FROM removed_frames AS removed, jsonb_to_recordset(removed.table_rows->'imported_frames')"
    " AS kept (source text, source_key text) WHERE removed.id = :removal_id"
    " AND imported.source = kept.source AND imported.source_key = kept.source_key"
    " AND imported.frame_id IS NULL"
)


def document_of(frame_id: int) -> ColumnElement[Any]:
    """Give the expression of all rows of a frame, as one JSON document.

    Parameters
    ----------
    frame_id
        Of the frame; its rows are locked.

    Returns
    -------
    ColumnElement
        An object with a list of rows for each table.
    """
    versions = select(FrameVersionRow.id).where(FrameVersionRow.frame_id == frame_id)
    documents = {
        FileRow: _rows(FileRow, files_of(frame_id)),
        FrameRow: _rows(FrameRow, FrameRow.id == frame_id),
        FrameVersionRow: _rows(FrameVersionRow, FrameVersionRow.frame_id == frame_id),
        FrameHeaderRow: _rows(FrameHeaderRow, FrameHeaderRow.version_id.in_(versions)),
        FrameLinkRow: _rows(FrameLinkRow, FrameLinkRow.frame_id == frame_id),
        StoredThumbnailRow: _rows(StoredThumbnailRow, StoredThumbnailRow.frame_id == frame_id),
        ArrivalRow: _rows(ArrivalRow, ArrivalRow.frame_id == frame_id, "id"),
        ImportedFrameRow: _rows(
            ImportedFrameRow, ImportedFrameRow.frame_id == frame_id, "source", "source_key"
        ),
    }
    pairs = [(literal(row.__tablename__, Text()), found) for row, found in documents.items()]
    return func.jsonb_build_object(*(part for pair in pairs for part in pair))


def files_of(frame_id: int) -> ColumnElement[bool]:
    """Give the condition for the files of a frame and of its thumbnails.

    Parameters
    ----------
    frame_id
        Of the frame.

    Returns
    -------
    ColumnElement
        On `FileRow`.
    """
    return FileRow.id.in_(
        union(
            *(
                select(row.file_id).where(row.frame_id == frame_id)
                for row in (FrameVersionRow, StoredThumbnailRow)
            )
        )
    )


def _rows(
    row: type[DeclarativeBase], wanted: ColumnElement[bool], *names: str
) -> ScalarSelect[Any]:
    """Select rows as a JSON list; some columns, or all."""
    columns = [each for each in _table(row).columns if not names or each.name in names]
    plain = [each for each in columns if not isinstance(each.type, JSONB)]
    whole: ColumnElement[Any] = func.jsonb_object(
        cast(literal([each.name for each in plain], ARRAY(Text())), ARRAY(Text())),
        array([cast(each, Text) for each in plain]),
    )
    for each in columns:
        if each not in plain:
            whole = whole.op("||")(func.jsonb_build_object(literal(each.name, Text()), each))
    listed = func.coalesce(func.jsonb_agg(whole), cast([], JSONB))
    return select(listed).where(wanted).scalar_subquery()


def _table(row: type[DeclarativeBase]) -> Table:
    table = row.__table__
    assert isinstance(table, Table)  # noqa: S101  # for the type checker: rows are no views
    return table


async def put_back(session: AsyncSession, removal_id: int) -> None:
    """Put the rows of a frame back, and link what came in to it again.

    Parameters
    ----------
    session
        Within a transaction; nothing is in the way.
    removal_id
        Number of the deletion.
    """
    for row in _IN_ORDER:
        names = await _kept_columns(session, removal_id, _table(row))
        if names:
            await session.execute(_insertion(row.__tablename__, names), {"removal_id": removal_id})
    for relink in (_RELINK_ARRIVALS, _RELINK_IMPORTED):
        await session.execute(relink, {"removal_id": removal_id})


async def _kept_columns(session: AsyncSession, removal_id: int, table: Table) -> list[str]:
    """List the columns that were kept and that the table still has."""
    asked = text(
        f"SELECT jsonb_object_keys(table_rows->'{table.name}'->0)"  # noqa: S608  # a constant
        " FROM removed_frames WHERE id = :removal_id"
    )
    kept = set((await session.execute(asked, {"removal_id": removal_id})).scalars())
    return [name for name in table.columns.keys() if name in kept]  # noqa: SIM118  # no mapping


def _insertion(table: str, names: list[str]) -> Any:  # noqa: ANN401  # a TextClause
    """Insert what was kept; an owner who is gone is left out."""
    owner = "(SELECT users.id FROM users WHERE users.id = kept.owner_id)"
    values = [owner if name == "owner_id" else f"kept.{name}" for name in names]
    return text(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)}"  # noqa: S608  # constants
        f" FROM removed_frames AS removed, jsonb_populate_recordset(NULL::{table},"
        f" removed.table_rows->'{table}') AS kept WHERE removed.id = :removal_id"
    )
