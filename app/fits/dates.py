"""Dates as headers write them, to UTC.

Sources: FITS standard 4.0, section 9 (dates, TIMESYS) and 4.4.2.1 (the old ``dd/mm/yy``, years
1900 to 1999); the rest are forms seen in the field.
"""

import math
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from astropy.time import Time
from astropy.utils import iers

from app.fits.keywords import Rule
from app.fits.lookup import Found, Lookup, number_of
from app.fits.models import HeaderCard

# Conversion needs leap seconds only, and those come with the library: never ask the internet.
iers.conf.auto_download = False

EARLIEST = datetime(1860, 1, 1, tzinfo=UTC)
"""Before this nobody photographed the sky; it also rejects MJD 0, which means not set."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC)

MJD_EPOCH = datetime(1858, 11, 17)  # noqa: DTZ001  # naive: in whatever scale the header says
JD_OF_MJD_EPOCH = 2_400_000.5
SECONDS_PER_DAY = 86_400.0
MAX_MJD = 200_000.0
"""The year 2406, by which numbers are told apart."""

SAME_DAY = timedelta(days=1.5)
"""How far MJD-OBS may lie from the start of the date in DATE-OBS to be its time of day."""

SCALES = {
    "TAI": "tai",
    "TT": "tt",
    "TDT": "tt",
    "ET": "tt",
    "TDB": "tdb",
    "TCG": "tcg",
    "TCB": "tcb",
    "GPS": "tai",
}
"""TIMESYS -> astropy's scale. Whatever is not here counts as UTC: UT1 is within 0.9 s of it."""

GPS_BEHIND_TAI = timedelta(seconds=19)

