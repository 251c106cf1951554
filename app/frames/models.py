"""Frames, as the services speak of them."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.paging import Window
from app.core.sky import Cone, Vector
from app.core.sky_polygon import Polygon
from app.fits.models import Checksums
from app.frames.header_filters import HeaderFilter

_OWN_KEY: Final = re.compile("[0-9a-f]{32}")


class FrameNotFoundError(NotFoundError):
    """No such frame, or one that the caller may not see."""

    title = "Frame not found"


class UnknownColumnError(InvalidError):
    """Frames cannot be ordered by this column."""

    title = "Unknown column"


class SameNameConflictError(ConflictError):
    """Another file took the name while this one was being filed."""

    title = "Name taken"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the store.

    Attributes
    ----------
    key
        Where the store keeps the bytes.
    name
        File name as clients see it: basename and extension.
    extension, content_type, size_bytes, md5, sha256, crc32
        Of the stored bytes.
    damage
        What a verification found wrong with the bytes; None: nothing.
    verified_at
        When they were found sound last, UTC; None: never yet.
    """

    key: str
    name: str
    extension: str
    content_type: str
    size_bytes: int
    md5: str
    sha256: str
    crc32: int
    damage: str | None = field(default=None, compare=False)
    verified_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file as it came; its sha256 tells a duplicate for ever.

    Attributes
    ----------
    name
        Without folders.
    size_bytes, md5, sha256
        Of the bytes as received.
    """

    name: str
    size_bytes: int
    md5: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a frame's bytes.

    Attributes
    ----------
    id, frame_id
        Numbers of the version and its frame.
    key
        Unique; 32 hex characters, or up to 32 printable ones if a client announced the version.
    name, extension
        File name as clients see it, and what follows the basename in it.
    announced_md5
        MD5 of the bytes as they were received or as a client announced them; unique.
    stored
        The file in the store; None: a client announced the version, its bytes are not here.
    received
        The file as it came; differs from the stored one for packed frames. None as above.
    expected_keys
        Where in the store the bytes of an announced version may turn up, best first.
    repairs
        What had to be repaired to read the header.
    checksums
        What CHECKSUM and DATASUM said of the bytes as received; None: nobody looked.
    science_hdu
        Index of the science HDU of the stored file; None for none.
    created_at
        When the version was filed, UTC.
    """

    id: int
    frame_id: int
    key: str
    name: str
    extension: str
    announced_md5: str
    stored: StoredFile | None
    received: ReceivedFile | None
    expected_keys: tuple[str, ...]
    repairs: tuple[str, ...]
    checksums: Checksums | None
    science_hdu: int | None
    created_at: datetime

    @property
    def cache_name(self) -> str:
        """Name for files that are made of this version; clients choose keys with any characters."""
        if _OWN_KEY.fullmatch(self.key):
            return self.key
        return hashlib.sha256(self.key.encode()).hexdigest()

    @property
    def md5(self) -> str:
        """MD5 of the stored bytes, else of the announced ones."""
        return self.announced_md5 if self.stored is None else self.stored.md5


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What the catalogue says of a frame; None: the header does not say it.

    Attributes
    ----------
    exposure_s
        Exposure time [s].
    observed_at
        Start of the exposure, aware, UTC.
    day_obs
        DAY-OBS as given, else the night.
    night
        Local noon-to-noon date.
    ra_deg, dec_deg
        Centre of the frame [deg], ICRS.
    area_deg
        ``(n, 2)`` vertices of the footprint [deg], ICRS, not closed.
    public_at
        From when on the frame is public, UTC.
    is_internal
        Whether the frame has neither a proposal nor a public date.
    """

    site: str | None = None
    telescope: str | None = None
    instrument: str | None = None
    observation_type: str | None = None
    image_type_raw: str | None = None
    filter_name: str | None = None
    exposure_s: float | None = None
    observed_at: datetime | None = None
    day_obs: date | None = None
    night: date | None = None
    object_name: str | None = None
    proposal: str | None = None
    request_text: str | None = None
    request_id: int | None = None
    observation_text: str | None = None
    block_id: int | None = None
    submitter: str | None = None
    reduction_level: int = 0
    width_px: int | None = None
    height_px: int | None = None
    x_binning: int | None = None
    y_binning: int | None = None
    airmass: float | None = None
    telescope_altitude_deg: float | None = None
    telescope_azimuth_deg: float | None = None
    focus: float | None = None
    sun_altitude_deg: float | None = None
    sun_distance_deg: float | None = None
    moon_altitude_deg: float | None = None
    moon_fraction: float | None = None
    moon_distance_deg: float | None = None
    data_mean: float | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    area_deg: tuple[tuple[float, float], ...] | None = None
    public_at: datetime | None = None
    is_internal: bool = False
    has_catalog: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """A catalogue entry with its versions and relations.

    Attributes
    ----------
    versions
        Newest first.
    related
        Ids of the frames that it names and that name it, as far as the caller may see them.
    named
        Ids of the frames that it names, likewise.
    """

    id: int
    basename: str
    facts: FrameFacts
    versions: tuple[Version, ...] = ()
    related: tuple[int, ...] = ()
    named: tuple[int, ...] = ()

    @property
    def current(self) -> Version | None:
        """The newest version, or None for a frame without any."""
        return self.versions[0] if self.versions else None

    @property
    def filename(self) -> str | None:
        """File name of the newest version, None for a frame without any."""
        return None if self.current is None else self.current.name


@dataclass(frozen=True, slots=True)
class HeaderOfHdu:
    """The header cards of one HDU.

    Attributes
    ----------
    index
        0 is the primary HDU.
    name
        EXTNAME.
    kind
        What the HDU holds, see `app.fits.models.HduKind`.
    cards
        ``(keyword, value, comment)`` in order.
    """

    index: int
    name: str
    kind: str
    cards: tuple[tuple[str, Any, str], ...]


class Publicity(StrEnum):
    """Which part of the visible frames is wanted."""

    ALL = "all"
    PROPRIETARY = "proprietary"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class OrderBy:
    """One key of the order.

    Attributes
    ----------
    column
        A name of `app.frames.store.SORTABLE`.
    descending
        The direction.
    """

    column: str
    descending: bool = False


EMPTY = ""
"""As a value of a text filter: frames that do not have it."""


@dataclass(frozen=True, slots=True)
class FrameQuery:
    """Which frames are wanted; everything that is given must hold. None: no filter.

    Attributes
    ----------
    observed_from, observed_to
        Bounds of the start of the exposure, inclusive, UTC.
    basename_part, object_part
        Substrings, case-insensitive.
    exposure_min_s
        Least exposure time [s].
    type_any_case
        Class or raw image type, case-insensitive.
    types, excluded_types
        Classes, any of (an empty set matches nothing) and none of.
    request
        REQNUM, compared as text or as number.
    request_text
        REQNUM, compared as text alone.
    cone
        Within which the frame's centre lies, ICRS.
    covers
        Direction that the footprint covers, ICRS.
    intersects
        Polygon or direction that the footprint touches, ICRS.
    frame_ids
        Only these.
    headers
        What cards of the header must be like.
    with_versions
        Only frames that have a version, which stubs (names that other frames mention) have not.
    with_date
        Only frames whose start of exposure is known.
    also
        Further queries, of which only the filters count and must hold as well.
    brief
        Whether frames come without their versions, and without those that name them: a list that
        shows neither is made in half the time.
    order
        Keys of the order; the frame id breaks ties, in the direction of the first key.
    """

    observed_from: datetime | None = None
    observed_to: datetime | None = None
    observed_at: datetime | None = None
    day_obs: date | None = None
    night: date | None = None
    basename: str | None = None
    basename_part: str | None = None
    object_name: str | None = None
    object_part: str | None = None
    exposure_min_s: float | None = None
    type_any_case: str | None = None
    image_type_raw: str | None = None
    types: frozenset[str] | None = None
    excluded_types: frozenset[str] = frozenset()
    proposal: str | None = None
    instrument: str | None = None
    site: str | None = None
    telescope: str | None = None
    filter_name: str | None = None
    submitter: str | None = None
    block_id: int | None = None
    request: str | None = None
    request_text: str | None = None
    observation_text: str | None = None
    reduction_level: int | None = None
    binning: tuple[int, int] | None = None
    public_at: datetime | None = None
    publicity: Publicity = Publicity.ALL
    cone: Cone | None = None
    covers: Vector | None = None
    intersects: Polygon | Vector | None = None
    frame_ids: frozenset[int] | None = None
    headers: tuple[HeaderFilter, ...] = ()
    with_versions: bool = True
    with_date: bool = False
    also: "tuple[FrameQuery, ...]" = ()
    brief: bool = False
    order: tuple[OrderBy, ...] = (OrderBy("observed_at", descending=True),)
    window: Window = field(default_factory=Window)


@dataclass(frozen=True, slots=True)
class Facets:
    """The distinct values within a selection, each sorted."""

    sites: tuple[str, ...]
    telescopes: tuple[str, ...]
    instruments: tuple[str, ...]
    filters: tuple[str, ...]
    observation_types: tuple[str, ...]
    image_types: tuple[str, ...]
    proposals: tuple[str, ...]
    binnings: tuple[str, ...]
