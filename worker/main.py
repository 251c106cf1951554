"""The worker process: watches the inbox and runs jobs until it is told to stop."""

import asyncio
import os
import signal
import socket

import structlog

from app.context import Factory, process_context
from app.logs import configure_logs
from app.settings import Settings
from worker.handlers import NEEDING_ROOM, frame_handlers
from worker.holding import Holding
from worker.inbox import Inbox
from worker.runner import Runner
from worker.upkeep import daily_handlers, keep_due
from worker.watching import Watching

log = structlog.get_logger(__name__)

_GRACE_S = 5.0


def run(settings: Settings) -> None:
    """Run the worker in the foreground until SIGINT or SIGTERM.

    Parameters
    ----------
    settings
        With the URL of a database.
    """
    configure_logs(level=settings.log_level, style=settings.log_format)
    asyncio.run(_main(settings))


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with process_context(settings) as factory:
        await work(factory, stop)


async def work(factory: Factory, stop: asyncio.Event) -> None:
    """Watch the inbox and run jobs until an event is set.

    Parameters
    ----------
    factory
        Of the process.
    stop
        Ends the work; what runs is given a moment, the rest is set free for other workers.
    """
    settings = factory.settings
    runner = Runner(
        factory.jobs,
        {
            **frame_handlers(factory),
            **daily_handlers(factory),
        },
        concurrency=settings.ingest_workers,
        worker_name=f"{socket.gethostname()}:{os.getpid()}",
        lease_s=settings.job_lease_s,
        holding=Holding(factory.volumes, NEEDING_ROOM),
    )
    inbox = Inbox(settings.inbox, settle_s=settings.settle_s, sweep_s=settings.sweep_s)
    watching = asyncio.create_task(Watching(inbox, factory.ingest).run(), name="inbox")
    running = asyncio.create_task(runner.run(), name="runner")
    upkeep = keep_due(factory.jobs, factory.clock, settings.upkeep_hour_utc)
    keeping = asyncio.create_task(upkeep, name="upkeep")
    log.info("worker ready", inbox=str(settings.inbox))
    stopping = asyncio.create_task(stop.wait())
    tasks = {watching, running, keeping}
    await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
    watching.cancel()
    keeping.cancel()
    await runner.stop(grace_s=_GRACE_S)
    await asyncio.gather(watching, keeping, return_exceptions=True)
    stopping.cancel()
    for task in tasks:
        if not task.cancelled():
            task.result()
