"""The worker process: watches the inbox and runs jobs until it is told to stop."""

import asyncio
import os
import signal
import socket

import structlog

from app.context import Factory, process_context
from app.core.errors import UnavailableError
from app.ingest.models import NewArrival, Source
from app.ingest.service import IngestService
from app.ingest.spool import display_name, identity_of
from app.logs import configure_logs
from app.settings import Settings
from worker.handlers import make_handlers
from worker.inbox import Arrived, Inbox
from worker.runner import Runner
from worker.upkeep import keep_due

log = structlog.get_logger(__name__)

_GRACE_S = 5.0
_PAUSE_S = 2.0


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
        make_handlers(factory.ingest, factory.packing),
        concurrency=settings.ingest_workers,
        worker_name=f"{socket.gethostname()}:{os.getpid()}",
    )
    inbox = Inbox(settings.inbox, settle_s=settings.settle_s, sweep_s=settings.sweep_s)
    watching = asyncio.create_task(_watch(inbox, factory.ingest), name="inbox")
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


async def _watch(inbox: Inbox, ingest: IngestService) -> None:
    """Announce every complete file; what cannot be announced stays there for a later sweep."""
    async for arrived in inbox.arrivals():
        try:
            new = await asyncio.to_thread(_new_arrival, arrived)
            is_taken = new is not None and await ingest.announce(new)
        except UnavailableError as error:
            log.warning("inbox waits", reason=error.message)
            is_taken = False
            await asyncio.sleep(_PAUSE_S)
        except Exception:  # one file must not stop the others
            log.exception("file cannot be announced", file=display_name(arrived.path))
            is_taken = False
        if not is_taken:
            inbox.forget(arrived.path)


def _new_arrival(arrived: Arrived) -> NewArrival | None:
    """Describe a file; None where it is not the one any more that was complete."""
    try:
        identity = identity_of(arrived.path)
    except FileNotFoundError:
        return None
    complete = (arrived.inode, arrived.size_bytes, arrived.modified_ns)
    if not identity.startswith(":".join(map(str, complete))):
        return None
    return NewArrival(
        source=Source.INBOX,
        filename=display_name(arrived.path),
        size_bytes=arrived.size_bytes,
        source_path=arrived.path,
        source_identity=identity,
    )
