"""Composition root: what a process owns, and how services are made of it.

API, worker and command line build the same things here, so that nothing exists twice. Each part of
the factory has its file; a part makes its services of those of the parts that it extends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.backups.restoring import check_not_half
from app.context.people import People
from app.context.pictures import Pictures
from app.context.upkeep import Upkeep
from app.core.faults import arm_by_environment
from app.core.offload import Offload
from app.db.capacity import check_capacity
from app.db.engine import make_engine, make_sessions
from app.db.schema import check_revision
from app.settings import Settings
from app.storage.local import LocalStore

__all__ = ["Factory", "process_context"]


@dataclass(frozen=True)
class Factory(Upkeep, Pictures, People):
    """Makes services; each is made once and holds no state of a request."""


@asynccontextmanager
async def process_context(settings: Settings) -> AsyncIterator[Factory]:
    """Open what a process owns, and close it at the end.

    Parameters
    ----------
    settings
        With the URL of a database.

    Yields
    ------
    Factory
        Of services.

    Raises
    ------
    WrongRevisionError
        If the database is not at head.
    HalfRestoredError
        If a restore into the data folder was not finished.
    InvalidError
        If a setting is wrong.
    UnavailableError
        If the database cannot be reached.
    """
    arm_by_environment()
    check_not_half(settings)
    settings.make_folders()
    engine = make_engine(
        settings.require_database_url(),
        pool_size=settings.database_pool,
        statement_s=settings.statement_s,
    )
    offload = Offload(
        processes=settings.child_processes,
        memory_bytes=settings.child_memory_bytes,
        timeout_s=settings.child_timeout_s,
    )
    factory = Factory(
        settings=settings,
        engine=engine,
        sessions=make_sessions(engine),
        store=LocalStore(settings.archive_dir),
        offload=offload,
    )
    try:
        _ = factory.rules
        pulse = factory.pulse  # before the first connection, for it knows them all
        await check_revision(engine)
        await check_capacity(engine, settings)
        beating = asyncio.create_task(pulse.keep(), name="pulse")
        try:
            yield factory
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await pulse.close()
    finally:
        await factory.jobs.close()
        offload.close()
        await engine.dispose()
