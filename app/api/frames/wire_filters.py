"""Filters of the merged root dialect: those of pyobs and of the LCO archive, by all their names.

Contracts: shared model §6, pyobs §2, LCO archive §3. Unknown names are ignored, and so are empty
values and ``ALL``.
"""

import re
import unicodedata
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.api.validation import (
    BigInt,
    DateParam,
    Declination,
    Given,
    GivenList,
    LaxBool,
    Number,
    Radius,
    Text,
    UtcDatetime,
)
from app.fits.models import ObservationType
from app.frames.models import EMPTY

T = TypeVar("T")

DEFAULT_RADIUS_ARCMIN: Final = 10
"""Radius of the cone when none is given [arcmin]. Contract: PYO-13."""

_BINNING: Final = re.compile(r"[1-9]\d{0,3}[xX][1-9]\d{0,3}", re.ASCII)


def _none_if_all(value: object) -> object:
    """Take an empty value and ``ALL`` for no filter."""
    return None if isinstance(value, str) and value.strip() in {"", "ALL"} else value


def _none_if_any_is_all(value: object) -> object:
    """Take a list for no filter if ``ALL`` is one of its members."""
    return [] if isinstance(value, list) and "ALL" in value else value


def _empty_if_none(value: str) -> str:
    """Take the text ``None`` for the wish for frames without a value."""
    return EMPTY if value == "None" else value


def _ascii(value: str) -> str:
    """Transliterate; text without an ASCII form stays, so that it matches nothing."""
    plain = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode("ascii")
    return plain.strip() or value


def _checked_binning(value: str) -> str:
    """Refuse what is no pair of factors.

    Raises
    ------
    PydanticCustomError
        If it is none.
    """
    if _BINNING.fullmatch(value.strip()):
        return value.strip().lower()
    raise PydanticCustomError("binning", "Enter a binning such as 2x2.")


def binning_of(text: str | None) -> tuple[int, int] | None:
    """Read a checked binning.

    Parameters
    ----------
    text
        As `Binning` gives it; None for none.

    Returns
    -------
    tuple of int or None
        Of both axes.
    """
    if text is None:
        return None
    x, y = text.split("x")
    return int(x), int(y)


Wanted = Annotated[T | None, BeforeValidator(_none_if_all)]
"""A filter; None: no filter."""

WantedTypes = Annotated[
    GivenList[ObservationType], BeforeValidator(_none_if_any_is_all), Field(max_length=50)
]
"""Classes of image types; none: no filter."""

Name = Annotated[Text, AfterValidator(_empty_if_none)]
"""Text that must be equal; ``None`` wants frames that do not have it."""

Part = Annotated[Text, AfterValidator(str.strip)]
"""Text that must occur, whatever the case."""

AsciiText = Annotated[Text, AfterValidator(_ascii)]
"""Text that is transliterated to ASCII first."""

Level = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
"""A small integer."""

Binning = Annotated[Text, AfterValidator(_checked_binning)]
"""``2x2``."""


