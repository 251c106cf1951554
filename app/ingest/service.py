"""The one door: a file that came in becomes a frame, or waits in quarantine with a reason."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from app.core.clock import Clock
from app.core.errors import ArchiveError, NotFoundError, UnavailableError
from app.core.faults import FaultPoint, reach
from app.core.paging import Page, Window
from app.db.engine import Sessions, Transaction, transaction
from app.ingest.admission import Admission
from app.ingest.filing import Filing
from app.ingest.models import (
    INGEST_JOB,
    Arrival,
    ArrivalBusyError,
    ArrivalState,
    NewArrival,
    NotRecordedError,
    Outcome,
    Source,
)
from app.ingest.restoring import Restorer
from app.ingest.settled import Settled
from app.ingest.spool import Spool, remove_copy, remove_held, remove_source
from app.ingest.store import ArrivalStore
from app.jobs.models import Priority
from app.jobs.service import JobQueue
from app.storage.errors import StorageUnavailableError

log = structlog.get_logger(__name__)


class IngestService:
    """Takes files in, whichever way they come.

    Parameters
    ----------
    sessions, queue, clock
        Of the process.
    spool
        For private copies.
    filing, restorer
        Make frames of them, and know which ones are lost.
    safety_net
        When a worker takes up what an upload or a bulk import began and did not end.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        queue: JobQueue,
        clock: Clock,
        spool: Spool,
        filing: Filing,
        restorer: Restorer,
        safety_net: timedelta = timedelta(minutes=15),
    ) -> None:
        self._sessions = sessions
        self._queue = queue
        self._clock = clock
        self._spool = spool
        self._filing = filing
        self._settled = Settled(sessions, restorer)
        self._safety_net = safety_net

    @property
    def spool(self) -> Spool:
        """Where uploads are written to before they are announced."""
        return self._spool

    async def announce(self, new: NewArrival) -> bool:
        """Let a worker file a file of the inbox.

        Parameters
        ----------
        new
            The file, complete.

        Returns
        -------
        bool
            False where the path is to be looked at again later: another file of this path is being
            filed just now, or this one was settled before, a crash left it behind, and it is
            removed now.
        """
        return not await self.announce_all([new])

    async def announce_all(self, new: Sequence[NewArrival]) -> Sequence[NewArrival]:
        """Let a worker file some files of the inbox, all in one transaction.

        Parameters
        ----------
        new
            The files, complete, each at another path.

        Returns
        -------
        sequence of NewArrival
            Those whose path is to be looked at again later, see `announce`.

        Raises
        ------
        ArrivalBusyError
            If another worker has settled one of them just now; none is recorded then.
        """
        async with transaction(self._sessions) as session:
            settled = await self._settled.list(session, new)
            fresh = [each for each in new if each not in settled]
            busy = await Admission(session, self._queue, self._clock).admit(fresh)
            if late := await self._settled.list(session, fresh):
                raise ArrivalBusyError(f"{next(iter(late)).filename} has been settled just now")
        reach(FaultPoint.RECORDED)
        removed = await asyncio.to_thread(
            lambda: [each for each, arrival in settled.items() if remove_source(arrival)]
        )
        return [*busy, *removed]

    async def take_in(self, new: NewArrival) -> tuple[Arrival, Outcome | ArchiveError | None]:
        """File a file at once, for callers who wait for the outcome.

        Parameters
        ----------
        new
            An upload in the spool, or a file of a bulk import.

        Returns
        -------
        Arrival
            The record.
        Outcome or ArchiveError or None
            What became of it; the error that sent it to quarantine; None where it was settled by
            somebody else.

        Raises
        ------
        NotRecordedError
            If the database is away: nothing is known of the file, the caller keeps it or says so.
        StorageUnavailableError
            If a disk refuses. An upload is closed: the caller removes it and says so. Anything else
            waits for a worker.
        UnavailableError
            If something is away later; a worker files it then.
        """
        try:
            arrival, job_id = await self._record(new)
        except UnavailableError as error:
            raise NotRecordedError(f"{error.message}; send {new.filename} again") from error
        try:
            outcome = await self._file_or_quarantine(arrival.id)
        except StorageUnavailableError as error:
            if new.source is Source.UPLOAD:
                await self.discard(arrival.id, f"{error.message} (whoever sent it was told)")
                await self._queue.withdraw(job_id)
            raise
        await self._queue.withdraw(job_id)
        return arrival, outcome

    async def was_settled(self, new: NewArrival) -> bool:
        """Tell whether exactly this file came in before, by the same way.

        Parameters
        ----------
        new
            With path and identity.

        Returns
        -------
        bool
            True if it was filed, a duplicate, or quarantined, and is kept ever since.
        """
        async with transaction(self._sessions) as session:
            return bool(await self._settled.list(session, [new]))

    async def process(self, arrival_id: int) -> Outcome | None:
        """File an arrival; safe to be repeated at any point.

        Parameters
        ----------
        arrival_id
            Its number.

        Returns
        -------
        Outcome or None
            None where it was settled before.

        Raises
        ------
        UnavailableError
            If something is away; the arrival waits.
        ArchiveError
            If it cannot be filed; the arrival stays open, and the caller decides by the family of
            the error: again later, or `quarantine`, or `discard`.
        """
        arrival = await self._start(arrival_id)
        if not arrival.state.is_open:
            if await self._settled.is_kept(arrival):
                await asyncio.to_thread(_clean_up, arrival)
            return None
        try:
            copy, digests = await asyncio.to_thread(self._spool.take, arrival)
            try:
                outcome = await self._filing.file(arrival, copy, digests)
            except NotFoundError as error:  # only `take` can say that the file itself is gone
                raise UnavailableError(f"a file has vanished: {error.message}") from error
            finally:
                if copy != arrival.held_path:
                    await asyncio.to_thread(remove_copy, copy)
        except UnavailableError as error:
            await self._change(arrival_id, state=ArrivalState.WAITING, reason=error.message)
            raise
        if outcome is not None:
            await asyncio.to_thread(_clean_up, replace(arrival, state=outcome.state))
            log.info("ingested", arrival=arrival.id, file=arrival.filename, state=outcome.state)
        return outcome

    async def quarantine(self, arrival_id: int, reason: str) -> None:
        """Put a file that cannot be filed aside, with a reason a person can act on.

        Parameters
        ----------
        arrival_id
            Its number; nothing happens where it is settled already. Where the file is gone, the
            arrival is discarded.
        reason
            One sentence.

        Raises
        ------
        UnavailableError
            If disk or database are away.
        """
        arrival = await self._get(arrival_id)
        if not arrival.state.is_open:
            return
        now = self._clock()
        try:
            copy, digests = await asyncio.to_thread(self._spool.take, arrival)
        except NotFoundError as error:
            await self.discard(arrival_id, error.message)
            return
        is_kept = False
        try:
            kept = await asyncio.to_thread(self._spool.quarantine, arrival, copy, reason, now)
            is_kept = await self._change(
                arrival_id,
                state=ArrivalState.QUARANTINED,
                reason=reason,
                held_path=kept,
                sha256=digests.sha256,
                finished_at=now,
            )
            reach(FaultPoint.QUARANTINED)
        finally:
            if copy != (kept if is_kept else arrival.held_path):
                await asyncio.to_thread(remove_copy, copy)
        if is_kept:
            reach(FaultPoint.COPY_REMOVED)
            await asyncio.to_thread(remove_source, arrival)
            log.warning("quarantined", arrival=arrival.id, file=arrival.filename, reason=reason)

    async def discard(self, arrival_id: int, reason: str) -> None:
        """Close an arrival whose file is gone; nothing is removed.

        Parameters
        ----------
        arrival_id
            Its number.
        reason
            One sentence.
        """
        arrival = await self._get(arrival_id)
        now = self._clock()
        if await self._change(
            arrival_id, state=ArrivalState.DISCARDED, reason=reason, finished_at=now
        ):
            reach(FaultPoint.DISCARDED)
            log.warning("discarded", arrival=arrival.id, file=arrival.filename, reason=reason)

    async def retry(self, arrival_id: int) -> Arrival:
        """Send a quarantined file in again.

        Parameters
        ----------
        arrival_id
            Its number.

        Returns
        -------
        Arrival
            Waiting again.

        Raises
        ------
        ArrivalNotFoundError
            If there is none of this number.
        ArrivalBusyError
            If it is not in quarantine.
        """
        async with transaction(self._sessions) as session:
            arrivals = ArrivalStore(session)
            arrival = await arrivals.get(arrival_id, lock=True)
            if arrival.state is not ArrivalState.QUARANTINED:
                raise ArrivalBusyError(
                    f"arrival {arrival_id} is {arrival.state}; only quarantined files can be sent"
                    " in again"
                )
            is_inbox = arrival.source is Source.INBOX
            await arrivals.change(
                arrival_id,
                state=ArrivalState.WAITING,
                reason=None,
                finished_at=None,
                # Another file may lie at its place in the inbox by now.
                **({"source_path": None, "source_identity": None} if is_inbox else {}),
            )
            await self._enqueue(session, arrival_id)
            return await arrivals.get(arrival_id)

    async def list(self, state: ArrivalState | None, window: Window) -> Page[Arrival]:
        """List every file that ever came in, newest first.

        Parameters
        ----------
        state
            Only these; None for all.
        window
            Which part.

        Returns
        -------
        Page
            Arrivals and their exact number.
        """
        async with transaction(self._sessions) as session:
            return await ArrivalStore(session).list(state, window)

    async def _record(self, new: NewArrival) -> tuple[Arrival, int]:
        """Record a file whose sender waits, and a job in case this process does not live."""
        async with transaction(self._sessions) as session:
            arrivals = ArrivalStore(session)
            arrival = await arrivals.add(new, ArrivalState.WAITING, self._clock())
            if arrival is None:
                arrival = await arrivals.get_open(new)
            job_id = await self._enqueue(session, arrival.id, delay=self._safety_net)
        reach(FaultPoint.RECORDED)
        return arrival, job_id

    async def _file_or_quarantine(self, arrival_id: int) -> Outcome | ArchiveError | None:
        try:
            return await self.process(arrival_id)
        except UnavailableError:
            raise
        except NotFoundError as error:
            await self.discard(arrival_id, error.message)
            return error
        except ArchiveError as error:
            await self.quarantine(arrival_id, error.message)
            return error

    async def _enqueue(
        self, session: Transaction, arrival_id: int, delay: timedelta = timedelta()
    ) -> int:
        payload = {"arrival_id": arrival_id}
        return await self._queue.enqueue(
            session, INGEST_JOB, payload, priority=Priority.INGEST, run_at=self._clock() + delay
        )

    async def _start(self, arrival_id: int) -> Arrival:
        """Begin with an arrival; a settled one is given as it is."""
        async with transaction(self._sessions) as session:
            arrivals = ArrivalStore(session)
            arrival = await arrivals.get(arrival_id, lock=True)
            if arrival.state.is_open:
                await arrivals.change(arrival_id, state=ArrivalState.RUNNING, reason=None)
        reach(FaultPoint.STARTED)
        return arrival

    async def _get(self, arrival_id: int) -> Arrival:
        async with transaction(self._sessions) as session:
            return await ArrivalStore(session).get(arrival_id)

    async def _change(self, arrival_id: int, **values: object) -> bool:
        """Change an arrival, unless somebody else has settled it meanwhile."""
        async with transaction(self._sessions) as session:
            return await ArrivalStore(session).change_open(arrival_id, **values)


def _clean_up(arrival: Arrival) -> None:
    """Remove what a frame has made needless: the private copy first, the source last."""
    if arrival.state in {ArrivalState.FILED, ArrivalState.DUPLICATE}:
        remove_held(arrival.held_path)
        reach(FaultPoint.COPY_REMOVED)
        remove_source(arrival)
