"""What the file names of the LCO archive say: level, type, catalogue (ARC-82, ARC-83)."""

import re
from dataclasses import replace
from typing import Final

from app.fits.dialects import lco_area
from app.fits.models import ObservationType, Reading
from app.fits.safe_names import cut_at_first_dot

IGNORED_PARTS: Final = ("-l00", "tstnrs")
"""Names with one of these are not for the archive."""

_CATALOG_MARK: Final = "_cat"
_TAR: Final = ".tar.gz"
_TAR_LEVEL: Final = 90
_NAME: Final = re.compile(r"[^-]+-(?P<instrument>[^-]+)-\d+-\d+-(?P<letter>[a-z])\d\d(?!\d)")
_SPECTROGRAPH: Final = "en"
_TYPES: Final = {
    "a": ObservationType.ARC,
    "b": ObservationType.BIAS,
    "d": ObservationType.DARK,
    "e": ObservationType.EXPOSE,
    "f": ObservationType.SKYFLAT,
    "g": ObservationType.GUIDE,
    "s": ObservationType.STANDARD,
    "w": ObservationType.LAMPFLAT,
    "x": ObservationType.EXPERIMENTAL,
}


def completed_by_name(reading: Reading, filename: str) -> Reading:
    """Add to a reading what the LCO archive takes from elsewhere than the header.

    Parameters
    ----------
    reading
        What the file says.
    filename
        As it came, without folders.

    Returns
    -------
    Reading
        With level and type by the name where the header has none, related names without
        extensions, and the sky area of ARC-85.
    """
    basename, extension = cut_at_first_dot(filename)
    metadata = reading.metadata
    related = [cut_at_first_dot(name)[0] for name in metadata.related]
    kind = metadata.observation_type or type_in(basename)
    if _CATALOG_MARK in basename:
        kind = ObservationType.CATALOG
        related.append(basename.replace(_CATALOG_MARK, ""))
    completed = replace(
        metadata,
        observation_type=kind,
        reduction_level=metadata.reduction_level or level_in(basename, extension),
        related=tuple(dict.fromkeys(name for name in related if name)),
    )
    return replace(reading, metadata=completed, footprint=lco_area(reading))


def level_in(basename: str, extension: str) -> int:
    """Read the reduction level in a name.

    Parameters
    ----------
    basename, extension
        Of a file, cut at the first dot.

    Returns
    -------
    int
        The last two digits, 90 for tar files, else 0.
    """
    if extension.lower() == _TAR:
        return _TAR_LEVEL
    ending = basename.replace(_CATALOG_MARK, "")[-2:]
    return int(ending) if re.fullmatch(r"[0-9]{2}", ending) else 0


def type_in(basename: str) -> ObservationType | None:
    """Read the observation type in a name ``site-instrument-day-number-Lnn``.

    Parameters
    ----------
    basename
        Of a file.

    Returns
    -------
    ObservationType or None
        By the letter L; None for other names and letters.
    """
    match = _NAME.match(basename)
    if match is None:
        return None
    kind = _TYPES.get(match["letter"])
    if kind is ObservationType.EXPOSE and match["instrument"].startswith(_SPECTROGRAPH):
        return ObservationType.SPECTRUM
    return kind
