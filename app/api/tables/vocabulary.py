"""What the columns of tables mean: unit, UCD and words, once for all dialects.

Units are those of VOUnit, UCDs those of the IVOA's UCD1+ list. A column of a list that is not named
here is described by its own dialect, without unit and UCD.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What the cells of a column hold; every cell may be null."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    MOMENT = "moment"
    DAY = "day"
    INTEGERS = "integers"
    POLYGON = "polygon"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Term:
    """The meaning of a column.

    Attributes
    ----------
    description
        One sentence; empty: that of the dialect's own documentation.
    unit
        VOUnit; empty for none.
    ucd
        UCD1+; empty for none.
    kind
        Where a dialect writes as text what is none; None: as the dialect's documentation says.
    """

    description: str = ""
    unit: str = ""
    ucd: str = ""
    kind: Kind | None = None


_OBSERVED: Final = Term("Start of the exposure.", ucd="time.start;obs.exposure", kind=Kind.MOMENT)
_DAY_OBS: Final = Term("DAY-OBS of the header, else the night.", ucd="time", kind=Kind.DAY)
_NIGHT: Final = Term("Night, from local noon to local noon.", ucd="time", kind=Kind.DAY)
_PROPOSAL: Final = Term("Proposal.", ucd="meta.id;obs.proposal")
_INSTRUMENT: Final = Term("Instrument.", ucd="meta.id;instr")
_TARGET: Final = Term("Target.", ucd="meta.id;src")
_LEVEL: Final = Term("Reduction level; 0 is raw.", ucd="meta.code;obs.calib")
_SITE: Final = Term("Site.", ucd="meta.id;instr.obsty")
_TELESCOPE: Final = Term("Telescope.", ucd="meta.id;instr.tel")
_EXPOSURE: Final = Term("Exposure time.", unit="s", ucd="time.duration;obs.exposure")
_FILTER: Final = Term("Filter.", ucd="meta.id;instr.filter")
_PUBLIC: Final = Term(
    "From when on everybody sees the frame; null: not by itself.",
    ucd="time.release",
    kind=Kind.MOMENT,
)
_TYPE: Final = Term("Class of the image type.", ucd="meta.code.class;obs")
_BLOCK: Final = Term("Number of the observation block.", ucd="meta.id;obs")
_REQUEST: Final = Term("Request.", ucd="meta.id", kind=Kind.TEXT)

TERMS: Final[dict[str, Term]] = {
    "id": Term(ucd="meta.id;meta.main"),
    "basename": Term("Name, unique, without extension.", ucd="meta.id"),
    "observation_date": _OBSERVED,
    "DATE_OBS": _OBSERVED,
    "observation_day": _DAY_OBS,
    "DAY_OBS": _DAY_OBS,
    "night": _NIGHT,
    "proposal_id": _PROPOSAL,
    "PROPID": _PROPOSAL,
    "instrument_id": _INSTRUMENT,
    "INSTRUME": _INSTRUMENT,
    "target_name": _TARGET,
    "OBJECT": _TARGET,
    "reduction_level": _LEVEL,
    "RLEVEL": _LEVEL,
    "site_id": _SITE,
    "SITEID": _SITE,
    "telescope_id": _TELESCOPE,
    "TELID": _TELESCOPE,
    "exposure_time": _EXPOSURE,
    "EXPTIME": _EXPOSURE,
    "primary_optical_element": _FILTER,
    "FILTER": _FILTER,
    "public_date": _PUBLIC,
    "L1PUBDAT": _PUBLIC,
    "configuration_type": _TYPE,
    "OBSTYPE": _TYPE,
    "IMAGETYP": Term("Image type as the header gives it.", ucd="meta.code.class;obs"),
    "observation_id": _BLOCK,
    "BLKUID": _BLOCK,
    "request_id": _REQUEST,
    "REQNUM": _REQUEST,
    "OBSNUM": Term("Observation, as text.", ucd="meta.id;obs"),
    "binning": Term("Binning, such as 2x2."),
    "area": Term(
        "Sky area, ICRS; edges are great circles.",
        unit="deg",
        ucd="pos.outline;obs.field",
        kind=Kind.POLYGON,
    ),
    "ra_deg": Term("Right ascension of the centre, ICRS.", unit="deg", ucd="pos.eq.ra;meta.main"),
    "dec_deg": Term("Declination of the centre, ICRS.", unit="deg", ucd="pos.eq.dec;meta.main"),
    "airmass": Term("Airmass.", ucd="obs.airMass"),
    "related_frames": Term(ucd="meta.id", kind=Kind.INTEGERS),
    "url": Term("Link to the file.", ucd="meta.ref.url"),
    "filename": Term("Name of the file.", ucd="meta.id;meta.file"),
    "size_bytes": Term("Size of the file.", unit="byte", ucd="phys.size;meta.file"),
    "created": Term(ucd="time.creation", kind=Kind.MOMENT),
    "received_at": Term(ucd="time", kind=Kind.MOMENT),
    "finished_at": Term(ucd="time", kind=Kind.MOMENT),
}
"""Name of a column in any dialect -> what it means."""

_CAPITALS: Final = {
    "DATE_OBS": "observation_date",
    "DAY_OBS": "observation_day",
    "PROPID": "proposal_id",
    "INSTRUME": "instrument_id",
    "OBJECT": "target_name",
    "RLEVEL": "reduction_level",
    "SITEID": "site_id",
    "TELID": "telescope_id",
    "EXPTIME": "exposure_time",
    "FILTER": "primary_optical_element",
    "L1PUBDAT": "public_date",
    "OBSTYPE": "configuration_type",
    "BLKUID": "observation_id",
    "REQNUM": "request_id",
}


def other_name(name: str) -> str | None:
    """Give the name under which the LCO archive shows a FITS keyword as well.

    Parameters
    ----------
    name
        Of a column.

    Returns
    -------
    str or None
        None for a column that has one name only.
    """
    return _CAPITALS.get(name)