_CLOCK = r"(?P<h>\d{1,2})[: ](?P<m>\d{1,2})(?:[: ](?P<s>\d{1,2}(?:[.,]\d*)?))?"
_ZONE = r" *(?P<zone>Z|UTC?|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
_ISO = re.compile(
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    rf"(?: *[T ] *{_CLOCK})?{_ZONE}",
    re.IGNORECASE,
)
_PACKED = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
    rf"(?:T?(?P<h>\d{{2}})(?P<m>\d{{2}})(?P<s>\d{{2}}(?:[.,]\d*)?))?{_ZONE}",
    re.IGNORECASE,
)
_OLD = re.compile(
    r"(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>\d{4}|\d{2})"
    rf"(?: +{_CLOCK})?{_ZONE}",
    re.IGNORECASE,
)
_TIME = re.compile(rf"{_CLOCK}{_ZONE}", re.IGNORECASE)
_SCALE_IN_COMMENT = re.compile(rf"\b(UTC?|{'|'.join(SCALES)})\b")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A date as written.

    Attributes
    ----------
    moment
        Naive, in the scale that the header says; at 00:00 if only the date is written.
    has_time
        Whether the time of day is written.
    is_utc
        Whether a zone is written; the moment is UTC then.
    """

    moment: datetime
    has_time: bool
    is_utc: bool


def parse_stamp(text: str) -> Stamp | None:
    """Read a date.

    Parameters
    ----------
    text
        ISO 8601 with or without time and zone, ``yyyymmdd``, ``dd/mm/yy``, ``dd/mm/yyyy``; blanks
        around the T; 60 minutes or seconds, which run over.

    Returns
    -------
    Stamp or None
        None if it is no date.
    """
    for form in (_ISO, _PACKED, _OLD):
        if match := form.fullmatch(text.strip()):
            return _stamp(match)
    return None


def parse_time_of_day(text: str) -> timedelta | None:
    """Read a time of day.

    Parameters
    ----------
    text
        ``hh:mm:ss`` with fraction or without seconds; a full date counts by its time.

    Returns
    -------
    timedelta or None
        Since midnight; None if it is no time.
    """
    if match := _TIME.fullmatch(text.strip()):
        return _since_midnight(match)
    stamp = parse_stamp(text)
    if stamp is None or not stamp.has_time:
        return None
    return stamp.moment - stamp.moment.replace(hour=0, minute=0, second=0, microsecond=0)


def observed_at(lookup: Lookup) -> datetime | None:
    """Find the start of the exposure.

    A date without time takes its time from TIME-OBS and the like, else from MJD-OBS and the like
    of the same day; where there is neither, it begins at 00:00, as the standard has it.

    Parameters
    ----------
    lookup
        Of one file.

    Returns
    -------
    datetime or None
        Aware, UTC, from `EARLIEST` to `LATEST`.
    """
    whole_day: tuple[datetime, Found] | None = None
    for found in lookup.candidates("date"):
        stamp = _with_time(lookup, found, _read(found))
        moment = None if stamp is None else _utc(lookup, found, stamp)
        if stamp is None or moment is None:
            lookup.left_out(found.card, f"it is no date from {EARLIEST.year} to {LATEST.year}")
        elif not stamp.has_time:
            whole_day = whole_day or (moment, found)
        elif whole_day is None or abs(moment - whole_day[0]) <= SAME_DAY:
            lookup.chosen("date", found)
            return moment
    if whole_day is None:
        return None
    moment, found = whole_day
    lookup.chosen("date", found)
    lookup.note(found.card, "has no time of day; 00:00 was taken")
    return moment


def moment_of(lookup: Lookup, concept: str) -> datetime | None:
    """Return the moment of a concept other than the start of the exposure.

    Parameters
    ----------
    lookup
        Of one file.
    concept
        Of the keyword map.

    Returns
    -------
    datetime or None
        Aware, UTC; dates beyond `LATEST` are allowed, since data may stay private for ever.
    """
    for found in lookup.candidates(concept):
        stamp = parse_stamp(str(found.card.value))
        if stamp is not None:
            lookup.chosen(concept, found)
            return stamp.moment.replace(tzinfo=UTC)
        lookup.left_out(found.card, "it is no date")
    return None


def _stamp(match: re.Match[str]) -> Stamp | None:
    """Build a stamp from what a form matched; None if there is no such day or time."""
    year = int(match["year"])
    has_time = match["h"] is not None
    since_midnight = _since_midnight(match) if has_time else timedelta()
    if since_midnight is None:
        return None
    try:
        day = datetime(year + 1900 if year < 100 else year, int(match["month"]), int(match["day"]))  # noqa: DTZ001  # naive until the scale is known
        return Stamp(
            day + since_midnight - _zone(match["zone"]), has_time, match["zone"] is not None
        )
    except (ValueError, OverflowError):
        return None


def _since_midnight(match: re.Match[str]) -> timedelta | None:
    hours, minutes = int(match["h"]), int(match["m"])
    seconds = float((match["s"] or "0").replace(",", "."))
    if hours > 24 or minutes > 60 or seconds > 61:
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _zone(text: str | None) -> timedelta:
    """Return how far a zone is ahead of UTC."""
    if text is None or text[0] not in "+-":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -ahead if text[0] == "-" else ahead


def _read(found: Found) -> Stamp | None:
    number = number_of(found.card)
    if found.rule.unit:
        return None if number is None else _numbered(number, found.rule.unit)
    return parse_stamp(str(found.card.value)) or (_guessed(number) if number else None)


def _guessed(number: float) -> Stamp | None:
    """Tell by its size what a bare number counts; the ranges do not meet."""
    if number < MAX_MJD:
        return _numbered(number, "mjd")
    return _numbered(number, "jd" if number < JD_OF_MJD_EPOCH + MAX_MJD else "unix")


def _numbered(number: float, unit: str) -> Stamp | None:
    days = {
        "mjd": number,
        "jd": number - JD_OF_MJD_EPOCH,
        "tai": number / SECONDS_PER_DAY,
        "unix": number / SECONDS_PER_DAY + 40_587,
    }[unit]
    if not 0 < days < MAX_MJD:
        return None
    # A double holds MJD to a microsecond; what is printed is rarely better than a millisecond.
    seconds = round(math.fmod(days, 1) * SECONDS_PER_DAY, 5)
    moment = MJD_EPOCH + timedelta(days=math.floor(days), seconds=seconds)
    return Stamp(moment, has_time=not _is_whole(unit, number), is_utc=unit == "unix")


def _is_whole(unit: str, number: float) -> bool:
    """Whether a day number is only a date: SDSS and others write MJD without fraction."""
    return unit == "mjd" and number.is_integer()


def _with_time(lookup: Lookup, found: Found, stamp: Stamp | None) -> Stamp | None:
    if stamp is None or stamp.has_time or found.rule.unit:
        return stamp
    times = sorted(lookup.candidates("time"), key=lambda time: time.header is not found.header)
    for time in times:
        since_midnight = parse_time_of_day(str(time.card.value))
        if since_midnight is not None:
            lookup.chosen("time", time)
            return Stamp(stamp.moment + since_midnight, has_time=True, is_utc=stamp.is_utc)
    return stamp


def _utc(lookup: Lookup, found: Found, stamp: Stamp) -> datetime | None:
    """Convert to UTC; None if it is outside what is believed."""
    scale = "UTC" if stamp.is_utc else _scale(lookup, found.card, found.rule)
    moment = stamp.moment
    if not EARLIEST.year <= moment.year < LATEST.year:
        return None
    if scale == "GPS":
        moment += GPS_BEHIND_TAI
    if scale not in SCALES or not stamp.has_time:
        return moment.replace(tzinfo=UTC)
    with warnings.catch_warnings(action="ignore"):
        # ERFA warns of dates before 1960 and far ahead, where leap seconds are not known.
        utc = Time(moment, scale=SCALES[scale]).utc
        # datetime has no 23:59:60: a leap second runs over into the next day.
        return cast("datetime", utc.to_datetime(timezone=UTC, leap_second_strict="silent"))


def _scale(lookup: Lookup, card: HeaderCard, rule: Rule) -> str:
    """Name the time scale: as the unit implies, the comment says, or TIMESYS."""
    if rule.unit == "tai":
        return "TAI"
    if match := _SCALE_IN_COMMENT.search(card.comment):
        return match[1]
    return (lookup.text("time_scale") or "UTC").upper()
