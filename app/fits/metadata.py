"""One vocabulary out of many headers."""

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from app.core.night import DEG_PER_HOUR, night_of
from app.fits.dates import moment_of, observed_at, parse_stamp
from app.fits.header import first_with_all, index_cards
from app.fits.keyword_tables import PURE_TYPE_KEYWORDS, RAW_TYPE_KEYWORDS, squeezed
from app.fits.keywords import KeywordMap
from app.fits.lookup import Found, Lookup, number_of
from app.fits.models import Footprint, Hdu, Metadata, ObservationType
from app.fits.position import parse_sexagesimal, pointing
from app.fits.repairs import Repairs
from app.fits.safe_names import basename_of

MAX_OTHER_HDUS = 20
"""In how many further HDUs a concept is looked for that science and primary HDU do not name."""

MAX_RELATED = 1000
"""Names of related frames that are kept; a stack of more is not seen in the field."""

MAX_EXPOSURE_S = 1e8
MAX_BINNING = 128
MAX_LEVEL = 999
MIN_AIRMASS = 0.9
"""A little below 1, since refraction makes some software print 0.99; 0 and -1 mean not known."""

MAX_AIRMASS = 100.0

IN_THE_DARK = frozenset(
    {ObservationType.BIAS, ObservationType.DARK, ObservationType.LAMPFLAT, ObservationType.ARC}
)
"""Exposures that may be taken by day."""

DAYLIGHT_HOURS = (9.0, 15.0)
"""Mean solar time at which no telescope looks at the night sky."""

EXPOSURE_UNITS = (
    (re.compile(r"\b(numbers?|index|id|identifier|count|request)\b", re.IGNORECASE), None),
    (re.compile(r"\[m?s(ec(onds?)?)?\]|\bseconds?\b", re.IGNORECASE), 1.0),
    (re.compile(r"\bmin(ute)?s?\b", re.IGNORECASE), 60.0),
    (re.compile(r"\[d\]|\bdays?\b", re.IGNORECASE), 86_400.0),
)
"""What a comment says about an exposure -> seconds; None: it is no time at all."""

MILLISECONDS = re.compile(r"\[ms\]|\bmilliseconds?\b|\bmsec\b", re.IGNORECASE)
SECONDS_PER_UNIT = {"s": 1.0, "ms": 1e-3, "min": 60.0, "d": 86_400.0}

DECAM_FILTER = re.compile(r"(\S+) DECam\b.*")
WHEEL_ENDING = re.compile(r"[a-z]{0,2}\d*[a-z]?|\d+")
"""What may follow a clear word: CLEAR2L, open2-8, CLEARP."""

TEXTS = {
    "site": "site",
    "telescope": "telescope",
    "instrument": "instrument",
    "object_name": "object",
    "proposal": "proposal",
    "request_id": "request",
    "observation_id": "observation",
    "block_id": "block",
    "user_id": "user",
}
"""Attribute of the metadata -> concept, for plain text."""

NUMBERED = ("request_id", "block_id")
NO_NUMBER = "none"
"""What the LCO archive's integers say beside the null words of all texts (ARC-81)."""

NUMBERS: dict[str, tuple[str, float, float]] = {
    "airmass": ("airmass", MIN_AIRMASS, MAX_AIRMASS),
    "telescope_altitude_deg": ("telescope_altitude", -90, 90),
    "telescope_azimuth_deg": ("telescope_azimuth", -360, 360),
    "focus": ("focus", -math.inf, math.inf),
    "sun_altitude_deg": ("sun_altitude", -90, 90),
    "sun_distance_deg": ("sun_distance", 0, 180),
    "moon_altitude_deg": ("moon_altitude", -90, 90),
    "moon_fraction": ("moon_fraction", 0, 1),
    "moon_distance_deg": ("moon_distance", 0, 180),
    "data_mean": ("data_mean", -math.inf, math.inf),
}
"""Attribute of the metadata -> concept and the range in which a number makes sense."""

BINNING_PAIR = re.compile(r"\(?(\d+)\s*[xX*, ]\s*(\d+)\)?")


