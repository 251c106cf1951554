"""What a verification looks at, and what it finds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.core.errors import ConflictError, NotFoundError


class VerificationBusyError(ConflictError):
    """Another process goes on with the same run."""

    title = "Verification under way"


class NoVerificationError(NotFoundError):
    """There is no such run."""

    title = "Verification not found"


class Phase(StrEnum):
    """A part of a run; they follow one another in this order."""

    FILES = "files"
    """Every stored file of the catalogue is read again."""
    KEYS = "keys"
    """Every file in the archive's folder has a row."""
    STAGED = "staged"
    """Files that were being placed when a process died."""
    SPOOL = "spool"
    """Private copies that nobody needs."""
    QUARANTINE = "quarantine"
    """Files in quarantine and the rows that name them."""
    ARRIVALS = "arrivals"
    """Rows of quarantined files whose file is gone, and open ones without a job."""
    INBOX = "inbox"
    """Files in the inbox that are filed already."""
    TRASH = "trash"
    """Files of deleted frames and the rows that name them."""
    ROWS = "rows"
    """Rows of the catalogue that contradict each other."""


class Damage(StrEnum):
    """What is wrong with the bytes of a stored file."""

    MISSING = "missing"
    ALTERED = "altered"
    UNREADABLE = "unreadable"


class FindingKind(StrEnum):
    """What a verification can find."""

    MISSING = "missing"
    """A row whose file is not in the archive's folder."""
    ALTERED = "altered"
    """A stored file with another size or another SHA-256 than the catalogue says."""
    UNREADABLE = "unreadable"
    """A stored file that the disk cannot read any more."""
    UNKNOWN = "unknown"
    """A file in the archive's folder without a row."""
    STAGED = "staged file"
    """A file that was being placed when a process died."""
    PRIVATE_COPY = "private copy"
    """A copy in the spool that a dead process made of bytes that are kept elsewhere."""
    UPLOAD = "upload without answer"
    """A file in the spool that nobody else has, perhaps."""
    SETTLED_COPY = "settled copy"
    """A file in spool or quarantine whose bytes are filed."""
    STRAY = "stray file"
    """A file in quarantine that no row names."""
    LOST_QUARANTINED = "lost quarantined file"
    """A row of a quarantined file that is gone."""
    STUCK = "stuck arrival"
    """A file on its way for which no job waits."""
    SETTLED_SOURCE = "settled inbox file"
    """A file in the inbox that is kept elsewhere already."""
    TRASH_UNKNOWN = "unknown trash"
    """A file in the trash that no deleted frame names."""
    TRASH_MISSING = "missing trash"
    """A deleted frame whose file is not in the trash."""
    ROW = "contradictory row"
    """A row of the catalogue that contradicts another one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    kind
        What it is.
    name
        Key of the store, or name of the file or row; unique among those of its kind.
    frame_id
        The frame that it is about; None for none.
    detail
        One sentence for a person.
    mended
        What was done about it; None: it is still so.
    """

    kind: FindingKind
    name: str
    detail: str
    frame_id: int | None = None
    mended: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """A stored file, as the catalogue has it.

    Attributes
    ----------
    id
        Number of the file.
    key
        Where the store keeps it.
    size_bytes, sha256
        Of its bytes.
    frame_id
        The frame that it belongs to; None: to none.
    damage
        What was found wrong with it before; None: nothing.
    verified_at
        When it was found whole, or made whole again, UTC; None: never.
    """

    id: int
    key: str
    size_bytes: int
    sha256: str
    frame_id: int | None
    damage: str | None = None
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trashed:
    """A deleted frame whose files are in the trash.

    Attributes
    ----------
    id
        Number of the deletion.
    frame_id, basename
        The frame.
    place
        Where in the trash.
    keys
        Of its files, those left out that were missing when it was deleted.
    """

    id: int
    frame_id: int
    basename: str
    place: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One verification of the whole archive.

    Attributes
    ----------
    id
        Its number.
    started_at, finished_at
        UTC; None: it is not at its end.
    mends
        Whether it mends what it can.
    phase, place
        Where it goes on.
    files_read, bytes_read
        Stored files that were read again, and their size [byte].
    """

    id: int
    started_at: datetime
    finished_at: datetime | None
    mends: bool
    phase: Phase
    place: str | None
    files_read: int
    bytes_read: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a verification shall do.

    Attributes
    ----------
    mends
        Whether it mends what it can.
    is_fresh
        Whether it begins anew where an earlier one did not come to its end.
    grace_s
        How old what a crash left behind must be before it counts [s]: younger files may be in use.
    bytes_per_s
        How fast stored files are read [byte/s]; 0 for no limit, None for what the settings say.
    pause_s
        How long to wait before a file that seems not to belong is looked at again [s].
    """

    mends: bool = False
    is_fresh: bool = False
    grace_s: float = 86_400.0
    bytes_per_s: int | None = None
    pause_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """What a check found in the part that it has just looked at.

    Attributes
    ----------
    findings
        What is wrong there.
    place
        Where the check goes on; None: it has seen everything.
    files_read, bytes_read
        Stored files that were read again, and their size [byte].
    """

    findings: tuple[Finding, ...] = ()
    place: str | None = None
    files_read: int = 0
    bytes_read: int = 0


class Check(Protocol):
    """Looks at one kind of thing, a part at a time; may be repeated from any place."""

    @property
    def phase(self) -> Phase:
        """Which part of a run this is."""

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Look at the next part.

        Parameters
        ----------
        place
            Where the step before ended; None: at the beginning.
        wish
            What the verification shall do.

        Returns
        -------
        Step
            What was found, and where to go on.
        """
