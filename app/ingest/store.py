"""The arrivals' SQL."""

import os
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Select,
    Text,
    any_,
    cast,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from app.core.paging import Page, Window
from app.db.tables import ArrivalRow, JobRow
from app.ingest.models import (
    INGEST_JOB,
    Arrival,
    ArrivalBusyError,
    ArrivalNotFoundError,
    ArrivalState,
    NewArrival,
    Outcome,
    Source,
)

_OPEN = (ArrivalState.WAITING, ArrivalState.RUNNING)
_TYPES: Final[Mapping[str, TypeEngine[Any]]] = MappingProxyType(
    {
        "source": Text(),
        "filename": Text(),
        "source_path": Text(),
        "source_identity": Text(),
        "held_path": Text(),
        "size_bytes": BigInteger(),
        "owner_id": BigInteger(),
    }
)
"""What is known of a file when it comes in."""
_TEXTS: Final = ARRAY(Text())
_SETTLED = (ArrivalState.FILED, ArrivalState.DUPLICATE, ArrivalState.QUARANTINED)
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
        return next(iter(await self.add_all([new], state, now)), None)

    async def add_all(
        self, new: Sequence[NewArrival], state: ArrivalState, now: datetime
    ) -> tuple[Arrival, ...]:
        """Add files, but for those whose path is waiting already."""
        if not new:
            return ()
        # One statement for any number of files: each text of one is kept by two caches.
        names = tuple(_TYPES)
        columns = [
            cast(literal([_column(each, name) for each in new], ARRAY(kind)), ARRAY(kind))
            for name, kind in _TYPES.items()
        ]
        listed = func.unnest(*columns).table_valued(*names).render_derived()
        chosen = select(
            literal(state),
            literal(now, ArrivalRow.received_at.type),
            *(listed.c[name] for name in names),
        )
        added = (
            insert(ArrivalRow)
            .from_select(["state", "received_at", *names], chosen)
            .on_conflict_do_nothing()
            .returning(ArrivalRow)
        )
        rows = (await self._session.execute(added)).scalars()
        return tuple(_arrival(row) for row in rows)

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

    async def list_settled(self, new: Sequence[NewArrival]) -> Mapping[NewArrival, Arrival]:
        """Find what became of exactly these files at their paths; files without one are unknown."""
        keys = {each: (each.source, _text(each.source_path), each.source_identity) for each in new}
        identities = sorted({identity for _, _, identity in keys.values() if identity})
        paths = sorted({path for _, path, _ in keys.values() if path})
        selected = (
            select(ArrivalRow)
            .where(
                ArrivalRow.source_path == any_(cast(literal(paths, _TEXTS), _TEXTS)),
                ArrivalRow.source_identity == any_(cast(literal(identities, _TEXTS), _TEXTS)),
                ArrivalRow.state.in_(_SETTLED),
            )
            .order_by(ArrivalRow.id)
        )
        rows = (await self._session.execute(selected)).scalars()
        found = {(row.source, row.source_path, row.source_identity): row for row in rows}
        return {each: _arrival(found[key]) for each, key in keys.items() if key in found}

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

    async def list_held(self, paths: Collection[Path]) -> tuple[Arrival, ...]:
        """List the arrivals whose bytes are, or were, kept at some paths."""
        wanted = ArrivalRow.held_path.in_([_text(path) for path in paths])
        rows = (await self._session.execute(select(ArrivalRow).where(wanted))).scalars()
        return tuple(_arrival(row) for row in rows)

    async def list_kept(
        self, after_id: int, limit: int, *, sha256: str | None = None
    ) -> tuple[Arrival, ...]:
        """List the files in quarantine by number; of a checksum, or all."""
        selected = (
            select(ArrivalRow)
            .where(ArrivalRow.state == ArrivalState.QUARANTINED, ArrivalRow.id > after_id)
            .order_by(ArrivalRow.id)
            .limit(limit)
        )
        if sha256 is not None:
            selected = selected.where(ArrivalRow.sha256 == sha256)
        return tuple(_arrival(row) for row in (await self._session.execute(selected)).scalars())

    async def list_stuck(self, limit: int) -> tuple[Arrival, ...]:
        """List the files on their way for which no job waits, so that nobody goes on with them."""
        number = JobRow.payload["arrival_id"].astext.cast(BigInteger)
        waits = exists().where(JobRow.kind == INGEST_JOB, number == ArrivalRow.id)
        selected = (
            select(ArrivalRow)
            .where(ArrivalRow.state.in_(_OPEN), ~waits)
            .order_by(ArrivalRow.id)
            .limit(limit)
        )
        return tuple(_arrival(row) for row in (await self._session.execute(selected)).scalars())

    async def stream(
        self, state: ArrivalState | None, window: Window
    ) -> AsyncGenerator[tuple[Arrival, ...], None]:
        """Go through arrivals, newest first, without holding them all."""
        selected = _listed(state, window).execution_options(yield_per=_STREAMED_AT_ONCE)
        async for rows in (await self._session.stream_scalars(selected)).partitions():
            yield tuple(_arrival(row) for row in rows)

    async def list_needed(self) -> dict[int, Path]:
        """List the files that arrivals need and that the archive holds, by number."""
        selected = select(ArrivalRow.id, ArrivalRow.held_path).where(
            ArrivalRow.held_path.is_not(None),
            ArrivalRow.state.in_([*_OPEN, ArrivalState.QUARANTINED]),
        )
        rows = await self._session.execute(selected)
        return {row.id: path for row in rows if (path := _path(row.held_path)) is not None}

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


def _column(new: NewArrival, name: str) -> object:
    value = getattr(new, name)
    return _text(value) if isinstance(value, Path) else value


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
