"""The trash's SQL: deleted frames, seen by whoever would see the frame if it were there."""

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.paging import Page, Window
from app.db.tables import (
    FileRow,
    FrameHeaderRow,
    FrameRow,
    FrameVersionRow,
    RemovedFrameRow,
    StoredThumbnailRow,
)
from app.frames.store.header_cards import keep_cards
from app.frames.store.locks import lock_names
from app.frames.store.rows import headers_of
from app.frames.store.trash_conflicts import find_conflict, list_locked
from app.frames.store.trash_rows import document_of, files_of, put_back
from app.frames.store.visibility import Openness, Sight
from app.frames.store.writing import FrameWriter
from app.frames.trash import (
    RemovedFrame,
    RemovedFrameNotFoundError,
    RemovedState,
    RestoreConflictError,
    TrashedFile,
)

_STREAMED_AT_ONCE = 1000
_OPENNESS = Openness(
    RemovedFrameRow.public_at,
    RemovedFrameRow.is_internal,
    RemovedFrameRow.proposal,
    RemovedFrameRow.owner_id,
)


@dataclass(frozen=True, slots=True)
class Removal:
    """A frame that is about to be deleted.

    Attributes
    ----------
    frame_id, basename
        The frame.
    by, reason
        Name of the user, and why.
    now, expires_at
        When, and until when it can be brought back, UTC.
    """

    frame_id: int
    basename: str
    by: str
    reason: str | None
    now: datetime
    expires_at: datetime


