"""What pyobs-archive and the LCO archive ask of a header, in their own keywords.

Sources: the contracts PYO-50 (ingest rules) and ARC-80 to ARC-86.
"""

import math
from dataclasses import replace
from typing import Final

from app.fits.keywords import BUILT_IN, parsed_rules, squeezed_all
from app.fits.models import Footprint, Reading

PYOBS_REQUIRED: Final = (
    "DATE-OBS", "DAY-OBS", "SITEID", "TELID", "INSTRUME", "IMAGETYP", "EXPTIME", "NAXIS1", "NAXIS2",
)  # fmt: skip
PYOBS_NAME: Final = "FNAME"
"""The card that names a frame of pyobs; required where no file-name formatter is set."""

PYOBS_MAP: Final = replace(
    BUILT_IN,
    rules=BUILT_IN.rules
    | {
        "type": parsed_rules(["IMAGETYP", "OBSTYPE"]),
        "related": parsed_rules(["L1AVG*", "L1BIAS", "L1DARK", "L1FLAT", "L1RAW"]),
    },
)
"""As the built-in map, with the related frames of PYO-50."""

LCO_REQUIRED: Final = (
    "PROPID", "DATE-OBS", "DAY-OBS", "INSTRUME", "SITEID", "TELID", "OBSTYPE", "BLKUID",
)  # fmt: skip
LCO_TYPE: Final = "OBSTYPE"
"""The one of them that the file name may stand in for (ARC-83)."""

_LCO_RELATED: Final = (
    "L1IDBIAS", "L1IDDARK", "L1IDFLAT", "L1IDSHUT", "L1IDMASK", "L1IDFRNG", "L1IDCAT", "L1IDARC",
    "L1ID1D", "L1ID2D", "L1IDSUM", "TARFILE", "ORIGNAME", "ARCFILE", "FLATFILE", "GUIDETAR",
)  # fmt: skip

LCO_MAP: Final = replace(
    BUILT_IN,
    rules=BUILT_IN.rules
    | {
        "position": parsed_rules(["RA/DEC [hour]"]) + BUILT_IN.rules["position"],
        "related": parsed_rules(_LCO_RELATED),
    },
    null_words=squeezed_all(["", "N/A", "UNSPECIFIED", "UNKNOWN"]),
    leading=LCO_REQUIRED,
)
"""As the built-in map, with the leading header of ARC-80, the null values of ARC-81, right
ascensions in hours, and the related frames of ARC-86."""

_CENTER: Final = "RA"
_RADIUS: Final = "RADIUS"
_MAX_RADIUS_DEG: Final = 45.0
_PLANE_AXES: Final = 2
_CORNERS: Final = ((1, -1), (-1, -1), (-1, 1), (1, 1))
"""East and north of the centre; counter-clockwise as seen from inside the sphere."""


def lco_area(reading: Reading) -> Footprint | None:
    """Give the sky area of a frame by the rule of the LCO archive (ARC-85).

    Parameters
    ----------
    reading
        What the file says, its footprint measured by the WCS.

    Returns
    -------
    Footprint or None
        A box of +-RADIUS [arcsec] around RA and DEC where the header gives these; else the
        footprint; None for cubes.
    """
    radius_deg = _radius_deg(reading)
    if radius_deg is not None:
        return _box(reading, radius_deg)
    science = reading.science
    is_cube = science is not None and len(science.shape) > _PLANE_AXES
    return None if is_cube else reading.footprint


def _radius_deg(reading: Reading) -> float | None:
    """Return RADIUS [deg]; None where it, RA or DEC are not given, or not believable."""
    if reading.metadata.sources.get("position") != _CENTER:
        return None
    cards = (card for hdu in reading.hdus for card in hdu.cards if card.keyword == _RADIUS)
    for card in cards:
        try:
            radius_deg = float(str(card.value)) / 3600
        except ValueError:
            continue
        if 0 < radius_deg <= _MAX_RADIUS_DEG:
            return radius_deg
    return None


def _box(reading: Reading, radius_deg: float) -> Footprint | None:
    """Return the box in the plane that touches the sphere at the centre: right at every DEC."""
    ra_deg, dec_deg = reading.metadata.ra_deg, reading.metadata.dec_deg
    if ra_deg is None or dec_deg is None:
        return None
    half = math.tan(math.radians(radius_deg))
    vertices = tuple(
        _off_center(math.radians(ra_deg), math.radians(dec_deg), half * east, half * north)
        for east, north in _CORNERS
    )
    corner_deg = math.degrees(math.atan(half * math.sqrt(2)))
    return Footprint(vertices, ra_deg, dec_deg, corner_deg)


def _off_center(ra_rad: float, dec_rad: float, east: float, north: float) -> tuple[float, float]:
    """Return the direction of a point in the tangent plane [deg]: the gnomonic projection."""
    down = math.cos(dec_rad) - north * math.sin(dec_rad)
    up = math.sin(dec_rad) + north * math.cos(dec_rad)
    ra_deg = math.degrees(ra_rad + math.atan2(east, down)) % 360 % 360
    return ra_deg, math.degrees(math.atan2(up, math.hypot(east, down)))