def read_metadata(
    hdus: Sequence[Hdu],
    science: Hdu | None,
    footprint: Footprint | None,
    keyword_map: KeywordMap,
    repairs: Repairs,
) -> Metadata:
    """Read what the headers of a file say.

    The science header comes first, then the primary one; the others are asked only for what
    neither of these says. So a file of tables, too, has an object and a date. A map may name
    keywords that make another header the leading one.

    Parameters
    ----------
    hdus
        Of one file.
    science
        The science HDU; None if there is none.
    footprint
        Its sky area, the centre of which is the pointing where no keyword gives one.
    keyword_map
        Which keyword says what.
    repairs
        Takes what had to be left out.

    Returns
    -------
    Metadata
        Cleaned and normalised; None for what is not said or makes no sense.
    """
    first = _first_hdus(hdus, science, keyword_map)
    read = {hdu.index for hdu in first}
    others = [hdu for hdu in hdus if hdu.index not in read][:MAX_OTHER_HDUS]
    headers = [index_cards(hdu.cards) for hdu in first]
    lookup = Lookup([headers, [index_cards(hdu.cards) for hdu in others]], keyword_map, repairs)
    kind, kind_raw = _observation_type(lookup)
    moment = observed_at(lookup)
    day_obs = _day_obs(lookup)
    place = pointing(lookup, footprint, headers[first.index(science or hdus[0])])
    x_binning, y_binning = _binning(lookup)
    plain: dict[str, Any] = {field: lookup.text(concept) for field, concept in TEXTS.items()}
    plain |= {field: None for field in NUMBERED if squeezed(plain[field] or "") == NO_NUMBER}
    plain |= {field: lookup.number(*rule) for field, rule in NUMBERS.items()}
    plain |= _nights(lookup, moment, kind, day_obs, repairs)
    return Metadata(
        **plain,
        observation_type=kind,
        image_type_raw=kind_raw,
        filter_name=_filter_name(lookup),
        exposure_s=_exposure_s(lookup),
        observed_at=moment,
        day_obs=day_obs,
        ra_deg=None if place is None else place.ra_deg,
        dec_deg=None if place is None else place.dec_deg,
        x_binning=x_binning,
        y_binning=y_binning,
        reduction_level=int(lookup.number("level", 0, MAX_LEVEL) or 0),
        public_at=moment_of(lookup, "public_date"),
        related=_related(lookup),
        sources=dict(lookup.sources),
    )


def _first_hdus(hdus: Sequence[Hdu], science: Hdu | None, keyword_map: KeywordMap) -> list[Hdu]:
    """Return the HDUs that are asked first, best first."""
    first = [science, hdus[0]] if science is not None and science.index else [hdus[0]]
    leading = first_with_all(hdus, keyword_map.leading) if keyword_map.leading else None
    return first if leading is None else [leading, *(hdu for hdu in first if hdu is not leading)]


def _observation_type(lookup: Lookup) -> tuple[ObservationType | None, str | None]:
    """Return the first type that the map knows, else the first word of a keyword made for types.

    The text beside it is that of IMAGETYP where a header has both, as pyobs-archive shows it.
    """
    unknown: Found | None = None
    for found in lookup.candidates("type"):
        kind = lookup.keyword_map.image_types.get(squeezed(str(found.card.value)))
        if kind is not None:
            lookup.chosen("type", found)
            return kind, _raw_type(lookup, found)
        if found.card.keyword in PURE_TYPE_KEYWORDS:
            unknown = unknown or found
    if unknown is None:
        return None, None
    lookup.chosen("type", unknown)
    return ObservationType.EXPERIMENTAL, _raw_type(lookup, unknown)


def _raw_type(lookup: Lookup, chosen: Found) -> str | None:
    """Return the text of IMAGETYP, else of the keyword that gave the type."""
    for found in lookup.candidates("type"):
        if found.card.keyword in RAW_TYPE_KEYWORDS:
            return lookup.text_of(found.card)
    return lookup.text_of(chosen.card) or None


def _filter_name(lookup: Lookup) -> str | None:
    """Return the first filter that is one; a clear position only where there is no other."""
    clear: Found | None = None
    for found in lookup.candidates("filter"):
        if not lookup.text_of(found.card):
            continue
        if not _is_clear(lookup, lookup.text_of(found.card)):
            lookup.chosen("filter", found)
            return DECAM_FILTER.sub(r"\1", lookup.text_of(found.card))
        clear = clear or found
    if clear is None:
        return None
    lookup.chosen("filter", clear)
    return lookup.text_of(clear.card)


def _is_clear(lookup: Lookup, text: str) -> bool:
    word = squeezed(text)
    return any(
        word.startswith(clear) and WHEEL_ENDING.fullmatch(word.removeprefix(clear))
        for clear in lookup.keyword_map.clear_words
    )


