"""The SQL of what was imported."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import FileRow, FrameRow, FrameVersionRow, ImportedFrameRow


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that was imported once.

    Attributes
    ----------
    fingerprint
        What tells its bytes from later ones, as the source gives it.
    frame_id
        The frame; None: it was removed here since.
    """

    fingerprint: str
    frame_id: int | None


class ImportStore:
    """Reads and writes what was imported, within one session.

    Parameters
    ----------
    session
        An open one, within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, source: str, keys: Iterable[str]) -> dict[str, Imported]:
        """Find which of these were imported from a source."""
        row = ImportedFrameRow
        selected = select(row.source_key, row.fingerprint, row.frame_id).where(
            row.source == source, row.source_key.in_(list(keys))
        )
        found = await self._session.execute(selected)
        return {key: Imported(fingerprint, frame_id) for key, fingerprint, frame_id in found}

    async def find_md5s(self, md5s: Iterable[str]) -> dict[str, bool]:
        """Find which of these MD5s the catalogue knows, and whether it has the bytes."""
        row, wanted = FrameVersionRow, list(md5s)
        selected = (
            select(row.received_md5, FileRow.md5)
            .outerjoin(FileRow, FileRow.id == row.file_id)
            .where(or_(row.received_md5.in_(wanted), FileRow.md5.in_(wanted)))
        )
        found: dict[str, bool] = {}
        for received, stored in await self._session.execute(selected):
            found[received] = stored is not None
            if stored is not None:
                found[stored] = True
        return found

    async def put(self, source: str, key: str, imported: Imported, now: datetime) -> None:
        """Say that one was imported; a frame that was removed a moment ago is said to be."""
        still_there = select(FrameRow.id).where(FrameRow.id == imported.frame_id)
        locked = still_there.with_for_update(read=True, key_share=True)
        values = {
            "fingerprint": imported.fingerprint,
            "frame_id": (await self._session.execute(locked)).scalar_one_or_none(),
            "imported_at": now,
        }
        added = insert(ImportedFrameRow).values(source=source, source_key=key, **values)
        await self._session.execute(
            added.on_conflict_do_update(index_elements=["source", "source_key"], set_=values)
        )
