"""What is added to the catalogue, and what becomes of it."""

from dataclasses import dataclass

from app.frames.models import FrameFacts, HeaderOfHdu, ReceivedFile, StoredFile


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
    owner_id
        Who uploaded it.
    frame_id
        The number that a new frame shall have, for imports that keep numbers; None: the next one.
    """

    basename: str
    stored: StoredFile
    received: ReceivedFile
    facts: FrameFacts
    hdus: tuple[HeaderOfHdu, ...]
    science_hdu: int | None
    related: tuple[str, ...]
    repairs: tuple[str, ...]
    owner_id: int | None = None
    frame_id: int | None = None


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
