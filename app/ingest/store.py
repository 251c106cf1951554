"""The arrivals' SQL."""

import os
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.paging import Page, Window
from app.db.tables import ArrivalRow
from app.ingest.models import (
    Arrival,
    ArrivalBusyError,
    ArrivalNotFoundError,
    ArrivalState,
    NewArrival,
    Outcome,
    Source,
)

_OPEN = (ArrivalState.WAITING, ArrivalState.RUNNING)
_STREAMED_AT_ONCE = 1000


class ArrivalStore:
    """Reads and writes arrivals within one session.

    Parameters
    ----------
    session
        An open one, within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, new: NewArrival, state: ArrivalState, now: datetime) -> Arrival | None:
        """Add a file; None where the same path is waiting already."""
        values = {
            "state": state,
            "source": new.source,
            "filename": new.filename,
            "source_path": _text(new.source_path),
            "source_identity": new.source_identity,
            "held_path": _text(new.held_path),
            "size_bytes": new.size_bytes,
            "owner_id": new.owner_id,
            "received_at": now,
        }
        added = insert(ArrivalRow).values(**values).on_conflict_do_nothing().returning(ArrivalRow)
        row = (await self._session.execute(added)).scalar_one_or_none()
        return None if row is None else _arrival(row)

    async def get_open(self, new: NewArrival) -> Arrival:
        """Get the open arrival of a file's path, and let nobody else change it meanwhile.

        Raises
        ------
        ArrivalBusyError
            If it was settled a moment ago.
        """
        selected = (
            select(ArrivalRow)
            .where(
                ArrivalRow.source == new.source,
                ArrivalRow.source_path == _text(new.source_path),
                ArrivalRow.state.in_(_OPEN),
            )
            .with_for_update()
        )
        row = (await self._session.execute(selected)).scalar_one_or_none()
        if row is None:
            raise ArrivalBusyError(f"{new.filename} is being filed just now; try again")
        return _arrival(row)

    async def find_settled(self, new: NewArrival) -> Arrival | None:
        """Find what became of exactly this file at this path; None for a file without a path."""
        if new.source_path is None or new.source_identity is None:
            return None
        selected = (
            select(ArrivalRow)
            .where(
                ArrivalRow.source == new.source,
                ArrivalRow.source_path == _text(new.source_path),
                ArrivalRow.source_identity == new.source_identity,
                ArrivalRow.state.in_(
                    [ArrivalState.FILED, ArrivalState.DUPLICATE, ArrivalState.QUARANTINED]
                ),
            )
            .order_by(ArrivalRow.id.desc())
            .limit(1)
        )
        row = (await self._session.execute(selected)).scalar_one_or_none()
        return None if row is None else _arrival(row)

    async def get(self, arrival_id: int, *, lock: bool = False) -> Arrival:
        """Get an arrival.

        Raises
        ------
        ArrivalNotFoundError
            If there is none of this number.
        """
        selected = select(ArrivalRow).where(ArrivalRow.id == arrival_id)
        selected = selected.execution_options(populate_existing=True)
        if lock:
            selected = selected.with_for_update()
        row = (await self._session.execute(selected)).scalar_one_or_none()
        if row is None:
            raise ArrivalNotFoundError(f"there is no arrival {arrival_id}")
        return _arrival(row)

    async def list(self, state: ArrivalState | None, window: Window) -> Page[Arrival]:
        """List arrivals, newest first."""
        wanted = [] if state is None else [ArrivalRow.state == state]
        count = select(func.count()).select_from(ArrivalRow).where(*wanted)
        selected = _listed(state, window)
        rows: Sequence[ArrivalRow] = (await self._session.execute(selected)).scalars().all()
        total = (await self._session.execute(count)).scalar_one()
        return Page(count=total, items=tuple(_arrival(row) for row in rows))

    async def stream(
        self, state: ArrivalState | None, window: Window
    ) -> AsyncGenerator[tuple[Arrival, ...], None]:
        """Go through arrivals, newest first, without holding them all."""
        selected = _listed(state, window).execution_options(yield_per=_STREAMED_AT_ONCE)
        async for rows in (await self._session.stream_scalars(selected)).partitions():
            yield tuple(_arrival(row) for row in rows)

    async def settle(self, arrival_id: int, outcome: Outcome, sha256: str, now: datetime) -> None:
        """Say that an arrival is a frame, or a duplicate of one."""
        await self.change(
            arrival_id,
            state=outcome.state,
            frame_id=outcome.frame_id,
            sha256=sha256,
            reason=None,
            finished_at=now,
        )

    async def change(self, arrival_id: int, **values: Any) -> None:  # noqa: ANN401  # column values
        """Change columns of an arrival."""
        if isinstance(values.get("held_path"), Path):
            values["held_path"] = _text(values["held_path"])
        changed = update(ArrivalRow).where(ArrivalRow.id == arrival_id).values(**values)
        await self._session.execute(changed)

    async def change_open(self, arrival_id: int, **values: Any) -> bool:  # noqa: ANN401  # the same
        """Change columns of an arrival; False where somebody has settled it."""
        if not (await self.get(arrival_id, lock=True)).state.is_open:
            return False
        await self.change(arrival_id, **values)
        return True


def _listed(state: ArrivalState | None, window: Window) -> Select[Any]:
    wanted = [] if state is None else [ArrivalRow.state == state]
    return (
        select(ArrivalRow)
        .where(*wanted)
        .order_by(ArrivalRow.id.desc())
        .limit(window.limit)
        .offset(window.offset)
    )


def _text(path: Path | None) -> str | None:
    """Write a path as text that PostgreSQL takes, whatever bytes its names are made of."""
    return None if path is None else quote_from_bytes(os.fsencode(path), safe="/ :,+=@~")


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(os.fsdecode(unquote_to_bytes(text)))


def _arrival(row: ArrivalRow) -> Arrival:
    return Arrival(
        id=row.id,
        state=ArrivalState(row.state),
        source=Source(row.source),
        filename=row.filename,
        source_path=_path(row.source_path),
        source_identity=row.source_identity,
        held_path=_path(row.held_path),
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        reason=row.reason,
        frame_id=row.frame_id,
        owner_id=row.owner_id,
        received_at=row.received_at,
        finished_at=row.finished_at,
    )
