"""The job queue: work waits in PostgreSQL and is held by leases, so that no worker can lose it."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.db.engine import Sessions, transaction
from app.jobs.listener import Listener
from app.jobs.models import Job, Payload, Priority
from app.jobs.store import JobStore


class JobQueue:
    """Work that waits, shared by any number of workers on any number of machines.

    A job is done at least once: handlers must stand being called again with the same payload.

    Parameters
    ----------
    sessions
        Factory of database sessions.
    clock
        Gives the current moment. Clocks of several machines may differ by seconds: that delays a
        job or repeats it, and never lets a worker finish what another one holds.
    """

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._listener = Listener(sessions)

    async def enqueue(
        self,
        session: AsyncSession,
        kind: str,
        payload: Payload,
        *,
        priority: Priority = Priority.INGEST,
        run_at: datetime | None = None,
    ) -> int:
        """Add a job in the caller's transaction, so that it appears together with its rows.

        Parameters
        ----------
        session
            Within the caller's transaction.
        kind
            Which handler it is for.
        payload
            What it is about; JSON.
        priority
            Which job goes first.
        run_at
            Not before, aware; None for at once.

        Returns
        -------
        int
            Number of the job.
        """
        return await JobStore(session).add(
            kind, payload, priority=priority, run_at=run_at or self._clock()
        )

    async def enqueue_all(
        self, session: AsyncSession, kind: str, payloads: Sequence[Payload], *, priority: Priority
    ) -> None:
        """Add jobs that are due at once, in the caller's transaction.

        Parameters
        ----------
        session
            Within the caller's transaction.
        kind
            Which handler they are for.
        payloads
            What each of them is about, the first first.
        priority
            Which jobs go first.
        """
        if payloads:
            await JobStore(session).add_all(kind, payloads, priority=priority, run_at=self._clock())

    async def enqueue_slice(self, kind: str, payload: Payload) -> None:
        """Let the next slice of a long job wait, behind everything else.

        Parameters
        ----------
        kind
            Which handler it is for.
        payload
            Where the slice before ended.
        """
        async with transaction(self._sessions) as session:
            await self.enqueue(session, kind, payload, priority=Priority.UPKEEP)

    async def ensure(self, kind: str, run_at: datetime) -> None:
        """Let a job of a kind be due once, unless one of this kind waits or is done just now.

        Parameters
        ----------
        kind
            Which handler it is for.
        run_at
            Not before, aware; does not change the time of a job that is there.
        """
        async with transaction(self._sessions) as session:
            await JobStore(session).add_once(kind, priority=Priority.UPKEEP, run_at=run_at)

    async def withdraw(self, job_id: int) -> None:
        """Remove a job that has become pointless, unless somebody does it just now.

        Parameters
        ----------
        job_id
            As `enqueue` gave it.
        """
        async with transaction(self._sessions) as session:
            await JobStore(session).remove_waiting(job_id)

    async def take(self, worker: str, kinds: Collection[str], *, lease_s: float) -> Job | None:
        """Take the next job that nobody holds, by priority, time and number.

        Parameters
        ----------
        worker
            Name of the worker, for people who look at the table.
        kinds
            Kinds that the worker can do.
        lease_s
            How long the job is held unless the lease is renewed [s].

        Returns
        -------
        Job or None
            None where there is nothing to do.
        """
        now = self._clock()
        async with transaction(self._sessions) as session:
            return await JobStore(session).find_free(
                kinds,
                lease=f"{worker}/{secrets.token_hex(8)}",
                now=now,
                until=now + timedelta(seconds=lease_s),
            )

    async def renew(self, job: Job, lease_s: float) -> bool:
        """Hold a job longer; a lapsed lease revives if nobody has taken the job meanwhile.

        Parameters
        ----------
        job
            Held.
        lease_s
            How long from now [s].

        Returns
        -------
        bool
            False where the job is lost to another worker.
        """
        until = self._clock() + timedelta(seconds=lease_s)
        async with transaction(self._sessions) as session:
            return await JobStore(session).replace_lease(job, until=until)

    async def finish(self, job: Job) -> bool:
        """Remove a job that is done.

        Parameters
        ----------
        job
            Held.

        Returns
        -------
        bool
            False where the job is lost to another worker, who will do it again.
        """
        async with transaction(self._sessions) as session:
            return await JobStore(session).remove(job)

    async def postpone(self, job: Job, delay_s: float, error: str, *, counts: bool = True) -> bool:
        """Give a job back, to be taken later.

        Parameters
        ----------
        job
            Held.
        delay_s
            Not before so long from now [s].
        error
            Why, for people who look at the table.
        counts
            Whether this was an attempt; not where the job had no part in what failed.

        Returns
        -------
        bool
            False where the job is lost to another worker.
        """
        run_at = self._clock() + timedelta(seconds=delay_s)
        attempts = job.attempts if counts else job.attempts - 1
        async with transaction(self._sessions) as session:
            return await JobStore(session).remove_lease(
                job, run_at=run_at, attempts=attempts, error=error
            )

    async def release(self, job: Job) -> bool:
        """Give a job back as it was found, so that another worker goes on at once.

        Parameters
        ----------
        job
            Held.

        Returns
        -------
        bool
            False where the job is lost to another worker.
        """
        async with transaction(self._sessions) as session:
            return await JobStore(session).remove_lease(
                job, run_at=None, attempts=job.attempts - 1, error=None
            )

    async def count(self) -> int:
        """Count the jobs.

        Returns
        -------
        int
            Waiting and held.
        """
        async with transaction(self._sessions) as session:
            return await JobStore(session).count()

    async def wait_for_work(self, timeout_s: float) -> None:
        """Return when a job may have come, at the latest after the time-out; never fails.

        One caller at a time: a process has one queue and one runner.

        Parameters
        ----------
        timeout_s
            Longest wait [s]: jobs that are due by time alone, or that came while the database
            could not tell, are found so.
        """
        await self._listener.wait(timeout_s)

    async def close(self) -> None:
        """Close the connection that listens for jobs."""
        await self._listener.close()