class FiltersIn(BaseModel):
    """What frames must be like; everything that is given must hold."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    start: Wanted[UtcDatetime] = None
    """Earliest start of the exposure, inclusive, UTC."""

    end: Wanted[UtcDatetime] = None
    """Latest start of the exposure, inclusive, UTC."""

    DATE_OBS: Wanted[UtcDatetime] = None
    """Start of the exposure, exactly, UTC."""

    DATE_OBS_with_blank: Annotated[Wanted[UtcDatetime], Field(alias="DATE OBS")] = None
    """Other spelling of `DATE_OBS`."""

    night: Annotated[Wanted[DateParam], Field(examples=["2026-11-19"])] = None
    """Night of the observation, from local noon to local noon."""

    DAY_OBS: Annotated[Wanted[DateParam], Field(examples=["2026-11-19"])] = None
    """Day of the observation as the header gives it, else the night."""

    dayobs: Wanted[DateParam] = None
    """Other name of `DAY_OBS`."""

    basename: Annotated[Wanted[Part], Field(examples=["tlv1m0-cam1"])] = None
    """Occurs in the basename, whatever the case."""

    basename_exact: Wanted[Text] = None
    """The basename."""

    OBJECT: Annotated[Wanted[Part], Field(examples=["M 67"])] = None
    """Occurs in the name of the target, whatever the case."""

    target_name: Wanted[AsciiText] = None
    """Other name of `OBJECT`; transliterated to ASCII first."""

    target_name_exact: Annotated[Wanted[AsciiText], AfterValidator(_empty_if_none)] = None
    """The name of the target; transliterated to ASCII first."""

    empty_target_name: Annotated[Wanted[str], Field(examples=["true"])] = None
    """Only frames without a target; any value but false, 0 or no."""

    EXPTIME: Annotated[Wanted[Number], Field(examples=[60])] = None
    """Shortest exposure time, inclusive [s]."""

    exposure_time: Wanted[Number] = None
    """Other name of `EXPTIME`."""

    IMAGETYPE: Annotated[Wanted[Name], Field(examples=["object"])] = None
    """Image type as the header gives it (IMAGETYP), exactly; `None`: without one."""

    OBSTYPE: Annotated[Wanted[Name], Field(examples=["EXPOSE"])] = None
    """Class of the image type, or the image type as the header gives it, whatever the case; `None`:
    without one."""

    configuration_type: Wanted[Name] = None
    """Other name of `OBSTYPE`."""

    include_configuration_type: WantedTypes = []
    """Any of these classes; may be repeated."""

    exclude_configuration_type: WantedTypes = []
    """None of these classes; may be repeated."""

    exclude_OBSTYPE: WantedTypes = []  # noqa: N815  # its name
    """Other name of `exclude_configuration_type`."""

    exclude_calibrations: Wanted[LaxBool] = None
    """Only science frames: EXPOSE, SPECTRUM and CATALOG."""

    SITE: Annotated[Wanted[Name], Field(examples=["tlv"])] = None
    """Site, exactly; `None`: without one."""

    SITEID: Wanted[Name] = None
    """Other name of `SITE`."""

    site_id: Wanted[Name] = None
    """Other name of `SITE`."""

    TELESCOPE: Annotated[Wanted[Name], Field(examples=["1m0a"])] = None
    """Telescope, exactly; `None`: without one."""

    TELID: Wanted[Name] = None
    """Other name of `TELESCOPE`."""

    telescope_id: Wanted[Name] = None
    """Other name of `TELESCOPE`."""

    INSTRUMENT: Annotated[Wanted[Name], Field(examples=["cam1"])] = None
    """Instrument, exactly; `None`: without one."""

    INSTRUME: Wanted[Name] = None
    """Other name of `INSTRUMENT`."""

    instrument_id: Wanted[Name] = None
    """Other name of `INSTRUMENT`."""

    FILTER: Annotated[Wanted[Name], Field(examples=["V"])] = None
    """Filter, exactly; `None`: without one."""

    FILTER_in_lower_case: Annotated[Wanted[Name], Field(alias="Filter")] = None
    """Other spelling of `FILTER`."""

    primary_optical_element: Wanted[Name] = None
    """Other name of `FILTER`."""

    binning: Annotated[Wanted[Binning], Field(examples=["2x2"])] = None
    """Binning in both axes."""

    RLEVEL: Annotated[Wanted[Level], Field(examples=[0])] = None
    """Reduction level; 0 is raw."""

    reduction_level: Wanted[Level] = None
    """Other name of `RLEVEL`."""

    PROPID: Wanted[Name] = None
    """Proposal, exactly; `None`: without one."""

    proposal_id: Wanted[Name] = None
    """Other name of `PROPID`."""

    REQNUM: Annotated[Wanted[Name], Field(examples=["1234"])] = None
    """Request, as text or as number; `None`: without one."""

    request_id: Wanted[BigInt] = None
    """Number of the request."""

    OBSNUM: Wanted[Name] = None
    """Observation, exactly, as text; `None`: without one."""

    BLKUID: Wanted[BigInt] = None
    """Number of the observation block."""

    observation_id: Wanted[BigInt] = None
    """Other name of `BLKUID`."""

    submitter: Wanted[AsciiText] = None
    """Who submitted the request (USERID), exactly; transliterated to ASCII first."""

    public: Given[str] = None
    """`false`: only frames of the caller's proposals, for superusers all that are not public.
    Anything else: no filter."""

    L1PUBDAT: Wanted[UtcDatetime] = None
    """Moment from which on frames are public, exactly, UTC."""

    RA: Annotated[Wanted[Number], Field(examples=[132.85])] = None
    """Right ascension of the centre of a cone [deg], ICRS; only with `DEC`."""

    DEC: Annotated[Wanted[Declination], Field(examples=[11.8])] = None
    """Declination of the centre of a cone [deg], ICRS; only with `RA`. Frames match whose centre
    lies in the cone."""

    radius: Wanted[Radius] = DEFAULT_RADIUS_ARCMIN
    """Radius of the cone [arcmin]."""

    covers: Annotated[Wanted[Text], Field(examples=["POINT(132.85 11.8)"])] = None
    """`POINT(ra dec)` that the area of the frame covers [deg], ICRS."""

    intersects: Annotated[
        Wanted[Text], Field(examples=["POLYGON((132 11, 133 11, 133 12, 132 12))"])
    ] = None
    """`POLYGON((ra dec, …))` or `POINT(ra dec)` that the area of the frame touches [deg], ICRS;
    edges are great circles."""


NAMES: Final[dict[str, tuple[str, ...]]] = {
    "observed_from": ("start",),
    "observed_to": ("end",),
    "observed_at": ("DATE_OBS", "DATE_OBS_with_blank"),
    "night": ("night",),
    "day_obs": ("DAY_OBS", "dayobs"),
    "basename_part": ("basename",),
    "basename": ("basename_exact",),
    "object_part": ("OBJECT", "target_name"),
    "object_name": ("target_name_exact",),
    "exposure_min_s": ("EXPTIME", "exposure_time"),
    "image_type_raw": ("IMAGETYPE",),
    "type_any_case": ("OBSTYPE", "configuration_type"),
    "site": ("SITE", "SITEID", "site_id"),
    "telescope": ("TELESCOPE", "TELID", "telescope_id"),
    "instrument": ("INSTRUMENT", "INSTRUME", "instrument_id"),
    "filter_name": ("FILTER", "FILTER_in_lower_case", "primary_optical_element"),
    "reduction_level": ("RLEVEL", "reduction_level"),
    "proposal": ("PROPID", "proposal_id"),
    "request": ("REQNUM", "request_id"),
    "observation_text": ("OBSNUM",),
    "block_id": ("BLKUID", "observation_id"),
    "submitter": ("submitter",),
    "public_at": ("L1PUBDAT",),
}
"""Attribute of `app.frames.models.FrameQuery` -> the filters that set it as they are."""

SCIENCE_TYPES: Final = frozenset({"EXPOSE", "TARGET", "SPECTRUM", "CATALOG", "OBJECT"})
"""What ``exclude_calibrations`` keeps. Contract: LCO archive §3."""
