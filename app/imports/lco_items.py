"""Items of the LCO dialect, as another archive writes them, and what they mean here."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from app.core.errors import InvalidError
from app.fits.safe_names import check_path
from app.ingest.publicity import Publicity

_MD5 = re.compile("[0-9a-f]{32}")
_MAX_INTEGER = 2**63 - 1
_MAX_LEVEL = 999

_TEXTS = {
    "site": ("site_id", "SITEID"),
    "telescope": ("telescope_id", "TELID"),
    "instrument": ("instrument_id", "INSTRUME"),
    "observation_type": ("configuration_type", "OBSTYPE"),
    "filter_name": ("primary_optical_element", "FILTER"),
    "object_name": ("target_name", "OBJECT"),
}
"""Fact -> its names in an item, new and old."""


class NotLcoError(InvalidError):
    """The other archive does not speak the LCO dialect."""

    title = "Not the LCO dialect"


@dataclass(frozen=True, slots=True)
class RemoteVersion:
    """A stored state of a frame of the other archive.

    Attributes
    ----------
    key, md5, extension
        As that archive gives them; the MD5 is of the bytes that it sends.
    url
        Where the bytes are.
    """

    key: str
    md5: str
    extension: str
    url: str


@dataclass(frozen=True, slots=True)
class RemoteFrame:
    """A frame of the other archive.

    Attributes
    ----------
    id, basename
        Of the frame.
    observed
        Start of the exposure, as that archive writes it; None where it is not known.
    versions
        The oldest first.
    publicity
        Who may see it.
    gaps, certain
        Facts for what the header does not say, and those that win over it.
    area_deg
        Vertices of the sky area [deg], ICRS, not closed; None where it is not known.
    has_related
        Whether it names other frames, or they name it.
    """

    id: int
    basename: str
    observed: str | None
    versions: tuple[RemoteVersion, ...]
    publicity: Publicity
    gaps: Mapping[str, Any]
    certain: Mapping[str, Any]
    area_deg: tuple[tuple[float, float], ...] | None = None
    has_related: bool = False


def frame_of(item: Any) -> RemoteFrame:  # noqa: ANN401  # JSON
    """Read an item of a list of frames.

    Parameters
    ----------
    item
        JSON.

    Returns
    -------
    RemoteFrame
        The frame.

    Raises
    ------
    NotLcoError
        If it is no such item.
    UnsafeNameError
        If its name cannot be used here.
    """
    try:
        versions = tuple(_version(version) for version in item["version_set"])
        number, basename = _id(item["id"]), str(item["basename"])
        observed = _said(item, "observation_date", "DATE_OBS")
        gaps, certain = _gaps(item, observed), _certain(item)
        publicity = _publicity(item, certain["proposal"])
        area_deg = _area(item.get("area"))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise NotLcoError(
            "the other archive lists something that is no frame of the LCO dialect"
            f" ({type(error).__name__}: {error}): {str(item)[:80]}"
        ) from error
    for version in versions:
        _check_name(basename + version.extension)
    return RemoteFrame(
        number,
        basename,
        observed,
        versions[::-1],
        publicity,
        gaps,
        certain,
        area_deg,
        has_related=bool(item.get("related_frames")),
    )


def moment_of(text: str) -> datetime:
    """Read a time as the dialect writes it.

    Parameters
    ----------
    text
        ISO 8601; without a zone: UTC.

    Returns
    -------
    datetime
        Aware, UTC.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _check_name(name: str) -> None:
    """Refuse a file name that could not be stored as it is.

    Raises
    ------
    NotLcoError
        If it holds a slash.
    """
    if "/" in name:
        raise NotLcoError(f"the other archive gives {name!r} as the name of a file")
    check_path(name)


def _version(version: Mapping[str, Any]) -> RemoteVersion:
    md5 = str(version["md5"]).lower()
    if not _MD5.fullmatch(md5):
        raise ValueError(f"{md5!r} is no MD5")
    return RemoteVersion(
        key=str(version.get("key", md5)),
        md5=md5,
        extension=str(version["extension"]),
        url=str(version["url"]),
    )


def _area(area: Any) -> tuple[tuple[float, float], ...] | None:  # noqa: ANN401  # JSON
    """Read a GeoJSON polygon (RFC 7946, section 3.1.6) of one ring, longitude = right ascension."""
    if area is None:
        return None
    (ring,) = area["coordinates"]
    return tuple((float(ra_deg), float(dec_deg)) for ra_deg, dec_deg in ring[:-1])


def _id(value: object) -> int:
    number = _number(str(value))
    if not number:
        raise ValueError(f"{value!r} is no number of a frame")
    return number


def _said(item: Mapping[str, Any], *names: str) -> str | None:
    """Give what an item says under one of its names, new or old; None for nothing."""
    values = (item.get(name) for name in names)
    said = next((str(value) for value in values if value is not None), "")
    return "".join(letter for letter in said if letter.isprintable()).strip() or None


def _publicity(item: Mapping[str, Any], proposal: str | None) -> Publicity:
    public = _said(item, "public_date", "L1PUBDAT")
    if public is None:
        return Publicity(None, is_internal=proposal is None)
    return Publicity(moment_of(public))


def _certain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the catalogue of the other archive knows better than the header."""
    level = _number(_said(item, "reduction_level", "RLEVEL"))
    certain = {} if level is None or level > _MAX_LEVEL else {"reduction_level": level}
    return {"proposal": _said(item, "proposal_id", "PROPID"), **certain}


def _gaps(item: Mapping[str, Any], observed: str | None) -> dict[str, Any]:
    gaps: dict[str, Any] = {fact: _said(item, *names) for fact, names in _TEXTS.items()}
    exposure, day = _said(item, "exposure_time", "EXPTIME"), _said(item, "observation_day")
    request, block = _said(item, "request_id", "REQNUM"), _said(item, "observation_id", "BLKUID")
    gaps |= {
        "exposure_s": _finite(exposure),
        "observed_at": None if observed is None else moment_of(observed),
        "day_obs": None if day is None else date.fromisoformat(day),
        "night": None if day is None else date.fromisoformat(day),
        "request_text": request,
        "request_id": _number(request),
        "block_id": _number(block),
    }
    return {fact: value for fact, value in gaps.items() if value is not None}


def _finite(text: str | None) -> float | None:
    value = math.nan if text is None else float(text)
    return value if math.isfinite(value) else None


def _number(text: str | None) -> int | None:
    """Read an identifier as a number, where it is one that the database holds."""
    if text is None or not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    return number if (number := int(text)) <= _MAX_INTEGER else None
