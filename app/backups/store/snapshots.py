"""The backups' SQL: what a snapshot of the catalogue names, and what a restore finds."""

import os
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from sqlalchemy import Row, Select, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.backups.manifest import Counts, StoredLine, ThumbnailLine, VersionLine
from app.db.tables import (
    ArrivalRow,
    FileRow,
    FrameRow,
    FrameVersionRow,
    RemovedFrameRow,
    StoredThumbnailRow,
    UserRow,
)

_STREAMED_AT_ONCE = 1000
_KEEPING = ("waiting", "running", "quarantined")
_FILE = (
    FileRow.key, FileRow.name, FileRow.size_bytes, FileRow.md5, FileRow.sha256, FileRow.crc32,
    FileRow.content_type, FileRow.id.label("file_id"),
)  # fmt: skip
_FRAME = (
    FrameRow.id.label("frame_id"), FrameRow.basename, FrameRow.proposal, FrameRow.public_at,
    FrameRow.created_at.label("frame_created_at"), FrameRow.is_internal,
    UserRow.username.label("owner"),
)  # fmt: skip
_VERSIONS: Select[Any] = (
    select(  # type: ignore[assignment]  # columns are named, not counted
        *_FILE,
        *_FRAME,
        FrameVersionRow.id.label("version_id"),
        FrameVersionRow.key.label("version_key"),
        FrameVersionRow.extension,
        FrameVersionRow.received_name,
        func.coalesce(FrameVersionRow.received_size_bytes, FileRow.size_bytes).label(
            "received_size_bytes"
        ),
        FrameVersionRow.received_md5,
        func.coalesce(FrameVersionRow.received_sha256, FileRow.sha256).label("received_sha256"),
        FrameVersionRow.created_at,
    )
    .join(FrameVersionRow, FrameVersionRow.file_id == FileRow.id)
    .join(FrameRow, FrameRow.id == FrameVersionRow.frame_id)
    .outerjoin(UserRow, UserRow.id == FrameRow.owner_id)
    .order_by(FrameVersionRow.id)
)
_THUMBNAILS: Select[Any] = (
    select(  # type: ignore[assignment]  # the same
        *_FILE,
        *_FRAME,
        StoredThumbnailRow.id.label("thumbnail_id"),
        StoredThumbnailRow.size.label("thumbnail_size"),
        StoredThumbnailRow.basename.label("thumbnail_basename"),
        StoredThumbnailRow.key.label("thumbnail_key"),
        StoredThumbnailRow.md5.label("thumbnail_md5"),
        StoredThumbnailRow.extension,
        StoredThumbnailRow.created_at,
    )
    .join(StoredThumbnailRow, StoredThumbnailRow.file_id == FileRow.id)
    .join(FrameRow, FrameRow.id == StoredThumbnailRow.frame_id)
    .outerjoin(UserRow, UserRow.id == FrameRow.owner_id)
    .order_by(StoredThumbnailRow.id)
)


@dataclass(frozen=True, slots=True)
class Held:
    """A file outside of the archive's folder that an arrival names.

    Attributes
    ----------
    arrival_id
        Of the arrival.
    path
        As the catalogue says it.
    """

    arrival_id: int
    path: Path