def _exposure_s(lookup: Lookup) -> float | None:
    for found in lookup.candidates("exposure"):
        number, factor = number_of(found.card), _seconds_per_unit(found)
        if factor is None:
            continue
        if number is not None and 0 <= number * factor <= MAX_EXPOSURE_S:
            lookup.chosen("exposure", found)
            return number * factor
        lookup.left_out(found.card, f"it is no exposure time from 0 to {MAX_EXPOSURE_S:g} s")
    return None


def _seconds_per_unit(found: Found) -> float | None:
    """Return what an exposure is counted in [s]: by the rule, the comment, or seconds."""
    if found.rule.unit:
        return SECONDS_PER_UNIT.get(found.rule.unit)
    if MILLISECONDS.search(found.card.comment):
        return SECONDS_PER_UNIT["ms"]
    said = (factor for word, factor in EXPOSURE_UNITS if word.search(found.card.comment))
    return next(said, 1.0)


def _day_obs(lookup: Lookup) -> date | None:
    for found in lookup.candidates("night"):
        stamp = parse_stamp(str(found.card.value))
        if stamp is not None:
            lookup.chosen("night", found)
            return stamp.moment.date()
        lookup.left_out(found.card, "it is no date")
    return None


def _nights(
    lookup: Lookup,
    moment: datetime | None,
    kind: ObservationType | None,
    day_obs: date | None,
    repairs: Repairs,
) -> dict[str, date | None]:
    """Return the night, and the one by the sun alone; say where DAY-OBS is another one.

    Calibrations taken by day are left out of the comparison: with them nothing tells which sign
    the longitude has.
    """
    if moment is None:
        return {"night": day_obs, "local_night": None}
    longitude_deg = _longitude_deg(lookup, moment, kind)
    computed = night_of(moment, longitude_deg)
    local = None if longitude_deg is None or kind in IN_THE_DARK else computed
    if day_obs is not None and local is not None and day_obs != local:
        repairs.add(f"DAY-OBS is {day_obs}, but from local noon to noon the night is {local}")
    return {"night": day_obs or computed, "local_night": local}


def _longitude_deg(lookup: Lookup, moment: datetime, kind: ObservationType | None) -> float | None:
    """Return the longitude, east positive [deg], where it can be believed.

    Half of the field counts west as positive, and even comments lie. The exposure tells: the sky
    is not exposed around noon. A sign that puts it there is turned round, and where that does not
    help the longitude is not used.
    """
    for found in lookup.candidates("longitude"):
        number = number_of(found.card)
        value = parse_sexagesimal(str(found.card.value)) if number is None else number
        if value is None or not -360 <= value <= 360:
            continue
        signs = (value,) if kind in IN_THE_DARK else (value, -value)
        for longitude_deg in signs:
            if kind in IN_THE_DARK or not _is_daylight(moment, longitude_deg):
                lookup.chosen("longitude", found)
                return (longitude_deg + 180) % 360 - 180
    return None


def _is_daylight(moment: datetime, longitude_deg: float) -> bool:
    hour = (moment.hour + moment.minute / 60 + longitude_deg / DEG_PER_HOUR) % 24
    return DAYLIGHT_HOURS[0] <= hour < DAYLIGHT_HOURS[1]


def _binning(lookup: Lookup) -> tuple[int | None, int | None]:
    for found in lookup.candidates("binning"):
        pair = _pair(found)
        if pair is not None and all(1 <= factor <= MAX_BINNING for factor in pair):
            lookup.chosen("binning", found)
            return pair
        lookup.left_out(found.card, f"it is no pair of binning factors from 1 to {MAX_BINNING}")
    return None, None


def _pair(found: Found) -> tuple[int, int] | None:
    """Read binning factors from two keywords, from ``1x1``, ``1 1`` and the like, or one number."""
    if match := BINNING_PAIR.fullmatch(str(found.card.value).strip()):
        return int(match[1]), int(match[2])
    first = number_of(found.card)
    second = first if found.partner is None else number_of(found.partner)
    if first is None or second is None or not (first.is_integer() and second.is_integer()):
        return None
    return int(first), int(second)


def _related(lookup: Lookup) -> tuple[str, ...]:
    own = {_stem(found) for found in lookup.candidates("own_name")}
    names = dict.fromkeys(_stem(found) for found in lookup.candidates("related"))
    return tuple(name for name in names if name and name not in own)[:MAX_RELATED]


def _stem(found: Found) -> str:
    """Return the basename: directories of the writer's machine and extensions go."""
    text = str(found.card.value).replace("\\", "/").rpartition("/")[2].strip()
    return basename_of(text)[0]
