"""Bundles, as the services speak of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.bundles.layout import ZipLayout
from app.core.errors import InvalidError, NotFoundError, TooLargeError
from app.frames.models import Frame


class NothingSelectedError(InvalidError):
    """No frame was named, or none matches."""

    title = "Nothing selected"


class UnknownFramesError(NotFoundError):
    """Frames were named that do not exist, or that the caller may not see.

    Parameters
    ----------
    frame_ids
        Their numbers.
    """

    title = "Frames not found"

    def __init__(self, frame_ids: frozenset[int]) -> None:
        shown = ", ".join(str(frame_id) for frame_id in sorted(frame_ids)[:20])
        super().__init__(f"there are no frames {shown}: leave them out of frame_ids")
        self.frame_ids = frame_ids


class NothingVisibleError(NotFoundError):
    """Of the frames that were named, the caller sees none that has a file."""

    title = "Frames not found"


class TooManyFramesError(TooLargeError):
    """More frames than fit into one zip."""

    title = "Too many frames"


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A file that goes into a zip.

    Attributes
    ----------
    name
        In the folder of the zip.
    path
        Where it is; only to be read.
    size_bytes, crc32
        Of its bytes.
    etag
        Opaque, the same for the same bytes.
    modified_at
        When it became what it is, UTC.
    """

    name: str
    path: Path
    size_bytes: int
    crc32: int
    etag: str
    modified_at: datetime


FileChoice = Callable[[Sequence[Frame]], Awaitable[Sequence[BundleFile]]]
"""Chooses the files of frames for a zip; without it, their newest versions as they are stored."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A zip that is planned to the byte.

    Attributes
    ----------
    name
        File name of the zip.
    layout
        Where each byte comes from.
    files
        The members' files, in the order of the layout.
    etag
        Opaque, strong: equal for equal bytes.
    modified_at
        Of the newest member, UTC.
    """

    name: str
    layout: ZipLayout
    files: tuple[Path, ...]
    etag: str
    modified_at: datetime
