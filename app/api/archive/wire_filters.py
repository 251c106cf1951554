"""Filters of the LCO archive: its names, its types, its way to match (contract: LCO archive §3).

Unknown names are ignored, and so are empty values.
"""

import math
import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.api.frames.wire_filters import AsciiText, Level, Part
from app.api.validation import BigInt, DateParam, Given, GivenList, Number, Text, UtcDatetime
from app.fits.models import ObservationType

_INTEGER: Final = re.compile(r"[-+]?\d{1,30}(?:\.0{0,30})?", re.ASCII)


def _whole(value: object) -> object:
    """Read a whole number, also one that is written as ``7.0``.

    Raises
    ------
    PydanticCustomError
        If it is none.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _INTEGER.fullmatch(text):
        return int(text.partition(".")[0])
    try:
        is_number = math.isfinite(float(text))
    except ValueError:
        is_number = False
    wanted = "Enter a whole number." if is_number else "Enter a number."
    raise PydanticCustomError("number", wanted)


Exact = Annotated[Text, AfterValidator(str.strip)]
"""Text that must be equal, blanks around it apart."""

WholeNumber = Annotated[BigInt, BeforeValidator(_whole)]
"""An integer that the database can hold."""

WholeLevel = Annotated[Level, BeforeValidator(_whole)]
"""A small integer."""

Types = Annotated[GivenList[ObservationType], Field(max_length=50)]
"""Classes of image types; none: no filter."""


class FiltersIn(BaseModel):
    """What frames must be like; everything that is given must hold."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    start: Given[UtcDatetime] = None
    """Earliest start of the exposure, inclusive, UTC."""

    end: Given[UtcDatetime] = None
    """Latest start of the exposure, inclusive, UTC."""

    DATE_OBS: Given[UtcDatetime] = None
    """Start of the exposure, exactly, UTC."""

    DATE_OBS_with_blank: Annotated[Given[UtcDatetime], Field(alias="DATE OBS")] = None
    """Other spelling of `DATE_OBS`."""

    DAY_OBS: Annotated[Given[DateParam], Field(examples=["2026-11-19"])] = None
    """Day of the observation."""

    dayobs: Given[DateParam] = None
    """Other name of `DAY_OBS`."""

    basename: Annotated[Given[Part], Field(examples=["tlv1m0-cam1"])] = None
    """Occurs in the basename, whatever the case."""

    basename_exact: Given[Exact] = None
    """The basename."""

    OBJECT: Annotated[Given[Part], Field(examples=["M 67"])] = None
    """Occurs in the name of the target, whatever the case."""

    target_name: Given[AsciiText] = None
    """The same, transliterated to ASCII first."""

    target_name_exact: Given[AsciiText] = None
    """The name of the target, transliterated to ASCII first."""

    empty_target_name: Annotated[Given[str], Field(examples=["true"])] = None
    """With any value: only frames without a target."""

    L1PUBDAT: Given[UtcDatetime] = None
    """Moment from which on frames are public, exactly, UTC."""

    public: Annotated[Given[str], Field(examples=["false"])] = None
    """`false`: only frames of the caller's proposals, for superusers all that are not public.
    Anything else: no filter."""

    EXPTIME: Annotated[Given[Number], Field(examples=[60])] = None
    """Shortest exposure time, inclusive [s]."""

    exposure_time: Given[Number] = None
    """Other name of `EXPTIME`."""

    OBSTYPE: Annotated[Given[Exact], Field(examples=["EXPOSE"])] = None
    """Class of the image type, exactly."""

    configuration_type: Given[Exact] = None
    """Other name of `OBSTYPE`."""

    PROPID: Given[Exact] = None
    """Proposal, exactly."""

    proposal_id: Given[Exact] = None
    """Other name of `PROPID`."""

    INSTRUME: Annotated[Given[Exact], Field(examples=["fa15"])] = None
    """Instrument, exactly."""

    instrument_id: Given[Exact] = None
    """Other name of `INSTRUME`."""

    SITEID: Annotated[Given[Exact], Field(examples=["tlv"])] = None
    """Site, exactly."""

    site_id: Given[Exact] = None
    """Other name of `SITEID`."""

    TELID: Annotated[Given[Exact], Field(examples=["1m0a"])] = None
    """Telescope, exactly."""

    telescope_id: Given[Exact] = None
    """Other name of `TELID`."""

    FILTER: Annotated[Given[Exact], Field(examples=["V"])] = None
    """Filter, exactly."""

    FILTER_in_lower_case: Annotated[Given[Exact], Field(alias="Filter")] = None
    """Other spelling of `FILTER`."""

    primary_optical_element: Given[Exact] = None
    """Other name of `FILTER`."""

    BLKUID: Given[WholeNumber] = None
    """Number of the observation block, exactly."""

    observation_id: Given[WholeNumber] = None
    """Other name of `BLKUID`."""

    REQNUM: Given[WholeNumber] = None
    """Number of the request, exactly."""

    request_id: Given[WholeNumber] = None
    """Other name of `REQNUM`."""

    RLEVEL: Annotated[Given[WholeLevel], Field(examples=[91])] = None
    """Reduction level, exactly; 0 is raw."""

    reduction_level: Given[WholeLevel] = None
    """Other name of `RLEVEL`."""

    covers: Annotated[Given[Text], Field(examples=["POINT(132.85 11.8)"])] = None
    """`POINT(ra dec)` that the area of the frame covers [deg], ICRS; edges are great circles."""

    intersects: Annotated[
        Given[Text], Field(examples=["POLYGON((132 11, 133 11, 133 12, 132 12))"])
    ] = None
    """`POLYGON((ra dec, …))` or `POINT(ra dec)` that the area of the frame touches [deg], ICRS."""

    submitter: Given[AsciiText] = None
    """Who submitted the request (USERID), exactly; transliterated to ASCII first."""

    include_configuration_type: Types = []
    """Any of these classes; may be repeated."""

    exclude_configuration_type: Types = []
    """None of these classes; may be repeated."""

    exclude_OBSTYPE: Types = []  # noqa: N815  # its name
    """Other name of `exclude_configuration_type`."""

    exclude_calibrations: Annotated[Given[str], Field(examples=["true"])] = None
    """`true`: only EXPOSE, TARGET, SPECTRUM, CATALOG and OBJECT."""


