"""Deleted frames, as the services speak of them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from app.core.errors import ConflictError, NotFoundError

TRASH_JOB = "move to trash"
"""Kind of the job that moves the files of a deleted frame, should whoever deleted it not."""

EMPTY_JOB = "empty-trash"
"""Kind of the daily job that removes for ever what has expired."""


class RemovedFrameNotFoundError(NotFoundError):
    """No such deleted frame, or one that cannot be brought back any more, or may not be seen."""

    title = "Removed frame not found"


class RestoreConflictError(ConflictError):
    """What came in after the deletion, or the state of the files, is in the way of the frame."""

    title = "Cannot be restored"


class RemovedState(StrEnum):
    """What became of a deleted frame."""

    KEPT = "kept"
    """It can be brought back."""
    EXPIRED = "expired"
    """It cannot, and its files go with the next daily job."""
    RESTORED = "restored"
    """It was brought back."""
    PURGED = "purged"
    """Its files are gone for ever."""


@dataclass(frozen=True, slots=True)
class RemovedFrame:
    """A deletion of a frame.

    Attributes
    ----------
    id
        Number of the deletion.
    frame_id, basename
        The frame that was deleted.
    removed_at
        When, UTC.
    removed_by
        Name of the user, as it was then.
    reason
        Why; None where no reason was given.
    expires_at
        Until when the frame can be brought back, UTC.
    size_bytes
        Size of its files together [byte].
    state
        What became of it.
    """

    id: int
    frame_id: int
    basename: str
    removed_at: datetime
    removed_by: str
    reason: str | None
    expires_at: datetime
    size_bytes: int
    state: RemovedState

    @property
    def place(self) -> str:
        """Where in the trash the files are."""
        return place_of(self.id, self.removed_at)


def place_of(removal_id: int, removed_at: datetime) -> str:
    """Name the place of a deletion in the trash.

    The time belongs to it: numbers come again where a database was brought back from a backup, and
    the files of two deletions must not meet.

    Parameters
    ----------
    removal_id, removed_at
        Of the deletion.

    Returns
    -------
    str
        A single name.
    """
    return f"{removal_id}-{removed_at.astimezone(UTC):%Y%m%dT%H%M%S%f}"


@dataclass(frozen=True, slots=True)
class TrashedFile:
    """A file of a deleted frame.

    Attributes
    ----------
    key
        Where the store kept it.
    sha256
        Of its bytes, as the catalogue knew them.
    is_damaged
        Whether a verification had found it damaged before.
    """

    key: str
    sha256: str
    is_damaged: bool
