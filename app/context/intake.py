"""How files become frames, and how frames leave in zips."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial

from app.bundles.service import BundleService
from app.context.catalogue import Catalogue
from app.ingest.announcing import AnnouncingService
from app.ingest.deposits import Deposits
from app.ingest.filing import Filing
from app.ingest.packing import PackService
from app.ingest.restoring import Restorer
from app.ingest.rules import Rules, make_rules
from app.ingest.service import IngestService
from app.ingest.spool import Spool
from app.ingest.streams import ArrivalStreams
from app.previews.forgetting import forget_all
from app.settings.ingest import Pack


@dataclass(frozen=True)
class Intake(Catalogue):
    """How files become frames, and how frames leave in zips."""

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
            restorer=self.restorer,
        )

    @cached_property
    def restorer(self) -> Restorer:
        """Files that come in again take the place of lost ones."""
        return Restorer(
            sessions=self.sessions,
            store=self.store,
            offload=self.offload,
            queue=self.jobs,
            clock=self.clock,
            keywords=self.rules.keywords,
            packs=self.rules.pack is not Pack.NEVER,
            forget=partial(forget_all, self.settings.previews_dir),
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
    def ingest(self) -> IngestService:
        """The one door."""
        return IngestService(
            sessions=self.sessions,
            queue=self.jobs,
            clock=self.clock,
            spool=self.spool,
            filing=self.filing,
            restorer=self.restorer,
            safety_net=timedelta(seconds=15 * self.settings.job_lease_s),
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

    @cached_property
    def arrival_streams(self) -> ArrivalStreams:
        """The whole list of arrivals."""
        return ArrivalStreams(self.sessions)

    @cached_property
    def bundles(self) -> BundleService:
        """Zips of frames."""
        return BundleService(
            self.frames,
            self.store,
            with_bytes=self.announcing.with_bytes,
            limit=self.settings.max_bundle_frames,
        )
