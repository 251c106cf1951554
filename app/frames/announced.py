"""What clients say of frames and pictures whose bytes they put into the archive themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.core.errors import InvalidError, NotFoundError
from app.fits.models import Checksums
from app.frames.models import FrameFacts, HeaderOfHdu, ReceivedFile, StoredFile


class KnownVersionError(InvalidError):
    """A version that was announced is in the archive already.

    Parameters
    ----------
    flaws
        For each announced version, in order: which of ``md5`` and ``key`` is known, and its value.
    """

    title = "Known version"

    def __init__(self, flaws: tuple[Mapping[str, str], ...]) -> None:
        known = ", ".join(f"{name} {value!r}" for flaw in flaws for name, value in flaw.items())
        super().__init__(f"already in the archive: {known}", field="version_set")
        self.flaws = flaws


class ThumbnailNotFoundError(NotFoundError):
    """No such stored thumbnail, or one of a frame that the caller may not see."""

    title = "Thumbnail not found"


@dataclass(frozen=True, slots=True)
class AnnouncedVersion:
    """Bytes that a client has put, or will put, somewhere.

    Attributes
    ----------
    key
        The client's name for the bytes, unique, printable.
    md5
        Of the bytes, lower case, unique.
    extension
        What follows the basename in the file name.
    expected_keys
        Where in the store the bytes may turn up, best first; empty: nowhere.
    """

    key: str
    md5: str
    extension: str
    expected_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deposit:
    """Bytes that a client announced, and that have turned up.

    Attributes
    ----------
    stored, received
        The file in the store, and as it came.
    hdus, science_hdu
        Header cards of every HDU of it, and which one is the science HDU.
    has_catalog
        Whether it holds a source catalogue.
    repairs
        What had to be repaired to read the header.
    checksums
        What CHECKSUM and DATASUM say of the bytes; None where it is no FITS file.
    """

    stored: StoredFile
    received: ReceivedFile
    hdus: tuple[HeaderOfHdu, ...] = ()
    science_hdu: int | None = None
    has_catalog: bool = False
    repairs: tuple[str, ...] = ()
    checksums: Checksums | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """A frame as a client describes it.

    Attributes
    ----------
    basename
        Of the frame.
    facts
        What the catalogue shall say of it.
    header
        The cards that the client sent.
    versions
        New ones, with what was found of their bytes.
    related
        Basenames of frames that this one names.
    owner_id
        Who announces it.
    """

    basename: str
    facts: FrameFacts
    header: HeaderOfHdu
    versions: tuple[tuple[AnnouncedVersion, Deposit | None], ...] = ()
    related: tuple[str, ...] = ()
    owner_id: int | None = None


@dataclass(frozen=True, slots=True)
class AnnouncedThumbnail:
    """A picture of a frame as a client describes it.

    Attributes
    ----------
    basename
        Of the picture, unique.
    size
        ``small``, ``medium`` or ``large``.
    version
        Its bytes.
    stored
        The file, where the bytes are here.
    """

    basename: str
    size: str
    version: AnnouncedVersion
    stored: StoredFile | None = None


@dataclass(frozen=True, slots=True)
class PutThumbnail:
    """What became of a picture that was announced.

    Attributes
    ----------
    id
        Number of the picture.
    is_stored
        Whether the file that was brought is its file now; False where it had one of the same MD5.
    replaced_key
        Where in the store its file was that no row names any more; None for none.
    """

    id: int
    is_stored: bool
    replaced_key: str | None


@dataclass(frozen=True, slots=True)
class StoredThumbnail:
    """A picture of a frame that a client made.

    Attributes
    ----------
    id
        Number of the picture.
    frame_id
        Of the frame that it shows.
    key
        The client's name for the bytes.
    md5
        Of the bytes, as announced.
    stored
        The file; None: the bytes are not here.
    expected_keys
        Where in the store the bytes may turn up.
    created_at
        When it was announced last, UTC.
    """

    id: int
    frame_id: int
    size: str
    basename: str
    extension: str
    key: str
    md5: str
    stored: StoredFile | None
    expected_keys: tuple[str, ...]
    created_at: datetime

    @property
    def filename(self) -> str:
        """Basename and extension."""
        return self.basename + self.extension


@dataclass(frozen=True, slots=True)
class ThumbnailQuery:
    """Which pictures are wanted; everything that is given must hold. None: no filter.

    Attributes
    ----------
    frame_basename, proposal, block_id, request_id
        Of the frame, exactly.
    size
        ``small``, ``medium`` or ``large``.
    """

    frame_basename: str | None = None
    proposal: str | None = None
    block_id: int | None = None
    request_id: int | None = None
    size: str | None = None