class BackupStore:
    """Reads the catalogue within one session.

    Parameters
    ----------
    session
        An open one, within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def freeze(self) -> str:
        """See the catalogue as it is now until the end of the transaction; name that snapshot.

        The first statement of its transaction. It may take as long as a dump does.
        """
        await self._session.execute(
            text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        )
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            await self._session.execute(text(f"SET LOCAL {setting} = 0"))
        found = await self._session.execute(select(func.pg_export_snapshot()))
        return str(found.scalar_one())

    async def server_major(self) -> int:
        """Tell the major version of the server."""
        found = await self._session.execute(select(func.current_setting("server_version_num")))
        return int(found.scalar_one()) // 10_000

    async def is_empty(self) -> bool:
        """Tell whether the database has no tables."""
        count = text(
            "SELECT count(*) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        return int((await self._session.execute(count)).scalar_one()) == 0

    async def counts(self) -> Counts:
        """Count frames, and versions and thumbnails with bytes."""
        numbers = [
            (await self._session.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (
                FrameRow,
                select(FrameVersionRow).where(FrameVersionRow.file_id.is_not(None)).subquery(),
                select(StoredThumbnailRow)
                .where(StoredThumbnailRow.file_id.is_not(None))
                .subquery(),
            )
        ]
        size = select(func.coalesce(func.sum(FileRow.size_bytes), 0))
        size_bytes = int((await self._session.execute(size)).scalar_one())
        return Counts(
            frames=numbers[0], versions=numbers[1], thumbnails=numbers[2], size_bytes=size_bytes
        )

    async def stream(self) -> AsyncGenerator[Sequence[StoredLine], None]:
        """Go through all stored files, versions first."""
        for selected, shape in ((_VERSIONS, VersionLine), (_THUMBNAILS, ThumbnailLine)):
            found = await self._session.stream(
                selected.execution_options(yield_per=_STREAMED_AT_ONCE)
            )
            async for rows in found.partitions():
                yield [_line(shape, row) for row in rows]

    async def list_after(self, kind: str, after: int, limit: int) -> Sequence[StoredLine]:
        """List the next stored files of a kind, ``version`` or ``thumbnail``, by their numbers."""
        is_version = kind == "version"
        selected = (
            _VERSIONS.where(FrameVersionRow.id > after)
            if is_version
            else _THUMBNAILS.where(StoredThumbnailRow.id > after)
        )
        shape = VersionLine if is_version else ThumbnailLine
        rows = (await self._session.execute(selected.limit(limit))).all()
        return [_line(shape, row) for row in rows]

    async def find_files(self, keys: Sequence[str]) -> dict[str, str]:
        """Find which of these keys are stored now; key -> sha256."""
        selected = select(FileRow.key, FileRow.sha256).where(FileRow.key.in_(keys))
        return {row.key: row.sha256 for row in await self._session.execute(selected)}

    async def list_held(self) -> list[Held]:
        """List the files that arrivals need and that lie outside of the archive's folder."""
        selected = select(ArrivalRow.id, ArrivalRow.held_path).where(
            ArrivalRow.held_path.is_not(None), ArrivalRow.state.in_(_KEEPING)
        )
        return [
            Held(row.id, Path(os.fsdecode(unquote_to_bytes(row.held_path))))
            for row in await self._session.execute(selected)
        ]

    async def list_removed(self) -> dict[int, tuple[str, ...]]:
        """List deleted frames that can be brought back: number of the removal -> keys."""
        selected = select(RemovedFrameRow.id, RemovedFrameRow.keys).where(
            RemovedFrameRow.restored_at.is_(None), RemovedFrameRow.purged_at.is_(None)
        )
        return {row.id: tuple(row.keys) for row in await self._session.execute(selected)}

    async def set_damage(self, damages: Sequence[tuple[str, str]]) -> None:
        """Take note of what is wrong with files, by their keys."""
        for key, damage in damages:
            values = {"damage": damage, "damaged_at": func.now(), "verified_at": func.now()}
            await self._session.execute(update(FileRow).where(FileRow.key == key).values(**values))

    async def clear_damage(self) -> None:
        """Forget what was wrong with files: they were just read and compared."""
        await self._session.execute(
            update(FileRow).where(FileRow.damage.is_not(None)).values(damage=None, damaged_at=None)
        )


def _line(shape: type[VersionLine] | type[ThumbnailLine], row: Row[Any]) -> StoredLine:
    """Make a line of a row; rows are trusted, lines are checked when they are read."""
    return shape.model_construct(**row._mapping)  # noqa: SLF001  # SQLAlchemy's public name of it
