"""Jobs that come again every day, whichever worker does them, a slice at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog
from typing_extensions import override

from app.backups.daily import MANIFEST_JOB
from app.context import Factory
from app.core.clock import Clock
from app.core.errors import ArchiveError, UnavailableError
from app.frames.trash import EMPTY_JOB
from app.jobs.models import Payload
from app.jobs.service import JobQueue
from app.previews.trimming import TRIM_JOB
from app.verification.nightly import VERIFY_JOB
from worker.dispositions import Disposition
from worker.runner import Handler

log = structlog.get_logger(__name__)

DAILY_KINDS: tuple[str, ...] = (VERIFY_JOB, EMPTY_JOB, TRIM_JOB, MANIFEST_JOB)
"""Kinds of jobs of which one is due every day; each has its handler in `daily_handlers`."""

_LOOK_AGAIN_S = 600.0


GoOn = Callable[[Payload], Awaitable[Payload | None]]
"""Does a slice, from the payload that the one before it gave, which is empty for the first of a
day; gives the payload of the next one, and None where nothing is left. Some seconds at most: the
job of a slice takes the place of another one."""


class DailyHandler(Handler):
    """Does a slice of a daily job, and lets the next one wait behind everything else.

    Parameters
    ----------
    queue
        Where the next slice waits.
    kind
        Of the job.
    go_on
        Does a slice.
    """

    def __init__(self, queue: JobQueue, kind: str, go_on: GoOn) -> None:
        self._queue = queue
        self._kind = kind
        self._go_on = go_on

    @override
    async def run(self, payload: Payload) -> None:
        following = await self._go_on(payload)
        if following is not None:
            await self._queue.enqueue_slice(self._kind, following)

    @override
    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        """Leave the rest to the next day."""
        reason = error.message if isinstance(error, ArchiveError) else type(error).__name__
        log.warning(
            "daily job left to the next day", kind=self._kind, slice=dict(payload), reason=reason
        )


def daily_handlers(factory: Factory) -> Mapping[str, Handler]:
    """Give the handlers of the daily jobs.

    Parameters
    ----------
    factory
        Of the process.

    Returns
    -------
    Mapping
        By kind: one for each of `DAILY_KINDS`.
    """

    async def trim(_: Payload) -> None:
        await factory.cache_trimmer.run()

    slices: dict[str, GoOn] = {
        VERIFY_JOB: factory.nightly.go_on,
        EMPTY_JOB: factory.purging.go_on,
        TRIM_JOB: trim,
        MANIFEST_JOB: factory.manifests.go_on,
    }
    return {kind: DailyHandler(factory.jobs, kind, go_on) for kind, go_on in slices.items()}


async def keep_due(queue: JobQueue, clock: Clock, hour_utc: int) -> None:
    """See to it, for ever, that the next job of every daily kind waits.

    Parameters
    ----------
    queue
        Shared by all workers; each kind waits in it once.
    clock
        The time.
    hour_utc
        Hour of the day at which the jobs are due, UTC.
    """
    while True:
        try:
            for kind in DAILY_KINDS:
                await queue.ensure(kind, next_time(clock(), hour_utc))
        except UnavailableError as error:
            log.warning("daily jobs cannot be planned", reason=error.message)
        await asyncio.sleep(_LOOK_AGAIN_S)


def next_time(now: datetime, hour_utc: int) -> datetime:
    """Give the next moment at which it is a certain hour.

    Parameters
    ----------
    now
        UTC.
    hour_utc
        0 to 23, UTC.

    Returns
    -------
    datetime
        After now, at most a day.
    """
    today = now.replace(hour=hour_utc, minute=0, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)
