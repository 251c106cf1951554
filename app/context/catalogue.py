"""Frames: how they are found, and how they go."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from app.context.process import Process
from app.core.slots import Slots
from app.frames.announcements import VersionService
from app.frames.links import LinkSigner
from app.frames.purging import PurgeService
from app.frames.removal import RemovalService
from app.frames.restoration import RestorationService
from app.frames.service import FrameService
from app.frames.streams import FrameStreams
from app.frames.thumbnails import ThumbnailRecordService
from app.frames.trash_files import TrashFiles


@dataclass(frozen=True)
class Catalogue(Process):
    """Frames: how they are found, and how they go."""

    @cached_property
    def frames(self) -> FrameService:
        """The catalogue."""
        return FrameService(self.sessions, self.clock, self.settings.internal_frames)

    @cached_property
    def trash_files(self) -> TrashFiles:
        """Files of deleted frames."""
        return TrashFiles(self.sessions, self.store, self.clock)

    @cached_property
    def removal(self) -> RemovalService:
        """Deletion of frames."""
        return RemovalService(
            sessions=self.sessions,
            queue=self.jobs,
            clock=self.clock,
            files=self.trash_files,
            internal=self.settings.internal_frames,
            kept_for=timedelta(days=self.settings.trash_days),
        )

    @cached_property
    def restoration(self) -> RestorationService:
        """Deleted frames, and how they come back."""
        return RestorationService(
            sessions=self.sessions,
            clock=self.clock,
            files=self.trash_files,
            internal=self.settings.internal_frames,
        )

    @cached_property
    def purging(self) -> PurgeService:
        """Deleted frames go for ever."""
        return PurgeService(sessions=self.sessions, clock=self.clock, files=self.trash_files)

    @cached_property
    def streams(self) -> FrameStreams:
        """Whole lists of frames."""
        return FrameStreams(self.sessions, self.clock, self.settings.internal_frames)

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
    def versions(self) -> VersionService:
        """All versions, by their MD5."""
        return VersionService(self.sessions)

    @cached_property
    def thumbnail_records(self) -> ThumbnailRecordService:
        """Pictures of frames that clients made."""
        return ThumbnailRecordService(self.sessions, self.clock, self.settings.internal_frames)
