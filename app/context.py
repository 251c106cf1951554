"""Composition root: what a process owns, and how services are made of it.

API, worker and command line build the same things here, so that nothing exists twice.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncEngine

from app.accounts.service import AccountService
from app.bundles.service import BundleService
from app.core.clock import Clock, system_clock
from app.core.offload import Offload
from app.db.engine import Sessions, make_engine, make_sessions
from app.db.schema import check_revision
from app.frames.links import LinkSigner
from app.frames.service import FrameService
from app.ingest.filing import Filing
from app.ingest.packing import PackService
from app.ingest.rules import Rules, make_rules
from app.ingest.service import IngestService
from app.ingest.spool import Spool
from app.jobs.service import JobQueue
from app.previews.service import PreviewService
from app.settings import Settings
from app.storage.local import LocalStore
from app.storage.protocol import Store


@dataclass(frozen=True)
class Factory:
    """Makes services; each is made once and holds no state of a request.

    Attributes
    ----------
    settings
        Of the process.
    engine, sessions
        The way to the database.
    store
        The archived bytes.
    offload
        Child processes.
    clock
        The time.
    """

    settings: Settings
    engine: AsyncEngine
    sessions: Sessions
    store: Store
    offload: Offload
    clock: Clock = system_clock

    @cached_property
    def accounts(self) -> AccountService:
        """Users, proposals and tokens."""
        secret = self.settings.secret()
        return AccountService(self.sessions, secret_key=secret, clock=self.clock)

    @cached_property
    def frames(self) -> FrameService:
        """The catalogue."""
        return FrameService(self.sessions, self.clock, self.settings.internal_frames)

    @cached_property
    def links(self) -> LinkSigner:
        """Signed download links."""
        return LinkSigner(
            self.settings.secret(), lifetime_s=self.settings.link_lifetime_s, clock=self.clock
        )

    @cached_property
    def previews(self) -> PreviewService:
        """Rendered pictures."""
        return PreviewService(self.settings.previews_dir, self.store, self.offload)

    @cached_property
    def bundles(self) -> BundleService:
        """Zips of frames."""
        return BundleService(self.frames, self.store, limit=self.settings.max_bundle_frames)

    @cached_property
    def jobs(self) -> JobQueue:
        """Work that waits."""
        return JobQueue(self.sessions, self.clock)

    @cached_property
    def spool(self) -> Spool:
        """Private copies."""
        return Spool(self.settings.spool_dir, self.settings.quarantine_dir)

    @cached_property
    def rules(self) -> Rules:
        """What this archive demands of a file."""
        return make_rules(self.settings)

    @cached_property
    def filing(self) -> Filing:
        """Makes frames of private copies."""
        return Filing(
            sessions=self.sessions,
            store=self.store,
            offload=self.offload,
            queue=self.jobs,
            clock=self.clock,
            rules=self.rules,
        )

    @cached_property
    def ingest(self) -> IngestService:
        """The one door."""
        return IngestService(
            sessions=self.sessions,
            queue=self.jobs,
            clock=self.clock,
            spool=self.spool,
            filing=self.filing,
        )

    @cached_property
    def packing(self) -> PackService:
        """Lossless packing of filed frames."""
        return PackService(
            sessions=self.sessions,
            store=self.store,
            offload=self.offload,
            queue=self.jobs,
            clock=self.clock,
            spool=self.spool,
            keywords=self.rules.keywords,
        )


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
    InvalidError
        If a setting is wrong.
    UnavailableError
        If the database cannot be reached.
    """
    settings.make_folders()
    engine = make_engine(settings.require_database_url(), pool_size=settings.database_pool)
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
        await check_revision(engine)
        yield factory
    finally:
        await factory.jobs.close()
        offload.close()
        await engine.dispose()
