"""What is added to the catalogue, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime

from app.fits.models import Checksums
from app.frames.models import FrameFacts, HeaderOfHdu, ReceivedFile, StoredFile


@dataclass(frozen=True, slots=True)
class Kept:
    """What a catalogue that was lost said of a version: numbers and times that stay as they were.

    Attributes
    ----------
    file_id, version_id
        Numbers of file and version; None where somebody else has them by now.
    key
        Unique key of the version; None likewise.
    created_at, frame_created_at
        When the version and its frame came, UTC.
    """

    file_id: int | None
    version_id: int | None
    key: str | None
    created_at: datetime
    frame_created_at: datetime


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Bytes that are about to become a version of a frame.

    Attributes
    ----------
    basename
        Of the frame.
    stored, received
        The file in the store, and the file as it came.
    facts
        What its header says.
    hdus, science_hdu
        Header cards of every HDU of the stored file, and which one is the science HDU.
    related
        Basenames that the header names.
    repairs
        What had to be repaired to read the header.
    checksums
        What CHECKSUM and DATASUM said of the bytes as received; None: nobody looked.
    owner_id
        Who uploaded it.
    frame_id
        The number that a new frame shall have, for imports that keep numbers; None: the next one.
    kept
        What a catalogue that was lost said of this version; None for one that is really new.
    """

    basename: str
    stored: StoredFile
    received: ReceivedFile
    facts: FrameFacts
    hdus: tuple[HeaderOfHdu, ...]
    science_hdu: int | None
    related: tuple[str, ...]
    repairs: tuple[str, ...]
    checksums: Checksums | None = None
    owner_id: int | None = None
    frame_id: int | None = None
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """The packed file that takes the place of the one that a version was stored in.

    Attributes
    ----------
    stored
        The file.
    hdus, science_hdu
        Header cards of every HDU of it, and which one is the science HDU: packing a primary
        image moves it into the first extension.
    """

    stored: StoredFile
    hdus: tuple[HeaderOfHdu, ...]
    science_hdu: int | None


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of a new version in the catalogue.

    Attributes
    ----------
    frame_id
        New or known.
    version_id
        Always new.
    is_new_frame
        False for a new version of a known frame.
    """

    frame_id: int
    version_id: int
    is_new_frame: bool
