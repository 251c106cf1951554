"""Takes jobs and runs them side by side, holding each by a lease that it keeps renewing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from enum import StrEnum
from typing import Any, Protocol

import structlog

from app.core.errors import InvalidError, UnavailableError
from app.core.faults import FaultPoint, reach
from app.jobs.models import Job, Payload
from app.jobs.service import JobQueue
from app.storage.errors import StorageUnavailableError, is_refusal, storage_error
from worker.dispositions import (
    Disposition,
    counts_as_attempt,
    disposition_of,
    is_foreseen,
    retry_delay_s,
)
from worker.holding import Holding
from worker.queue_watch import QueueWatch

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0
_HELD_POLL_S = 1.0
_LONGEST_ERROR = 2000
_LAST_CHANCES = 5


class OverdueError(InvalidError):
    """A handler took longer than any job may."""

    title = "Job took too long"


class SpentError(InvalidError):
    """The job was taken as often as any may be, and the last worker did not live to settle it."""

    title = "Too many attempts"


class Outcome(StrEnum):
    """How an attempt at a job ended."""

    FINISHED = "finished"
    RETRIED = "retried"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"
    RELEASED = "released"
    """The worker was stopped; the job is free for another one."""
    LOST = "lost"
    """The lease lapsed, or could not be settled; another worker does the job again."""


_GIVEN_UP = {
    Disposition.QUARANTINE: Outcome.QUARANTINED,
    Disposition.DISCARD: Outcome.DISCARDED,
}


class Handler(Protocol):
    """Does the jobs of one kind; must stand being called again with the same payload."""

    async def run(self, payload: Payload) -> None:
        """Do the job; whatever is raised decides by `worker.dispositions` what comes next.

        Parameters
        ----------
        payload
            As it was enqueued.
        """

    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        """Note that the job will not be tried again; it leaves the queue afterwards.

        Parameters
        ----------
        payload
            As it was enqueued.
        error
            The last error; not always an `ArchiveError`.
        disposition
            `QUARANTINE` or `DISCARD`.
        """


class Runner:
    """Runs jobs until it is stopped.

    Parameters
    ----------
    queue
        Where the jobs wait.
    handlers
        By kind; jobs of other kinds are left to other workers.
    concurrency
        How many jobs run at once.
    worker_name
        For people who look at the jobs table.
    lease_s
        How long a job stays held after the last sign of life [s]; renewed three times as often.
    timeout_s
        How long one attempt may take [s].
    poll_s
        How often the queue is looked at when it tells nothing [s].
    max_attempts
        After how many attempts an error that nobody foresaw ends in quarantine. A job whose
        workers died that often may be what kills them, or innocent: it is done alone from then on,
        after ever longer rests, and given up after five more deaths.
    holding
        Which kinds are held back while disks refuse; None for none.
    """

    def __init__(  # noqa: PLR0913  # its paces, each with a default
        self,
        queue: JobQueue,
        handlers: Mapping[str, Handler],
        *,
        concurrency: int,
        worker_name: str,
        lease_s: float = 60.0,
        timeout_s: float = 3600.0,
        poll_s: float = 5.0,
        max_attempts: int = 5,
        holding: Holding | None = None,
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        self._concurrency = concurrency
        self._worker_name = worker_name
        self._lease_s = lease_s
        self._timeout_s = timeout_s
        self._poll_s = poll_s
        self._max_attempts = max_attempts
        self._holding = holding
        self._watch = QueueWatch()
        self._running: set[asyncio.Task[None]] = set()
        self._lonely: asyncio.Task[None] | None = None
        self._grace_s = 0.0
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Take and run jobs until `stop`; whatever fails, this goes on."""
        self._idle.clear()
        pause_s = 0.0
        try:
            while not self._stopping.is_set():
                try:
                    await self._step()
                    pause_s = 0.0
                except Exception as error:  # noqa: BLE001  # logged; the worker must not die
                    pause_s = min(max(_FIRST_PAUSE_S, 2 * pause_s), _LONGEST_PAUSE_S)
                    self._watch.failed(error)
                    await self._until_stopped(asyncio.sleep(pause_s))
        finally:
            await self._drain()
            self._idle.set()

    async def stop(self, *, grace_s: float) -> None:
        """Take no more jobs, and return when none is running any more.

        Parameters
        ----------
        grace_s
            How long the running ones may go on [s]; the rest is cancelled and set free.
        """
        self._grace_s = grace_s
        self._stopping.set()
        await self._idle.wait()

    async def _step(self) -> None:
        """Start one job, or wait for a free slot or for something to do."""
        if len(self._running) >= self._concurrency or self._lonely in self._running:
            await self._until_stopped(
                asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            )
            return
        kinds = await self._free_kinds()
        job = await self._queue.take(self._worker_name, kinds, lease_s=self._lease_s)
        self._watch.answered()
        if job is None:
            is_held = len(kinds) < len(self._handlers)
            poll_s = min(_HELD_POLL_S, self._poll_s) if is_held else self._poll_s
            await self._until_stopped(self._queue.wait_for_work(poll_s))
            return
        reach(FaultPoint.TAKEN)
        others = frozenset(self._running) if self._is_suspect(job) else frozenset()
        task = asyncio.create_task(self._work(job, others), name=f"{job.kind} {job.id}")
        self._running.add(task)
        if self._is_suspect(job):
            self._lonely = task
        task.add_done_callback(self._running.discard)

    async def _free_kinds(self) -> Collection[str]:
        """Tell which kinds of jobs are worth a try just now."""
        if self._holding is None:
            return self._handlers.keys()
        return await self._holding.free(self._handlers)

    def _is_suspect(self, job: Job) -> bool:
        """Tell whether a job may be what kills its workers."""
        return job.attempts > self._max_attempts

    def _lease_s_of(self, job: Job) -> float:
        """Say how long a job rests if its worker dies [s]: a suspect one longer each time."""
        deaths = min(max(0, job.attempts - self._max_attempts), _LAST_CHANCES)
        return self._lease_s * 2.0**deaths

    async def _until_stopped(self, coroutine: Coroutine[Any, Any, object]) -> None:
        work = asyncio.create_task(coroutine)
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            await _cancel(work, stop)

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self._grace_s)
        await _cancel(*self._running)

    async def _work(self, job: Job, others: frozenset[asyncio.Task[None]]) -> None:
        """Attempt a job while the lease holds, settle it, and log how it went."""  # noqa: DOC501  # its own end
        started_s = time.monotonic()
        attempt = asyncio.create_task(self._attempt(job, others))
        heartbeat = asyncio.create_task(self._keep_lease(job))
        outcome = Outcome.LOST
        try:
            await asyncio.wait({attempt, heartbeat}, return_when=asyncio.FIRST_COMPLETED)
            if attempt.done():
                outcome = attempt.result()
        except asyncio.CancelledError:
            await _cancel(attempt, heartbeat)
            outcome = await self._release(job)
            raise
        except Exception:  # noqa: BLE001  # logged; the lease lapses and the job is done again
            _log.exception("job could not be settled", kind=job.kind, job=job.id)
        finally:
            await _cancel(attempt, heartbeat)
            seconds = round(time.monotonic() - started_s, 3)
            tell = _log.debug if outcome is Outcome.FINISHED else _log.info
            tell("job", kind=job.kind, job=job.id, seconds=seconds, outcome=outcome.value)

    async def _attempt(self, job: Job, others: frozenset[asyncio.Task[None]]) -> Outcome:
        try:
            if others:
                await asyncio.wait(others)
            await self._run_handler(job)
        except Exception as error:  # noqa: BLE001  # the dispositions decide; logged there
            return await self._fail(job, error)
        if self._holding is not None:
            self._holding.succeeded(job)
        return await self._finish(job, Outcome.FINISHED)

    async def _run_handler(self, job: Job) -> None:
        if job.attempts > self._max_attempts + _LAST_CHANCES:
            why = job.last_error or "the worker died each time"
            raise SpentError(f"given up after {job.attempts - 1} attempts: {why}")
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                await self._handlers[job.kind].run(job.payload)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise OverdueError(f"not done within {self._timeout_s:g} s") from error
        except OSError as error:
            if not is_refusal(error):
                raise
            refused: StorageUnavailableError = storage_error(error, "a file")
            raise refused from error
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            raise UnavailableError("something that the handler waited for was stopped") from error

    async def _fail(self, job: Job, error: Exception) -> Outcome:
        disposition = self._decide(job, error)
        _tell_job_fails(job, error, disposition)
        if disposition is Disposition.RETRY:
            return await self._postpone(job, error)
        try:
            await self._handlers[job.kind].give_up(job.payload, error, disposition)
        except Exception as second:  # noqa: BLE001  # logged; tried again, so that nothing is lost
            _tell_job_fails(job, second, Disposition.RETRY)
            return await self._postpone(job, second)
        return await self._finish(job, _GIVEN_UP[disposition])

    def _decide(self, job: Job, error: Exception) -> Disposition:
        disposition = disposition_of(error)
        is_spent = counts_as_attempt(error) and job.attempts >= self._max_attempts
        if disposition is Disposition.RETRY and is_spent:
            return Disposition.QUARANTINE
        return disposition

    async def _postpone(self, job: Job, error: Exception) -> Outcome:
        text = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
        delay_s = (
            retry_delay_s(error, job.attempts)
            if self._holding is None
            else self._holding.failed(job, error)
        )
        counts = counts_as_attempt(error)
        is_held = await self._insist(
            lambda: self._queue.postpone(job, delay_s, text, counts=counts)
        )
        return Outcome.RETRIED if is_held else Outcome.LOST

    async def _finish(self, job: Job, outcome: Outcome) -> Outcome:
        is_held = await self._insist(lambda: self._queue.finish(job))
        reach(FaultPoint.FINISHED)
        return outcome if is_held else Outcome.LOST

    async def _release(self, job: Job) -> Outcome:
        try:
            await self._queue.release(job)
        except UnavailableError as error:
            _log.warning("lease not released, it lapses", job=job.id, error=str(error))
            return Outcome.LOST
        except Exception:  # noqa: BLE001  # logged; the worker is stopping anyway
            _log.exception("lease not released, it lapses", kind=job.kind, job=job.id)
            return Outcome.LOST
        return Outcome.RELEASED

    async def _keep_lease(self, job: Job) -> None:
        """Renew the lease again and again; return when the job is lost to another worker."""
        pause_s = 0.0 if self._is_suspect(job) else self._lease_s / 3
        while True:
            await asyncio.sleep(pause_s)
            pause_s = self._lease_s / 3
            try:
                if not await self._queue.renew(job, self._lease_s_of(job)):
                    return
            except Exception as error:  # noqa: BLE001  # logged; the lease may outlive a restart
                self._watch.failed(error)

    async def _insist(self, settle: Callable[[], Awaitable[bool]]) -> bool:
        """Settle a job, however long the database is away: its lease says if that still counts."""
        pause_s = 0.0
        while True:
            try:
                return await settle()
            except UnavailableError as error:
                pause_s = min(max(_FIRST_PAUSE_S, 2 * pause_s), _LONGEST_PAUSE_S)
                self._watch.failed(error)
                await asyncio.sleep(pause_s)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel what still runs and wait until it is down; its outcome was looked at before."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _tell_job_fails(job: Job, error: Exception, disposition: Disposition) -> None:
    facts = {"kind": job.kind, "job": job.id, "attempt": job.attempts, "next": disposition.value}
    if is_foreseen(error) and disposition is not Disposition.RETRY:
        _log.debug("job given up", error=str(error), **facts)  # the handler says what becomes of it
    elif is_foreseen(error):
        _log.warning("job failed", error=str(error), **facts)
    else:
        _log.error("job failed unforeseen", exc_info=error, **facts)
