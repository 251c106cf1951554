"""What a dead process left in spool and quarantine: whose it is, and how it gets an owner again."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from app.core.clock import Clock
from app.db.engine import Sessions, transaction
from app.ingest.models import INGEST_JOB, Arrival, ArrivalState, NewArrival, Source
from app.ingest.spool import Spool, remove_held
from app.ingest.store import ArrivalStore
from app.jobs.models import Priority
from app.jobs.service import JobQueue

_BATCH = 100


class Leftovers:
    """Looks after files that came in and that nobody goes on with.

    Parameters
    ----------
    sessions, queue, clock, spool
        Of the process.
    """

    def __init__(self, *, sessions: Sessions, queue: JobQueue, clock: Clock, spool: Spool) -> None:
        self._sessions = sessions
        self._queue = queue
        self._clock = clock
        self._spool = spool

    async def holders(self, paths: Collection[Path]) -> Mapping[Path, Arrival]:
        """Tell which arrivals say that their bytes are kept at some paths.

        Parameters
        ----------
        paths
            In spool or quarantine.

        Returns
        -------
        Mapping
            By path; paths that nobody names are left out.
        """
        async with transaction(self._sessions) as session:
            found = await ArrivalStore(session).list_held(paths)
        return {arrival.held_path: arrival for arrival in found if arrival.held_path is not None}

    async def kept(self, after_id: int) -> tuple[Arrival, ...]:
        """List files in quarantine by number.

        Parameters
        ----------
        after_id
            Only later ones.

        Returns
        -------
        tuple of Arrival
            The next ones; empty at the end.
        """
        async with transaction(self._sessions) as session:
            return await ArrivalStore(session).list_kept(after_id, _BATCH)

    async def is_kept(self, sha256: str) -> bool:
        """Tell whether bytes are in quarantine, named by a row.

        Parameters
        ----------
        sha256
            Of the bytes.

        Returns
        -------
        bool
            False for bytes that nobody knows there.
        """
        async with transaction(self._sessions) as session:
            found = await ArrivalStore(session).list_kept(0, _BATCH, sha256=sha256)
        paths = [arrival.held_path for arrival in found if arrival.held_path is not None]
        return await asyncio.to_thread(lambda: any(path.is_file() for path in paths))

    async def adopt(self, path: Path, filename: str, sha256: str, reason: str) -> Arrival:
        """Put a file that no row names into quarantine, as a new arrival.

        Parameters
        ----------
        path
            In spool or quarantine; the file gets another name there.
        filename
            What to call it.
        sha256
            Of its bytes.
        reason
            For a person who decides about it.

        Returns
        -------
        Arrival
            In quarantine.
        """
        now = self._clock()
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        new = NewArrival(Source.UPLOAD, filename, size_bytes)
        async with transaction(self._sessions) as session:
            arrivals = ArrivalStore(session)
            arrival = await _added(arrivals, new, self._clock)
            kept = await asyncio.to_thread(self._spool.quarantine, arrival, path, reason, now)
            await arrivals.change(
                arrival.id,
                state=ArrivalState.QUARANTINED,
                reason=reason,
                held_path=kept,
                sha256=sha256,
                finished_at=now,
            )
        await asyncio.to_thread(remove_held, path)  # its second name is in the catalogue now
        return replace(arrival, state=ArrivalState.QUARANTINED, held_path=kept, reason=reason)

    async def give_up(self, arrival_id: int, reason: str) -> bool:
        """Close the arrival of a file that is no longer in quarantine.

        Parameters
        ----------
        arrival_id
            Its number.
        reason
            For a person.

        Returns
        -------
        bool
            False where it was sent in again meanwhile.
        """
        async with transaction(self._sessions) as session:
            arrivals = ArrivalStore(session)
            arrival = await arrivals.get(arrival_id, lock=True)
            if arrival.state is not ArrivalState.QUARANTINED:
                return False
            await arrivals.change(
                arrival_id,
                state=ArrivalState.DISCARDED,
                reason=reason,
                held_path=None,
                finished_at=self._clock(),
            )
        return True

    async def stuck(self) -> tuple[Arrival, ...]:
        """List files on their way for which no job waits.

        Returns
        -------
        tuple of Arrival
            Some of them, by number.
        """
        async with transaction(self._sessions) as session:
            return await ArrivalStore(session).list_stuck(_BATCH)

    async def wake(self, arrival_id: int) -> None:
        """Let a worker go on with a file for which no job waits.

        Parameters
        ----------
        arrival_id
            The arrival; a settled one is only cleaned up after.
        """
        async with transaction(self._sessions) as session:
            payload = {"arrival_id": arrival_id}
            await self._queue.enqueue(session, INGEST_JOB, payload, priority=Priority.INGEST)


async def _added(arrivals: ArrivalStore, new: NewArrival, clock: Clock) -> Arrival:
    """Add an arrival; one without a path is never there already."""
    arrival = await arrivals.add(new, ArrivalState.WAITING, clock())
    if arrival is None:
        return await arrivals.get_open(new)
    return arrival
