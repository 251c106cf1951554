"""What every process owns, and what needs no more."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncEngine

from app.audit.service import AuditService
from app.core.clock import Clock, system_clock
from app.core.offload import Offload
from app.db.engine import Sessions
from app.db.pulse import Pulse
from app.jobs.service import JobQueue
from app.settings import Settings
from app.storage.protocol import Store
from app.storage.volumes import Volumes, volumes_of


@dataclass(frozen=True)
class Process:
    """What every process owns, and what needs no more.

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
    def jobs(self) -> JobQueue:
        """Work that waits."""
        return JobQueue(self.sessions, self.clock)

    @cached_property
    def volumes(self) -> Volumes:
        """Whether the disks take what is written."""
        return Volumes(volumes_of(self.settings), min_free_bytes=self.settings.min_free_bytes)

    @cached_property
    def pulse(self) -> Pulse:
        """Whether the database answers."""
        return Pulse(self.engine)

    @cached_property
    def audit(self) -> AuditService:
        """Who did what."""
        return AuditService(self.sessions)