class TrashStore:
    """Deleted frames within one session.

    Parameters
    ----------
    session
        Within a transaction.
    now
        What has expired, UTC.
    """

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        self._session = session
        self._now = now

    async def add(self, removal: Removal) -> int | None:
        """Put the rows of a frame away and delete them; None where it has gone meanwhile.

        The rows are locked first: whoever changes them finishes before they are read.
        """
        await lock_names(self._session, removal.basename)
        seen_by = await self._lock_rows(removal.frame_id)
        if seen_by is None:
            return None
        files = select(FileRow.key, FileRow.size_bytes).where(files_of(removal.frame_id))
        found = (await self._session.execute(files.order_by(FileRow.key))).all()
        added = insert(RemovedFrameRow).values(
            frame_id=removal.frame_id,
            basename=removal.basename,
            removed_at=removal.now,
            removed_by=removal.by,
            reason=removal.reason,
            expires_at=removal.expires_at,
            size_bytes=sum(file.size_bytes for file in found),
            keys=[file.key for file in found],
            table_rows=document_of(removal.frame_id),
            **seen_by,
        )
        added_id = await self._session.execute(added.returning(RemovedFrameRow.id))
        await FrameWriter(self._session).remove(removal.frame_id)
        return added_id.scalar_one()

    async def find(self, removal_id: int, *, lock: bool = False) -> RemovedFrame | None:
        """Find a deletion, whoever may see its frame; locked, nobody else works on it."""
        if lock:
            locked = select(RemovedFrameRow.id).where(RemovedFrameRow.id == removal_id)
            await self._session.execute(locked.with_for_update())
        selected = self._selected().where(RemovedFrameRow.id == removal_id)
        row = (await self._session.execute(selected)).one_or_none()
        return None if row is None else _removed(row)

    async def get(self, removal_id: int, sight: Sight) -> RemovedFrame:
        """Get a deletion.

        Raises
        ------
        RemovedFrameNotFoundError
            If the caller sees none of this number.
        """
        selected = self._selected().where(RemovedFrameRow.id == removal_id, sight.sees(_OPENNESS))
        row = (await self._session.execute(selected)).one_or_none()
        if row is None:
            raise RemovedFrameNotFoundError(f"there is no removed frame {removal_id}")
        return _removed(row)

    async def list(
        self, sight: Sight, state: RemovedState | None, window: Window
    ) -> Page[RemovedFrame]:
        """List deletions in sight, newest first."""
        selected = self._listed(sight, state, window)
        items = tuple(_removed(row) for row in await self._session.execute(selected))
        counted = select(func.count()).select_from(RemovedFrameRow)
        counted = counted.where(self._wanted(sight, state))
        return Page(count=(await self._session.execute(counted)).scalar_one(), items=items)

    async def stream(
        self, sight: Sight, state: RemovedState | None, window: Window
    ) -> AsyncGenerator[tuple[RemovedFrame, ...], None]:
        """Go through deletions in sight, newest first, without holding them all."""
        selected = self._listed(sight, state, window)
        selected = selected.execution_options(yield_per=_STREAMED_AT_ONCE)
        async for rows in (await self._session.stream(selected)).partitions():
            yield tuple(_removed(row) for row in rows)

    async def list_removable(
        self, *, after: int, limit: int, everything: bool
    ) -> tuple[RemovedFrame, ...]:
        """List deletions whose files may go, by number: the expired ones, or all."""
        wanted = [RemovedState.EXPIRED, *([RemovedState.KEPT] if everything else [])]
        selected = (
            self._selected()
            .where(RemovedFrameRow.id > after, self._state().in_(wanted))
            .order_by(RemovedFrameRow.id)
            .limit(limit)
        )
        return tuple(_removed(row) for row in await self._session.execute(selected))

    async def list_ended(self, removal_ids: Collection[int]) -> tuple[RemovedFrame, ...]:
        """List those of some deletions that were undone, or whose files are to be gone."""
        ended = or_(
            RemovedFrameRow.restored_at.is_not(None), RemovedFrameRow.purged_at.is_not(None)
        )
        selected = self._selected().where(RemovedFrameRow.id.in_(removal_ids), ended)
        return tuple(_removed(row) for row in await self._session.execute(selected))

    async def list_files(self, removal_id: int) -> tuple[TrashedFile, ...]:
        """List the files of a deleted frame; none once it was brought back or purged."""
        file = func.jsonb_array_elements(RemovedFrameRow.table_rows["files"]).table_valued(
            "value", name="file", joins_implicitly=True
        )
        parts = [
            func.jsonb_extract_path_text(file.c.value, name) for name in ("key", "sha256", "damage")
        ]
        selected = select(*parts).select_from(RemovedFrameRow).join(file, true())
        selected = selected.where(RemovedFrameRow.id == removal_id, parts[0].is_not(None))
        found = await self._session.execute(selected.order_by(parts[0]))
        return tuple(TrashedFile(key, sha256, damage is not None) for key, sha256, damage in found)

    async def list_awaiting(self, key: str) -> tuple[RemovedFrame, ...]:
        """List the deletions to which the file of a key belongs, or belonged."""
        selected = self._selected().where(RemovedFrameRow.keys.contains([key]))
        return tuple(_removed(row) for row in await self._session.execute(selected))

    async def find_stored(self, key: str) -> str | None:
        """Find the sha256 of what the catalogue has under a key by now."""
        selected = select(FileRow.sha256).where(FileRow.key == key)
        return (await self._session.execute(selected)).scalar_one_or_none()

    async def lock_key(self, key: str) -> None:
        """Let nobody else store or remove a file under a key until the transaction ends."""
        await lock_names(self._session, key)

    async def put_back(self, removed: RemovedFrame) -> None:
        """Put the rows of a frame back, and lay its cards out for search.

        Raises
        ------
        RestoreConflictError
            If something is in the way.
        """
        locked = await list_locked(self._session, removed.id)
        await lock_names(self._session, removed.basename, *locked)
        conflict = await find_conflict(self._session, removed.id)
        if conflict is not None:
            raise RestoreConflictError(
                f"{removed.basename} cannot be brought back: {conflict}; delete that one first if"
                " this one shall take its place"
            )
        await put_back(self._session, removed.id)
        await self._lay_out_cards(removed.frame_id)

    async def replace_state(self, removal_id: int, state: RemovedState) -> None:
        """Note that a frame was brought back or is purged; its rows are kept no longer."""
        moment = "restored_at" if state is RemovedState.RESTORED else "purged_at"
        changed = update(RemovedFrameRow).where(RemovedFrameRow.id == removal_id)
        values: dict[str, Any] = {moment: self._now, "table_rows": {}, "keys": []}
        await self._session.execute(changed.values(**values))

    async def is_there(self, frame_id: int) -> bool:
        """Tell whether a frame is in the catalogue."""
        selected = select(FrameRow.id).where(FrameRow.id == frame_id)
        return (await self._session.execute(selected)).scalar_one_or_none() is not None

    async def _lock_rows(self, frame_id: int) -> dict[str, Any] | None:
        """Lock the rows of a frame, and tell what decides who sees it; None where it has gone."""
        columns = (FrameRow.public_at, FrameRow.is_internal, FrameRow.proposal, FrameRow.owner_id)
        locked = select(*columns).where(FrameRow.id == frame_id).with_for_update()
        frame = (await self._session.execute(locked)).one_or_none()
        if frame is None:
            return None
        for row in (FrameVersionRow, StoredThumbnailRow):
            parts = select(row.id).where(row.frame_id == frame_id).order_by(row.id)
            await self._session.execute(parts.with_for_update())
        return frame._asdict()

    async def _lay_out_cards(self, frame_id: int) -> None:
        selected = (
            select(FrameVersionRow.id, FrameVersionRow.science_hdu, FrameHeaderRow.hdus)
            .join(FrameHeaderRow, FrameHeaderRow.version_id == FrameVersionRow.id)
            .where(FrameVersionRow.frame_id == frame_id)
            .order_by(FrameVersionRow.id.desc())
            .limit(1)
        )
        newest = (await self._session.execute(selected)).one_or_none()
        if newest is None:
            posted = select(FrameRow.posted_header).where(FrameRow.id == frame_id)
            hdus = (await self._session.execute(posted)).scalar_one() or []
            await keep_cards(self._session, frame_id, None, headers_of(hdus), 0)
            return
        version_id, science_hdu, document = newest
        await keep_cards(self._session, frame_id, version_id, headers_of(document), science_hdu)

    def _listed(self, sight: Sight, state: RemovedState | None, window: Window) -> Select[Any]:
        selected = self._selected().where(self._wanted(sight, state))
        selected = selected.order_by(RemovedFrameRow.id.desc())
        return selected.limit(window.limit).offset(window.offset)

    def _wanted(self, sight: Sight, state: RemovedState | None) -> ColumnElement[bool]:
        """Say which deletions are listed: those in sight, and of a state where one is given."""
        return and_(sight.sees(_OPENNESS), true() if state is None else self._state() == state)

    def _selected(self) -> Select[Any]:
        columns: list[ColumnElement[Any]] = [
            RemovedFrameRow.__table__.c[name]
            for name in RemovedFrame.__dataclass_fields__
            if name != "state"
        ]
        selected: Select[Any] = select(*columns, self._state().label("state"))
        return selected.select_from(RemovedFrameRow)

    def _state(self) -> ColumnElement[str]:
        return case(
            (RemovedFrameRow.restored_at.is_not(None), RemovedState.RESTORED.value),
            (RemovedFrameRow.purged_at.is_not(None), RemovedState.PURGED.value),
            (RemovedFrameRow.expires_at <= self._now, RemovedState.EXPIRED.value),
            else_=RemovedState.KEPT.value,
        )


def _removed(row: Row[Any]) -> RemovedFrame:
    columns = row._asdict()
    return RemovedFrame(**columns | {"state": RemovedState(row.state)})
