"""The pointing: decimal or sexagesimal, hours or degrees, any frame, to ICRS degrees.

Sources: FITS standard 4.0, section 8.3 (RADESYS, EQUINOX and their defaults).
"""

import re
from dataclasses import dataclass

from astropy import units
from astropy.coordinates import FK4, FK5, SkyCoord

from app.fits.header import Header, text_of
from app.fits.lookup import Found, Lookup, number_of
from app.fits.models import Footprint, HeaderCard

DEG_PER_HOUR = 15.0
MAX_HOURS = 24.0
BESSELIAN_UNTIL = 1984.0
"""Equinoxes before this are Besselian, FK4, where no frame is named (FITS standard 8.3)."""

EQUINOXES = (1850.0, 2100.0)
USUAL_EQUINOXES = frozenset({1875.0, 1900.0, 1950.0, 1975.0, 2000.0})
"""EPOCH is often the date of the exposure; only these are taken for an equinox."""

SEXAGESIMAL = re.compile(
    r"(?P<sign>[+-]?) *(?P<whole>\d{1,3})(?: *[:hd°] *| +)(?P<minutes>\d{1,2}(?:[.,]\d*)?)"
    r"(?:(?: *[:m'\u2032] *| +)(?P<seconds>\d{1,2}(?:[.,]\d*)?)?)? *[s\"\u2033]?",
    re.IGNORECASE,
)
IN_HOURS = re.compile(r"\b(hours?|hrs?|hms|hh?:mm?(:ss?)?|h m s)\b|\[h\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pointing:
    """A direction, ICRS.

    Attributes
    ----------
    ra_deg, dec_deg
        Right ascension, 0 <= ra < 360, and declination [deg].
    """

    ra_deg: float
    dec_deg: float


def parse_sexagesimal(text: str) -> float | None:
    """Read a sexagesimal number.

    Parameters
    ----------
    text
        Two or three parts, parted by colons, blanks or unit letters: ``-00:30:00``, ``12h30m``.

    Returns
    -------
    float or None
        In the unit of the first part; None if it is none.
    """
    match = SEXAGESIMAL.fullmatch(text.strip().replace("\u2212", "-"))
    if match is None:
        return None
    minutes = float(match["minutes"].replace(",", "."))
    seconds = float((match["seconds"] or "0").replace(",", "."))
    if minutes > 60 or seconds > 60:
        return None
    value = int(match["whole"]) + minutes / 60 + seconds / 3600
    return -value if match["sign"] == "-" else value


def pointing(lookup: Lookup, footprint: Footprint | None, science: Header) -> Pointing | None:
    """Find where the telescope pointed.

    Parameters
    ----------
    lookup
        Of one file.
    footprint
        Its centre is taken where no keyword gives a position.
    science
        Of the science HDU, else the primary; its reference point is the last resort.

    Returns
    -------
    Pointing or None
        None if nothing gives a position. Exactly 0, 0 is what software writes that knows none.
    """
    for found in lookup.candidates("position"):
        place = _place(found)
        if place is None:
            lookup.left_out(found.card, "with its declination it is no position on the sky")
        elif place != (0.0, 0.0):
            lookup.chosen("position", found)
            return _icrs(*place, *_frame(lookup, found.header))
    if footprint is not None:
        lookup.sources["position"] = "WCS"
        return Pointing(footprint.center_ra_deg, footprint.center_dec_deg)
    return _reference_point(lookup, science)


def _place(found: Found) -> tuple[float, float] | None:
    """Return right ascension and declination [deg] in the frame of the header."""
    if found.partner is None:
        return None
    ra_deg = _right_ascension(found.card, found.rule.unit)
    dec_deg = _angle(found.partner)
    if ra_deg is None or dec_deg is None or not -90 <= dec_deg <= 90:
        return None
    return _wrapped(ra_deg), dec_deg


def _wrapped(ra_deg: float) -> float:
    """Bring a right ascension to 0 <= ra < 360 [deg]; once is not enough for -1e-300."""
    return ra_deg % 360 % 360


def _angle(card: HeaderCard) -> float | None:
    number = number_of(card)
    return parse_sexagesimal(str(card.value)) if number is None else number


def _right_ascension(card: HeaderCard, unit: str) -> float | None:
    """Return degrees. Sexagesimal means hours; a decimal does where rule or comment say so."""
    number = number_of(card)
    value = parse_sexagesimal(str(card.value)) if number is None else number
    if value is None or not -360 <= value <= 360:
        return None
    said = unit == "hour" or (not unit and IN_HOURS.search(card.comment))
    in_hours = number is None or bool(said)
    return value * DEG_PER_HOUR if in_hours and abs(value) <= MAX_HOURS else value


def _frame(lookup: Lookup, header: Header) -> tuple[str, float]:
    """Name frame and equinox of a pointing, by the header it stands in, else by the others."""
    equinox = _equinox(lookup, header)
    frame = text_of(header, "RADESYS") or text_of(header, "RADECSYS")
    frame = (frame or lookup.text("reference_frame") or "").upper()
    if frame in {"FK4", "FK5"}:
        return frame, equinox or (1950.0 if frame == "FK4" else 2000.0)
    if frame or equinox is None:
        return "ICRS", 2000.0
    return ("FK4" if equinox < BESSELIAN_UNTIL else "FK5"), equinox


def _equinox(lookup: Lookup, header: Header) -> float | None:
    own = [found for found in lookup.candidates("equinox") if found.header is header]
    for found in (*own, *lookup.candidates("equinox")):
        value = number_of(found.card)
        if value is None or not EQUINOXES[0] <= value <= EQUINOXES[1]:
            continue
        if found.card.keyword != "EPOCH" or value in USUAL_EQUINOXES:
            return value
    return None


def _icrs(ra_deg: float, dec_deg: float, frame: str, equinox: float) -> Pointing:
    """Convert to ICRS; FK4 with its own equinox as time of observation, as in SkyCoord."""
    if frame == "ICRS":
        return Pointing(ra_deg, dec_deg)
    given = FK4(equinox=f"B{equinox}") if frame == "FK4" else FK5(equinox=f"J{equinox}")
    place = SkyCoord(ra_deg * units.deg, dec_deg * units.deg, frame=given).icrs
    return Pointing(_wrapped(float(place.ra.deg)), float(place.dec.deg))


def _reference_point(lookup: Lookup, header: Header) -> Pointing | None:
    """Take CRVAL of equatorial axes, in either order."""
    values: dict[str, float] = {}
    for axis in "12":
        kind = text_of(header, f"CTYPE{axis}").upper().partition("-")[0]
        card = header.get(f"CRVAL{axis}")
        if card is not None and (number := number_of(card)) is not None:
            values[kind] = number
    if not values.keys() >= {"RA", "DEC"} or not -90 <= values["DEC"] <= 90:
        return None
    lookup.sources["position"] = "CRVAL1"
    return _icrs(_wrapped(values["RA"]), values["DEC"], *_frame(lookup, header))
