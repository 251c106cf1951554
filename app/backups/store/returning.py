"""SQL for frames that come back from their files alone."""

from collections.abc import Sequence

from sqlalchemy import exists, func, insert, or_, select
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.ext.asyncio import AsyncSession

from app.backups.manifest import ThumbnailLine, VersionLine
from app.db.tables import FileRow, FrameRow, FrameVersionRow, StoredThumbnailRow, UserRow
from app.frames.registration import Kept


class ReturnStore:
    """Reads and writes the catalogue within one session.

    Parameters
    ----------
    session
        An open one, within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_frames(self, basenames: Sequence[str]) -> set[str]:
        """Find which of these basenames are frames."""
        selected = select(FrameRow.basename).where(FrameRow.basename.in_(basenames))
        return set((await self._session.execute(selected)).scalars())

    async def find_owner(self, username: str | None) -> int | None:
        """Find the number of a user; None where there is none of this name."""
        selected = select(UserRow.id).where(UserRow.username == username)
        return (await self._session.execute(selected)).scalar_one_or_none()

    async def pass_over(self, table: str, greatest: int) -> None:
        """Give no number up to this one to a new row of a table that numbers its rows."""
        sequence = func.pg_get_serial_sequence(table, "id")
        last = (
            await self._session.execute(
                select(func.pg_sequence_last_value(sequence.cast(REGCLASS)))
            )
        ).scalar_one_or_none()
        if (last or 0) < greatest:
            await self._session.execute(select(func.setval(sequence.cast(REGCLASS), greatest)))

    async def kept_of(self, line: VersionLine) -> Kept:
        """Tell which numbers of a version that comes back are free."""
        taken = {
            column: (await self._session.execute(select(exists().where(column == value)))).scalar()
            for column, value in (
                (FileRow.id, line.file_id),
                (FrameVersionRow.id, line.version_id),
                (FrameVersionRow.key, line.version_key),
            )
        }
        return Kept(
            file_id=None if taken[FileRow.id] else line.file_id,
            version_id=None if taken[FrameVersionRow.id] else line.version_id,
            key=None if taken[FrameVersionRow.key] else line.version_key,
            created_at=line.created_at,
            frame_created_at=line.frame_created_at,
        )

    async def list_keys(self, basename: str) -> list[str]:
        """List where the versions of a frame lie that are here."""
        selected = (
            select(FileRow.key)
            .join(FrameVersionRow, FrameVersionRow.file_id == FileRow.id)
            .join(FrameRow, FrameRow.id == FrameVersionRow.frame_id)
            .where(FrameRow.basename == basename)
        )
        return list((await self._session.execute(selected)).scalars())

    async def add_thumbnail(self, line: ThumbnailLine, key: str) -> bool:
        """Add a picture that comes back; False where its frame is not here, or its number taken."""
        frame = select(FrameRow.id).where(FrameRow.basename == line.basename)
        frame_id = (await self._session.execute(frame)).scalar_one_or_none()
        taken = select(
            or_(
                exists().where(FileRow.id == line.file_id),
                exists().where(StoredThumbnailRow.id == line.thumbnail_id),
                exists().where(StoredThumbnailRow.basename == line.thumbnail_basename),
            )
        )
        if frame_id is None or (await self._session.execute(taken)).scalar_one():
            return False
        names = ("name", "size_bytes", "md5", "sha256", "crc32", "content_type", "created_at")
        columns = {name: getattr(line, name) for name in names}
        await self._session.execute(insert(FileRow).values(id=line.file_id, key=key, **columns))
        await self._session.execute(
            insert(StoredThumbnailRow).values(
                id=line.thumbnail_id,
                frame_id=frame_id,
                file_id=line.file_id,
                size=line.thumbnail_size,
                basename=line.thumbnail_basename,
                extension=line.extension,
                key=line.thumbnail_key,
                md5=line.thumbnail_md5,
                created_at=line.created_at,
            )
        )
        return True
