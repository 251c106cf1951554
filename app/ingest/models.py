"""Arrivals: every file that ever came in, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from app.core.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class ArrivalState(StrEnum):
    """What became of a file."""

    WAITING = "waiting"
    RUNNING = "running"
    FILED = "filed"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"

    @property
    def is_open(self) -> bool:
        """Whether the file is still on its way."""
        return self in {ArrivalState.WAITING, ArrivalState.RUNNING}


class Source(StrEnum):
    """The way by which a file came."""

    INBOX = "inbox"
    UPLOAD = "upload"
    BULK = "bulk"


class ArrivalNotFoundError(NotFoundError):
    """No file of this number ever came in."""

    title = "Arrival not found"


class ArrivalBusyError(ConflictError):
    """The file is not in a state in which this can be done with it."""

    title = "Wrong state"


class ReplacedError(NotFoundError):
    """The file that was noticed is gone: replaced, moved, or written to while it was read."""

    title = "File changed"


class NotRecordedError(UnavailableError):
    """A file could not even be recorded; whoever sent it must send it again."""

    title = "Not recorded"


class KeywordMissingError(InvalidError):
    """The header lacks a keyword without which nothing is filed."""

    title = "Keyword missing"


class LostFileError(ConflictError):
    """The archive knows the bytes of a file and has lost its own copy of them."""

    title = "Lost file"


class HiddenNameError(DeniedError):
    """The name belongs to a frame that whoever sent the file may not see."""

    title = "Name of a hidden frame"


class IgnoredNameError(InvalidError):
    """The name says that the file is not for this archive."""

    title = "Ignored name"


INGEST_JOB = "ingest"
PACK_JOB = "pack"
REMOVE_JOB = "remove file"
"""Kinds of jobs of this feature."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file.

    Attributes
    ----------
    state
        ``filed`` or ``duplicate``.
    frame_id
        The frame that it became, or is a duplicate of.
    """

    state: ArrivalState
    frame_id: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that came in.

    Attributes
    ----------
    source_path
        Where the file lay: for the inbox it is removed from there once it is kept elsewhere; a
        bulk import leaves it. None for uploads.
    source_identity
        Inode, size and times of change of the file when it was noticed: tells whether the file at
        the path is still the same one.
    held_path
        Where the archive keeps the bytes while they are neither filed nor at their source: the
        spool, or the quarantine.
    sha256
        None until the file was read.
    reason
        Why it was quarantined or discarded.
    frame_id
        The frame that it became, or is a duplicate of.
    """

    id: int
    state: ArrivalState
    source: Source
    filename: str
    source_path: Path | None
    source_identity: str | None
    held_path: Path | None
    size_bytes: int
    sha256: str | None
    reason: str | None
    frame_id: int | None
    owner_id: int | None
    received_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewArrival:
    """A file that was just noticed; attributes as in `Arrival`."""

    source: Source
    filename: str
    size_bytes: int
    source_path: Path | None = None
    source_identity: str | None = None
    held_path: Path | None = None
    owner_id: int | None = None
