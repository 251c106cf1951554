"""Deleted frames, as a verification needs them."""

from sqlalchemy import BigInteger, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import JobRow, RemovedFrameRow
from app.frames.trash import TRASH_JOB, place_of
from app.verification.models import Damage, Trashed

_MOVES = exists().where(
    JobRow.kind == TRASH_JOB,
    JobRow.payload["removal_id"].astext.cast(BigInteger) == RemovedFrameRow.id,
)
"""Whether the files of a deleted frame are still on their way to the trash."""


class TrashRows:
    """Rows of deleted frames.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_kept(self, after_id: int, limit: int) -> tuple[Trashed, ...]:
        """List deletions that can be undone by number, those that are under way left out."""
        selected = (
            select(RemovedFrameRow)
            .where(
                RemovedFrameRow.id > after_id,
                RemovedFrameRow.restored_at.is_(None),
                RemovedFrameRow.purged_at.is_(None),
                ~_MOVES,
            )
            .order_by(RemovedFrameRow.id)
            .limit(limit)
        )
        return tuple(_trashed(row) for row in (await self._session.execute(selected)).scalars())

    async def list_places(self, *, is_kept: bool) -> frozenset[str]:
        """List the places that the trash may have, of deletions that can be undone or of others."""
        kept = RemovedFrameRow.restored_at.is_(None) & RemovedFrameRow.purged_at.is_(None)
        selected = select(RemovedFrameRow.id, RemovedFrameRow.removed_at)
        selected = selected.where(kept if is_kept else ~kept)
        return frozenset(place_of(*row) for row in await self._session.execute(selected))

    async def is_moving(self, key: str) -> bool:
        """Tell whether a file belongs to a deleted frame, and is on its way to the trash."""
        found = (
            select(RemovedFrameRow.id).where(RemovedFrameRow.keys.contains([key]), _MOVES).limit(1)
        )
        return (await self._session.execute(found)).scalar_one_or_none() is not None


def _trashed(row: RemovedFrameRow) -> Trashed:
    lost = {
        file["key"]
        for file in row.table_rows.get("files", ())
        if file.get("damage") == Damage.MISSING
    }
    return Trashed(
        id=row.id,
        frame_id=row.frame_id,
        basename=row.basename,
        place=place_of(row.id, row.removed_at),
        keys=tuple(key for key in row.keys if key not in lost),
    )
