"""What keeps the archive whole."""

from dataclasses import dataclass
from functools import cached_property

from app.backups.daily import ManifestKeeper
from app.backups.reindexing import ReindexService
from app.backups.service import BackupService
from app.context.intake import Intake
from app.verification.checks import make_checks
from app.verification.nightly import NightlyVerification
from app.verification.service import VerificationService


@dataclass(frozen=True)
class Upkeep(Intake):
    """What keeps the archive whole."""

    @cached_property
    def verification(self) -> VerificationService:
        """What is stored is read again; what crashes left is cleared away."""
        checks = make_checks(
            settings=self.settings,
            sessions=self.sessions,
            store=self.store,
            queue=self.jobs,
            ingest=self.ingest,
            clock=self.clock,
        )
        return VerificationService(sessions=self.sessions, clock=self.clock, checks=checks)

    @cached_property
    def nightly(self) -> NightlyVerification:
        """The verification of every day."""
        return NightlyVerification(self.verification)

    @cached_property
    def backups(self) -> BackupService:
        """Copies of the whole archive."""
        return BackupService(
            settings=self.settings, sessions=self.sessions, store=self.store, clock=self.clock
        )

    @cached_property
    def manifests(self) -> ManifestKeeper:
        """What the archive keeps beside its files, for the day the catalogue is lost."""
        return ManifestKeeper(self.settings.archive_dir, sessions=self.sessions, clock=self.clock)

    @cached_property
    def reindexing(self) -> ReindexService:
        """Frames of files that have no row."""
        return ReindexService(
            sessions=self.sessions,
            store=self.store,
            offload=self.offload,
            clock=self.clock,
            rules=self.rules,
            concurrency=self.settings.ingest_workers,
        )
