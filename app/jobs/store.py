"""The jobs table: one statement a step, so that any number of workers can share it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import JobRow
from app.jobs.models import CHANNEL, Job, Payload


class JobStore:
    """Jobs, within one transaction.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, kind: str, payload: Payload, *, priority: int, run_at: datetime) -> int:
        """Add a job, and tell the listeners when the transaction commits.

        Parameters
        ----------
        kind
            Which handler it is for.
        payload
            What it is about.
        priority
            The lower goes first.
        run_at
            Not before, UTC.

        Returns
        -------
        int
            Number of the job.
        """
        row = JobRow(kind=kind, payload=dict(payload), priority=priority, run_at=run_at)
        self._session.add(row)
        await self._session.flush()
        await self._tell(kind)
        return row.id

    async def add_all(
        self, kind: str, payloads: Sequence[Payload], *, priority: int, run_at: datetime
    ) -> None:
        """Add jobs of one kind, and tell the listeners once.

        Parameters
        ----------
        kind
            Which handler they are for.
        payloads
            What each of them is about; they get numbers in this order.
        priority
            The lower goes first.
        run_at
            Not before, UTC.
        """
        shared = {"kind": kind, "priority": priority, "run_at": run_at}
        values = [{"payload": dict(payload), **shared} for payload in payloads]
        await self._session.execute(insert(JobRow), values)
        await self._tell(kind)

    async def add_once(self, kind: str, *, priority: int, run_at: datetime) -> None:
        """Add a job of a kind of which there shall be one at a time, unless there is one.

        Parameters
        ----------
        kind
            Which handler it is for; it gets no payload.
        priority
            The lower goes first.
        run_at
            Not before, UTC.
        """
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"job {kind}", 0))
        await self._session.execute(select(lock))
        found = select(JobRow.id).where(JobRow.kind == kind).limit(1)
        if (await self._session.execute(found)).scalar_one_or_none() is None:
            await self.add(kind, {}, priority=priority, run_at=run_at)

    async def find_free(
        self, kinds: Collection[str], *, lease: str, now: datetime, until: datetime
    ) -> Job | None:
        """Take the first job that nobody holds.

        Parameters
        ----------
        kinds
            Kinds that the worker can do.
        lease
            Unique to this taking.
        now
            The current moment, UTC; a lease that ended before it counts no more.
        until
            When the new lease ends, UTC.

        Returns
        -------
        Job or None
            None where there is nothing to do.
        """
        row = await self._session.scalar(
            update(JobRow)
            .where(JobRow.id == _first_free(kinds, now))
            .values(leased_by=lease, leased_until=until, attempts=JobRow.attempts + 1)
            .returning(JobRow)
            .execution_options(synchronize_session=False)
        )
        if row is None:
            return None
        return Job(row.id, row.kind, row.payload, row.attempts, lease, row.last_error)

    async def replace_lease(self, job: Job, *, until: datetime) -> bool:
        """Prolong a lease.

        Parameters
        ----------
        job
            Held.
        until
            When it ends from now on, UTC.

        Returns
        -------
        bool
            False where somebody else has taken the job.
        """
        changed = await self._session.scalar(
            update(JobRow).where(*_is_held(job)).values(leased_until=until).returning(JobRow.id)
        )
        return changed is not None

    async def remove_lease(
        self, job: Job, *, run_at: datetime | None, attempts: int, error: str | None
    ) -> bool:
        """Set a job free again; the listeners hear of it where it need not wait.

        Parameters
        ----------
        job
            Held.
        run_at
            Not before, UTC; None for at once, in its old place.
        attempts
            How many count from now on.
        error
            Why it was not finished; None to keep what is noted.

        Returns
        -------
        bool
            False where somebody else has taken the job.
        """
        changed = await self._session.scalar(
            update(JobRow)
            .where(*_is_held(job))
            .values(
                leased_by=None,
                leased_until=None,
                run_at=JobRow.run_at if run_at is None else run_at,
                attempts=attempts,
                last_error=JobRow.last_error if error is None else error,
            )
            .returning(JobRow.id)
        )
        if run_at is None:
            await self._tell(job.kind)
        return changed is not None

    async def remove(self, job: Job) -> bool:
        """Remove a job that is done.

        Parameters
        ----------
        job
            Held.

        Returns
        -------
        bool
            False where somebody else has taken the job.
        """
        removed = await self._session.scalar(
            delete(JobRow).where(*_is_held(job)).returning(JobRow.id)
        )
        return removed is not None

    async def remove_waiting(self, job_id: int) -> None:
        """Remove a job that has become pointless, unless somebody holds it.

        Parameters
        ----------
        job_id
            Number of the job.
        """
        await self._session.execute(
            delete(JobRow).where(JobRow.id == job_id, JobRow.leased_by.is_(None))
        )

    async def count(self) -> int:
        """Count the jobs.

        Returns
        -------
        int
            Waiting and held.
        """
        return await self._session.scalar(select(func.count()).select_from(JobRow)) or 0

    async def _tell(self, kind: str) -> None:
        """Tell all listeners; PostgreSQL does so when, and only when, the transaction commits."""
        await self._session.execute(select(func.pg_notify(CHANNEL, kind)))


def _first_free(kinds: Collection[str], now: datetime) -> ScalarSelect[int]:
    """Select and lock the next job; rows that another worker is just taking are passed over."""
    return (
        select(JobRow.id)
        .where(
            JobRow.kind.in_(tuple(kinds)),
            JobRow.run_at <= now,
            or_(JobRow.leased_until.is_(None), JobRow.leased_until <= now),
        )
        .order_by(JobRow.priority, JobRow.run_at, JobRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _is_held(job: Job) -> tuple[ColumnElement[bool], ...]:
    return JobRow.id == job.id, JobRow.leased_by == job.lease
