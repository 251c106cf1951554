"""Jobs that come again every day, whichever worker does them."""

import asyncio
from datetime import datetime, timedelta

import structlog

from app.core.clock import Clock
from app.core.errors import UnavailableError
from app.jobs.service import JobQueue

log = structlog.get_logger(__name__)

DAILY_KINDS: tuple[str, ...] = ()
"""Kinds of jobs of which one is due every day; each has its handler in `worker.handlers`."""

_LOOK_AGAIN_S = 600.0


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
