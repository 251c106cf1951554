"""Composition root: what a process owns, and how services are made of it.

API, worker and command line build the same things here, so that nothing exists twice.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncEngine

from app.accounts.browsers import BrowserSessions
from app.accounts.logins import LoginLimits
from app.accounts.proposals import ProposalService
from app.accounts.service import AccountService
from app.accounts.throttle import Throttle
from app.bundles.service import BundleService
from app.core.clock import Clock, system_clock
from app.core.offload import Offload
from app.core.rates import parse_rate
from app.core.slots import Slots
from app.db.engine import Sessions, make_engine, make_sessions
from app.db.schema import check_revision
from app.frames.announcements import VersionService
from app.frames.links import LinkSigner
from app.frames.removal import RemovalService
from app.frames.service import FrameService
from app.frames.streams import FrameStreams
from app.frames.thumbnails import ThumbnailRecordService
from app.ingest.announcing import AnnouncingService
from app.ingest.deposits import Deposits
from app.ingest.filing import Filing
from app.ingest.packing import PackService
from app.ingest.rules import Rules, make_rules
from app.ingest.service import IngestService
from app.ingest.spool import Spool
from app.ingest.streams import ArrivalStreams
from app.jobs.service import JobQueue
from app.previews.packed import PackedFiles
from app.previews.plain import PlainFiles
from app.previews.service import PreviewService
from app.previews.thumbnail_links import ThumbnailLinks
from app.previews.thumbnails import ThumbnailService
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
        """Users and tokens."""
        secret = self.settings.secret()
        return AccountService(
            self.sessions, secret_key=secret, clock=self.clock, limits=self.login_limits
        )

    @cached_property
    def browser_sessions(self) -> BrowserSessions:
        """Log-ins of browsers."""
        return BrowserSessions(
            self.sessions,
            clock=self.clock,
            lifetime_s=self.settings.session_lifetime_s,
            limits=self.login_limits,
        )

    @cached_property
    def login_limits(self) -> LoginLimits:
        """How often log-ins may fail."""
        return LoginLimits(
            per_user=parse_rate(self.settings.login_rate_per_user),
            per_address=parse_rate(self.settings.login_rate_per_address),
        )

    @cached_property
    def proposals(self) -> ProposalService:
        """Proposals, with members and tags."""
        return ProposalService(self.sessions)

    @cached_property
    def throttle(self) -> Throttle:
        """Counts of what may not be done too often."""
        return Throttle(self.sessions, self.clock)

    @cached_property
    def frames(self) -> FrameService:
        """The catalogue."""
        return FrameService(self.sessions, self.clock, self.settings.internal_frames)

    @cached_property
    def removal(self) -> RemovalService:
        """Deletion of frames."""
        return RemovalService(
            sessions=self.sessions,
            store=self.store,
            clock=self.clock,
            internal=self.settings.internal_frames,
        )

    @cached_property
    def streams(self) -> FrameStreams:
        """Whole lists of frames."""
        return FrameStreams(self.sessions, self.clock, self.settings.internal_frames)

    @cached_property
    def arrival_streams(self) -> ArrivalStreams:
        """The whole list of arrivals."""
        return ArrivalStreams(self.sessions)

    @cached_property
    def tables(self) -> Slots:
        """Tables that are written at the same time, each holding a connection."""
        limit = max(1, self.settings.database_pool // 2)
        return Slots(limit, wait_s=10, what="tables")

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
    def thumbnails(self) -> ThumbnailService:
        """Thumbnails, also in colour."""
        return ThumbnailService(self.settings.previews_dir, self.frames, self.store, self.offload)

    @cached_property
    def thumbnail_links(self) -> ThumbnailLinks:
        """Signed links to thumbnails."""
        return ThumbnailLinks(
            self.settings.secret(), lifetime_s=self.settings.link_lifetime_s, clock=self.clock
        )

    @cached_property
    def packed(self) -> PackedFiles:
        """Packed files for clients that expect nothing else."""
        return PackedFiles(self.settings.previews_dir, self.store, self.offload)

    @cached_property
    def plain(self) -> PlainFiles:
        """Unpacked files, and catalogues alone."""
        return PlainFiles(self.settings.previews_dir, self.store, self.offload)

    @cached_property
    def bundles(self) -> BundleService:
        """Zips of frames."""
        return BundleService(
            self.frames,
            self.store,
            with_bytes=self.announcing.with_bytes,
            limit=self.settings.max_bundle_frames,
        )

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
            frames=self.frames,
        )

    @cached_property
    def announcing(self) -> AnnouncingService:
        """Frames whose bytes clients put into the archive themselves."""
        deposits = Deposits(
            sessions=self.sessions,
            store=self.store,
            offload=self.offload,
            spool=self.spool,
            client_folder=self.settings.filestore,
            keywords=self.rules.keywords,
        )
        return AnnouncingService(
            sessions=self.sessions,
            offload=self.offload,
            clock=self.clock,
            rules=self.rules,
            queue=self.jobs,
            deposits=deposits,
            frames=self.frames,
            thumbnails=self.thumbnail_records,
        )

    @cached_property
    def versions(self) -> VersionService:
        """All versions, by their MD5."""
        return VersionService(self.sessions)

    @cached_property
    def thumbnail_records(self) -> ThumbnailRecordService:
        """Pictures of frames that clients made."""
        return ThumbnailRecordService(self.sessions, self.clock, self.settings.internal_frames)

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
