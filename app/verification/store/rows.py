"""Rows that contradict each other; each select sees one moment."""

from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import (
    FileRow,
    FrameHeaderRow,
    FrameRow,
    FrameVersionRow,
    StoredThumbnailRow,
)

_MOST = 1000


@dataclass(frozen=True, slots=True)
class RowFlaw:
    """A row that contradicts another one.

    Attributes
    ----------
    name
        Which row.
    detail
        One sentence for a person.
    frame_id
        The frame that it belongs to; None: to none.
    """

    name: str
    detail: str
    frame_id: int | None


class RowStore:
    """Asks for what must never be; at most a thousand of each.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_unused_files(self) -> list[RowFlaw]:
        """List rows of files that belong to no version and to no thumbnail."""
        selected = (
            select(FileRow.id, FileRow.key)
            .where(
                ~exists().where(FrameVersionRow.file_id == FileRow.id),
                ~exists().where(StoredThumbnailRow.file_id == FileRow.id),
            )
            .limit(_MOST)
        )
        found = await self._session.execute(selected)
        return [
            RowFlaw(f"file {file_id}", f"the file {key} belongs to nothing", None)
            for file_id, key in found
        ]

    async def list_wrong_frames(self) -> list[RowFlaw]:
        """List frames that are marked as having versions and have none, or the other way round."""
        has_one = exists().where(FrameVersionRow.frame_id == FrameRow.id)
        selected = (
            select(FrameRow.id, FrameRow.basename)
            .where(FrameRow.has_versions.is_distinct_from(has_one))
            .limit(_MOST)
        )
        found = await self._session.execute(selected)
        return [
            RowFlaw(
                f"frame {frame_id}",
                f"{basename} has, or has no, versions against its mark",
                frame_id,
            )
            for frame_id, basename in found
        ]

    async def list_headless_versions(self) -> list[RowFlaw]:
        """List versions without a header."""
        selected = (
            select(FrameVersionRow.id, FrameVersionRow.frame_id)
            .where(~exists().where(FrameHeaderRow.version_id == FrameVersionRow.id))
            .limit(_MOST)
        )
        found = await self._session.execute(selected)
        return [
            RowFlaw(f"version {version_id}", "the version has no header", frame_id)
            for version_id, frame_id in found
        ]
