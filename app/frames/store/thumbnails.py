"""The stored thumbnails' SQL: seen by whoever sees their frame."""

from collections.abc import AsyncGenerator, Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle

from app.core.paging import Window
from app.db.tables import FileRow, FrameRow, StoredThumbnailRow
from app.frames.announced import (
    AnnouncedThumbnail,
    PutThumbnail,
    StoredThumbnail,
    ThumbnailNotFoundError,
    ThumbnailQuery,
)
from app.frames.models import StoredFile
from app.frames.store.announcing import AnnouncementWriter
from app.frames.store.filters import among
from app.frames.store.rows import stored_of
from app.frames.store.visibility import Sight

_STREAMED_AT_ONCE = 1000

_THUMBNAILS: Select[Any] = (
    select(  # type: ignore[assignment]  # bundles have no type of their own
        Bundle("thumbnail", *StoredThumbnailRow.__mapper__.column_attrs),
        Bundle("file", *FileRow.__mapper__.column_attrs),
    )
    .join_from(StoredThumbnailRow, FrameRow, FrameRow.id == StoredThumbnailRow.frame_id)
    .outerjoin(FileRow, FileRow.id == StoredThumbnailRow.file_id)
)


class ThumbnailReader:
    """Reads stored thumbnails within one session.

    Parameters
    ----------
    session
        An open one.
    sight
        What the caller sees.
    """

    def __init__(self, session: AsyncSession, sight: Sight) -> None:
        self._session = session
        self._sight = sight

    async def count(self, query: ThumbnailQuery) -> int:
        """Count the matches."""
        counted = (
            select(func.count())
            .select_from(StoredThumbnailRow)
            .join(FrameRow, FrameRow.id == StoredThumbnailRow.frame_id)
            .where(self._sight.sees(), *_conditions(query))
        )
        return (await self._session.execute(counted)).scalar_one()

    async def list(self, query: ThumbnailQuery, window: Window) -> tuple[StoredThumbnail, ...]:
        """List the matches of a window, by number."""
        return await self._fetch(self._listed(query, window))

    async def stream(
        self, query: ThumbnailQuery, window: Window
    ) -> AsyncGenerator[tuple[StoredThumbnail, ...], None]:
        """Go through the same without holding them all."""
        selected = self._listed(query, window).execution_options(yield_per=_STREAMED_AT_ONCE)
        async for rows in (await self._session.stream(selected)).partitions():
            yield tuple(_thumbnail(*row) for row in rows)

    async def list_of_frames(self, frame_ids: Collection[int]) -> tuple[StoredThumbnail, ...]:
        """List the thumbnails of some frames, by number."""
        return await self._fetch(
            _THUMBNAILS.where(
                self._sight.sees(), among(StoredThumbnailRow.frame_id, frame_ids)
            ).order_by(StoredThumbnailRow.id)
        )

    async def get(self, thumbnail_id: int) -> StoredThumbnail:
        """Get a thumbnail.

        Raises
        ------
        ThumbnailNotFoundError
            If the caller sees none of this number.
        """
        selected = _THUMBNAILS.where(StoredThumbnailRow.id == thumbnail_id, self._sight.sees())
        found = await self._fetch(selected)
        if not found:
            raise ThumbnailNotFoundError(f"there is no stored thumbnail {thumbnail_id}")
        return found[0]

    def _listed(self, query: ThumbnailQuery, window: Window) -> Select[Any]:
        return (
            _THUMBNAILS.where(self._sight.sees(), *_conditions(query))
            .order_by(StoredThumbnailRow.id)
            .limit(window.limit)
            .offset(window.offset)
        )

    async def _fetch(self, selected: Select[Any]) -> tuple[StoredThumbnail, ...]:
        return tuple(_thumbnail(*row) for row in await self._session.execute(selected))


class ThumbnailWriter:
    """Writes stored thumbnails within one session.

    Parameters
    ----------
    session
        An open one, within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(
        self, frame_id: int, announced: AnnouncedThumbnail, now: datetime
    ) -> PutThumbnail:
        """Add a thumbnail, or replace the one of its basename; the same bytes keep their file."""
        selected = select(StoredThumbnailRow.file_id, StoredThumbnailRow.md5).where(
            StoredThumbnailRow.basename == announced.basename
        )
        row = (await self._session.execute(selected)).one_or_none()
        before, md5 = (None, None) if row is None else row
        file_id = before if md5 == announced.version.md5 else None
        is_stored = announced.stored is not None and file_id is None
        if announced.stored is not None and file_id is None:
            file_id = await AnnouncementWriter(self._session).add_file(announced.stored, now)
        values: dict[str, Any] = {
            "frame_id": frame_id,
            "file_id": file_id,
            "size": announced.size,
            "extension": announced.version.extension,
            "key": announced.version.key,
            "md5": announced.version.md5,
            "expected_keys": list(announced.version.expected_keys),
            "created_at": now,
        }
        put = (
            upsert(StoredThumbnailRow)
            .values(basename=announced.basename, **values)
            .on_conflict_do_update(index_elements=["basename"], set_=values)
            .returning(StoredThumbnailRow.id)
        )
        thumbnail_id = int((await self._session.execute(put)).scalar_one())
        replaced = None if before == file_id else await self._remove_file(before)
        return PutThumbnail(thumbnail_id, is_stored, replaced)

    async def _remove_file(self, file_id: int | None) -> str | None:
        """Remove the row of a file that no thumbnail has any more; give its key."""
        removed = delete(FileRow).where(FileRow.id == file_id).returning(FileRow.key)
        return (await self._session.execute(removed)).scalar_one_or_none()

    async def attach(self, thumbnail: StoredThumbnail, stored: StoredFile, now: datetime) -> bool:
        """Let a thumbnail be stored in a file; False if it has one, is another one, or gone."""
        selected = (
            select(StoredThumbnailRow)
            .where(
                StoredThumbnailRow.id == thumbnail.id,
                StoredThumbnailRow.md5 == thumbnail.md5,
                StoredThumbnailRow.file_id.is_(None),
            )
            .with_for_update()
        )
        row = (await self._session.execute(selected)).scalar_one_or_none()
        if row is None:
            return False
        row.file_id = await AnnouncementWriter(self._session).add_file(stored, now)
        await self._session.flush()
        return True


def _conditions(query: ThumbnailQuery) -> Iterator[ColumnElement[bool]]:
    columns = {
        "frame_basename": FrameRow.basename,
        "proposal": FrameRow.proposal,
        "block_id": FrameRow.block_id,
        "request_id": FrameRow.request_id,
        "size": StoredThumbnailRow.size,
    }
    for name, column in columns.items():
        value = getattr(query, name)
        if value is not None:
            yield column == value


def _thumbnail(row: Row[Any], file: Row[Any]) -> StoredThumbnail:
    """Join the halves of a row of `_THUMBNAILS`."""
    return StoredThumbnail(
        id=row.id,
        frame_id=row.frame_id,
        size=row.size,
        basename=row.basename,
        extension=row.extension,
        key=row.key,
        md5=row.md5,
        stored=None if file.id is None else stored_of(file, row.extension),
        expected_keys=tuple(row.expected_keys),
        created_at=row.created_at,
    )
