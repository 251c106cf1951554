"""Rows of stored files, as a verification needs them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, tuple_, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import FileRow, FrameVersionRow, JobRow, StoredThumbnailRow
from app.verification.models import CatalogueFile


class FileStore:
    """Rows of stored files.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self) -> int:
        """Count the stored files."""
        return (await self._session.execute(select(func.count()).select_from(FileRow))).scalar_one()

    async def list_spread(self, count: int) -> frozenset[str]:
        """List the keys of some stored files, from the oldest to the newest."""
        ends = select(
            func.coalesce(func.min(FileRow.id), 0), func.coalesce(func.max(FileRow.id), 0)
        )
        first, last = (await self._session.execute(ends)).one()
        keys: set[str] = set()
        for step in range(count):
            place = first + (last - first) * step // max(1, count - 1)
            selected = select(FileRow.key).where(FileRow.id >= place).order_by(FileRow.id).limit(1)
            keys |= set((await self._session.execute(selected)).scalars())
        return frozenset(keys)

    async def list_files(self, after_id: int, limit: int) -> tuple[CatalogueFile, ...]:
        """List stored files by number."""
        return await self._fetch(FileRow.id > after_id, limit=limit)

    async def find(self, file_id: int) -> CatalogueFile | None:
        """Find a stored file; None where it is no more."""
        found = await self._fetch(FileRow.id == file_id, limit=1)
        return found[0] if found else None

    async def keep_sound(self, files: Sequence[CatalogueFile], now: datetime) -> None:
        """Note that files are what the catalogue says; those that were replaced are passed over."""
        same = [(file.id, file.key, file.sha256) for file in files]
        await self._session.execute(
            update(FileRow)
            .where(tuple_(FileRow.id, FileRow.key, FileRow.sha256).in_(same))
            .values(verified_at=now, damage=None, damaged_at=None)
        )

    async def mark(self, file: CatalogueFile, damage: str, now: datetime) -> bool:
        """Note that a file is damaged; False where it was replaced, removed or mended meanwhile."""
        unmended = FileRow.verified_at.is_not_distinct_from(file.verified_at)
        changed = (
            update(FileRow)
            .where(*_is_same(file), unmended)
            .values(damage=damage, damaged_at=func.coalesce(FileRow.damaged_at, now))
        )
        result = await self._session.execute(changed.returning(FileRow.id))
        return result.scalar_one_or_none() is not None

    async def lock_same(self, file: CatalogueFile) -> bool:
        """Let nobody change the row of a file; False where it was replaced or removed meanwhile."""
        locked = select(FileRow.id).where(*_is_same(file)).with_for_update()
        return (await self._session.execute(locked)).scalar_one_or_none() is not None

    async def list_known(self, keys: Collection[str]) -> frozenset[str]:
        """List those among some keys that have a row."""
        selected = select(FileRow.key).where(FileRow.key.in_(keys))
        return frozenset((await self._session.execute(selected)).scalars())

    async def list_sound_keys(self, sha256: str) -> tuple[str, ...]:
        """List where versions are stored that were received, or are stored, with these bytes."""
        selected = (
            select(FileRow.key)
            .join(FrameVersionRow, FrameVersionRow.file_id == FileRow.id)
            .where(FileRow.damage.is_(None))
        )
        received = selected.where(FrameVersionRow.received_sha256 == sha256)
        found = union(received, selected.where(FileRow.sha256 == sha256))
        return tuple((await self._session.execute(found)).scalars())

    async def list_awaited(self, kind: str, keys: Collection[str]) -> frozenset[str]:
        """List those among some keys for which a job of a kind waits."""
        key = JobRow.payload["key"].astext
        selected = select(key).where(JobRow.kind == kind, key.in_(keys))
        return frozenset((await self._session.execute(selected)).scalars())

    async def _fetch(
        self, condition: ColumnElement[bool], *, limit: int
    ) -> tuple[CatalogueFile, ...]:
        owner = func.coalesce(FrameVersionRow.frame_id, StoredThumbnailRow.frame_id)
        selected = (
            select(FileRow, owner)
            .outerjoin(FrameVersionRow, FrameVersionRow.file_id == FileRow.id)
            .outerjoin(StoredThumbnailRow, StoredThumbnailRow.file_id == FileRow.id)
            .where(condition)
            .order_by(FileRow.id)
            .limit(limit)
            .execution_options(populate_existing=True)
        )
        found = await self._session.execute(selected)
        return tuple(_file(row, frame_id) for row, frame_id in found)


def _is_same(file: CatalogueFile) -> tuple[ColumnElement[bool], ...]:
    return FileRow.id == file.id, FileRow.key == file.key, FileRow.sha256 == file.sha256


def _file(row: FileRow, frame_id: int | None) -> CatalogueFile:
    return CatalogueFile(
        row.id, row.key, row.size_bytes, row.sha256, frame_id, row.damage, row.verified_at
    )
