"""What reading a FITS file yields: plain values that cross process boundaries.

This module is light on purpose: the API and the worker import it, the readers only run in
child processes.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

HeaderValue = str | int | float | bool | None


class HduKind(StrEnum):
    """What an HDU holds."""

    IMAGE = "image"
    COMPRESSED_IMAGE = "compressed image"
    TABLE = "table"
    GROUPS = "random groups"
    EMPTY = "empty"
    OTHER = "other"


class Container(StrEnum):
    """How the whole file is wrapped, told by its content and never by its name."""

    PLAIN = "plain"
    GZIP = "gzip"
    BZIP2 = "bzip2"


class ObservationType(StrEnum):
    """Normalised image type, in the vocabulary of the LCO archive (OBSTYPE)."""

    BIAS = "BIAS"
    DARK = "DARK"
    SKYFLAT = "SKYFLAT"
    LAMPFLAT = "LAMPFLAT"
    ARC = "ARC"
    EXPOSE = "EXPOSE"
    SPECTRUM = "SPECTRUM"
    STANDARD = "STANDARD"
    GUIDE = "GUIDE"
    TRAILED = "TRAILED"
    BPM = "BPM"
    CATALOG = "CATALOG"
    EXPERIMENTAL = "EXPERIMENTAL"


class ChecksumState(StrEnum):
    """What CHECKSUM and DATASUM of a file say of its bytes."""

    VALID = "valid"
    INVALID = "invalid"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Checksums:
    """What the checksums inside a file say of its bytes.

    Attributes
    ----------
    state
        Valid if every sum that is there agrees with the bytes, absent if there is none.
    flaws
        HDU and keyword of each that does not agree; empty unless invalid.
    """

    state: ChecksumState = ChecksumState.ABSENT
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderCard:
    """One header card.

    Attributes
    ----------
    keyword
        Upper case; ``HIERARCH`` keywords without the prefix; empty for blank cards.
    value
        None for undefined values and for commentary cards without text.
    comment
        Text after the slash.
    """

    keyword: str
    value: HeaderValue
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header-data unit, without its data.

    Attributes
    ----------
    index
        0 is the primary HDU.
    name
        EXTNAME, upper case; empty if none.
    kind
        What it holds.
    shape
        Image axes in FITS order (NAXIS1 first) [pixel]; for compressed images those of the
        image (ZNAXISn), for tables (row length [byte], rows).
    bitpix
        BITPIX, for compressed images ZBITPIX.
    cards
        All cards in order, after repair; END and padding are left out.
    """

    index: int
    name: str
    kind: HduKind
    shape: tuple[int, ...]
    bitpix: int
    cards: tuple[HeaderCard, ...]


@dataclass(frozen=True, slots=True)
class Footprint:
    """The sky area of an image: a polygon on the sphere, ICRS.

    Attributes
    ----------
    vertices_deg
        ``(n, 2)`` pairs of right ascension and declination [deg], ICRS, n >= 3, in order around
        the outer edges of the corner pixels, not closed; edges are great circles.
    center_ra_deg, center_dec_deg
        The sky position of the image centre [deg], ICRS.
    radius_deg
        Angle from the centre to the farthest vertex [deg], below 90.
    """

    vertices_deg: tuple[tuple[float, float], ...]
    center_ra_deg: float
    center_dec_deg: float
    radius_deg: float


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a header says, in one vocabulary. None: the header does not say it.

    Attributes
    ----------
    site, telescope, instrument, object_name, filter_name, proposal
        Text, trimmed; ``N/A``, ``UNKNOWN`` and the like count as not said.
    observation_type, image_type_raw
        Normalised image type, and the text it came from.
    exposure_s
        Exposure time [s].
    observed_at
        Start of the exposure, aware, UTC.
    day_obs
        DAY-OBS as given.
    night
        Local noon-to-noon date: DAY-OBS where given, else from ``observed_at`` and the longitude,
        else the UTC date of noon-to-noon UTC.
    local_night
        The local noon-to-noon date, whatever DAY-OBS says; None where the header gives no
        longitude that can be believed, or the exposure may have been taken by day.
    ra_deg, dec_deg
        Pointing [deg], ICRS.
    x_binning, y_binning
        Binning factors; both or neither.
    reduction_level
        RLEVEL; 0 is raw.
    request_id, observation_id, block_id
        REQNUM, OBSNUM, BLKUID as text.
    airmass
        Airmass at the start.
    public_at
        L1PUBDAT, aware, UTC.
    telescope_altitude_deg, telescope_azimuth_deg, focus, sun_altitude_deg, sun_distance_deg,
    moon_altitude_deg, moon_fraction, moon_distance_deg, data_mean
        As the pyobs keywords of these names give them.
    user_id
        USERID, who submitted the request.
    related
        Basenames of frames that this one was made from or belongs to, without extensions.
    sources
        Concept -> keyword that it was read from, for explanations.
    """

    site: str | None = None
    telescope: str | None = None
    instrument: str | None = None
    observation_type: ObservationType | None = None
    image_type_raw: str | None = None
    filter_name: str | None = None
    exposure_s: float | None = None
    observed_at: datetime | None = None
    day_obs: date | None = None
    night: date | None = None
    local_night: date | None = None
    object_name: str | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    x_binning: int | None = None
    y_binning: int | None = None
    proposal: str | None = None
    request_id: str | None = None
    observation_id: str | None = None
    block_id: str | None = None
    airmass: float | None = None
    reduction_level: int = 0
    public_at: datetime | None = None
    telescope_altitude_deg: float | None = None
    telescope_azimuth_deg: float | None = None
    focus: float | None = None
    sun_altitude_deg: float | None = None
    sun_distance_deg: float | None = None
    moon_altitude_deg: float | None = None
    moon_fraction: float | None = None
    moon_distance_deg: float | None = None
    data_mean: float | None = None
    user_id: str | None = None
    related: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        """``bpm``, else ``raw`` or ``processed``: the LCO archive's folder of a frame (ARC-87)."""
        if self.observation_type is ObservationType.BPM:
            return "bpm"
        return "processed" if self.reduction_level else "raw"


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that is read from one FITS file at ingest.

    Attributes
    ----------
    container
        How the file is wrapped.
    hdus
        Every HDU that could be read, in order.
    science_index
        Index of the science HDU: the image HDU named SCI, else the first image HDU with data,
        else None.
    metadata
        From the merged primary and science headers.
    footprint
        None without a celestial WCS, or where it cannot be evaluated.
    repairs
        What had to be repaired or was left out, one sentence each; empty for a sound file.
    checksums
        What CHECKSUM and DATASUM say of the bytes.
    """

    container: Container
    hdus: tuple[Hdu, ...]
    science_index: int | None
    metadata: Metadata
    footprint: Footprint | None
    repairs: tuple[str, ...]
    checksums: Checksums = Checksums()

    @property
    def science(self) -> Hdu | None:
        """The science HDU, or None."""
        return None if self.science_index is None else self.hdus[self.science_index]