NAMES: Final[dict[str, tuple[str, ...]]] = {
    "observed_from": ("start",),
    "observed_to": ("end",),
    "observed_at": ("DATE_OBS", "DATE_OBS_with_blank"),
    "day_obs": ("DAY_OBS", "dayobs"),
    "basename_part": ("basename",),
    "basename": ("basename_exact",),
    "object_part": ("OBJECT", "target_name"),
    "object_name": ("target_name_exact",),
    "public_at": ("L1PUBDAT",),
    "exposure_min_s": ("EXPTIME", "exposure_time"),
    "proposal": ("PROPID", "proposal_id"),
    "instrument": ("INSTRUME", "instrument_id"),
    "site": ("SITEID", "site_id"),
    "telescope": ("TELID", "telescope_id"),
    "filter_name": ("FILTER", "FILTER_in_lower_case", "primary_optical_element"),
    "block_id": ("BLKUID", "observation_id"),
    "request": ("REQNUM", "request_id"),
    "reduction_level": ("RLEVEL", "reduction_level"),
    "submitter": ("submitter",),
}
"""Attribute of `app.frames.models.FrameQuery` -> the filters that set it as they are."""

ORDERABLE: Final[dict[str, str]] = {
    "id": "id",
    "basename": "basename",
    "observation_date": "observed_at",
    "primary_optical_element": "filter_name",
    "configuration_type": "observation_type",
    "proposal_id": "proposal",
    "instrument_id": "instrument",
    "target_name": "object_name",
    "reduction_level": "reduction_level",
    "exposure_time": "exposure_s",
}
"""Name of a column in ``ordering`` -> name in the catalogue. Contract: ARC-23."""
