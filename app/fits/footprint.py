"""The sky area of an image, from its world coordinate system.

Sources: FITS standard 4.0 section 8 (Greisen & Calabretta 2002; Calabretta & Greisen 2002), SIP
(Shupe et al. 2005), and for the winding IVOA STC 1.33 as corrected by its erratum 1.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.coordinates import (
    ICRS,
    BarycentricMeanEcliptic,
    BaseCoordinateFrame,
    SkyCoord,
    Supergalactic,
)
from astropy.io.fits import Header
from astropy.time import Time
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame
from numpy.typing import NDArray

from app.fits.decoding import LIBRARY_ERRORS, brief, quiet
from app.fits.models import Footprint, Hdu, HduKind, HeaderCard, HeaderValue
from app.fits.results import FootprintError

Vectors = NDArray[np.float64]
"""Unit vectors, ICRS, ``(n, 3)``."""

_CELESTIAL = re.compile(r"(RA|DEC|[GES]LON|[GES]LAT)-+([A-Z0-9]{3})(-SIP)?\s*$")
_AXIS = re.compile(r"(CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA)(\d)$")
_PARAMETER = re.compile(r"(PV|PS)(\d)_(\d{1,2})$")
_MATRIX = re.compile(r"(CD|PC)0{0,2}(\d)_?0{0,2}(\d)$")
_SIP = re.compile(r"(A|B|AP|BP)_(ORDER|DMAX|\d_\d)$")
_GLOBAL = frozenset(
    {"LONPOLE", "LATPOLE", "EQUINOX", "EPOCH", "RADESYS", "RADECSYS", "DATE-OBS", "MJD-OBS"}
)
_SIP_AXES = (1, 2)
_SIP_ORDERS = range(10)  # astropy would loop over any other
_TEXTS = ("CTYPE", "CUNIT", "RADE", "DATE", "PS")
_UNDEFINED = (None, "")

_EDGE_SEGMENTS = 32
"""Into how many pieces an edge is cut at most, and how finely it is looked at."""
_TOLERANCE_OF_DIAGONAL = 0.01
_LARGEST_RADIUS_RAD = math.radians(90)
_SMALLEST_DIAGONAL_RAD = math.radians(1e-7)
_SMALLEST_AREA_OF_DIAGONAL_SQUARED = 1e-9


@dataclass(frozen=True, slots=True)
class _SkyAxes:
    """Which two of an image's axes are celestial, counted from 1, in header order."""

    first: int
    second: int

    def renumbered(self, axis: int) -> int | None:
        """Return 1 or 2, or None for an axis that is not celestial."""
        return {self.first: 1, self.second: 2}.get(axis)


def measure(science: Hdu, path: Path) -> Footprint | None:  # noqa: ARG001  # for WCS in other HDUs
    """Measure the sky area of an image.

    The vertices are the outer corners of the corner pixels (0.5 and NAXISn + 0.5 in FITS pixel
    coordinates), with more points only on edges that leave the great circle between their ends
    by more than 1 % of the diagonal, or by half a pixel if that is more. They run
    counter-clockwise as seen from inside the sphere (north up, east left), whatever the parity
    of the image, which is the winding of IVOA regions.

    Lookup-table distortions (``CPDISja``, ``D2IMDISja``), mostly below a pixel, are left out.
    Of a cube only the celestial axes are used, so that tables of the others do not matter.

    Parameters
    ----------
    science
        The image HDU with its cards.
    path
        The file that it stands in.

    Returns
    -------
    Footprint or None
        None without pixels or without celestial axes: no coordinates at all, solar, planetary.

    Raises
    ------
    FootprintError
        If there are celestial axes that cannot be evaluated, or whose area is degenerate or
        reaches 90 deg from the image centre.
    """
    if science.kind not in {HduKind.IMAGE, HduKind.COMPRESSED_IMAGE} or not _has_pixels(science):
        return None
    values = {card.keyword: card for card in science.cards}
    axes = _sky_axes(values)
    if axes is None:
        return None
    size = (_length(science, axes.first), _length(science, axes.second))
    try:
        with quiet():
            sky = _evaluate(_header(science, values, axes), size)
    except LIBRARY_ERRORS as error:
        raise FootprintError(f"the WCS cannot be evaluated: {brief(error)}") from error
    return _footprint(sky, size)


def _has_pixels(science: Hdu) -> bool:
    return bool(science.shape) and all(length > 0 for length in science.shape)


def _length(science: Hdu, axis: int) -> int:
    """Return the length of an axis [pixel]; 1 for an axis that only the WCS has."""
    return science.shape[axis - 1] if axis <= len(science.shape) else 1


def _sky_axes(values: dict[str, HeaderCard]) -> _SkyAxes | None:
    types = {n: str(values[f"CTYPE{n}"].value) for n in range(1, 10) if f"CTYPE{n}" in values}
    matches = {n: _CELESTIAL.match(text) for n, text in types.items()}
    found = [n for n, match in matches.items() if match]
    if not found:
        return None
    named = ", ".join(f"CTYPE{n} = {types[n].strip()!r}" for n in found)
    if len(found) != 2:
        raise FootprintError(f"{named}: a sky position needs one longitude and one latitude axis")
    if any(match and match[2] == "TAB" for match in matches.values()):
        raise FootprintError(f"{named}: coordinates by lookup table (-TAB) are not evaluated")
    return _SkyAxes(*found)


def _header(science: Hdu, values: dict[str, HeaderCard], axes: _SkyAxes) -> Header:
    """Build a header of the celestial axes alone, renumbered to 1 and 2."""
    header = Header()
    header["NAXIS"] = 2
    header["NAXIS1"] = _length(science, axes.first)
    header["NAXIS2"] = _length(science, axes.second)
    for card in values.values():
        keyword = _renamed(card.keyword, axes)
        if keyword is not None and card.value not in _UNDEFINED:
            _put(header, keyword, card.value)
    _check_scale(header)
    return header


def _put(header: Header, keyword: str, value: HeaderValue) -> None:
    usable = value if keyword.startswith(_TEXTS) else _number(keyword, value)
    if keyword.endswith("_ORDER") and usable not in _SIP_ORDERS:
        raise FootprintError(f"{keyword} = {value!r}: SIP polynomials have an order of up to 9")
    try:
        header[keyword] = usable
    except LIBRARY_ERRORS as error:
        raise FootprintError(f"{keyword} = {value!r} is not valid: {brief(error)}") from error


def _number(keyword: str, value: HeaderValue) -> float | int:
    # wcslib passes over numbers in quotes and would put the image at its defaults
    if isinstance(value, str):
        try:
            return float(value.strip().lstrip("JB"))
        except ValueError as error:
            raise FootprintError(f"{keyword} = {value!r} is not a number") from error
    if value is None or isinstance(value, bool):
        raise FootprintError(f"{keyword} = {value!r} is not a number")
    return value


def _check_scale(header: Header) -> None:
    # defaults of the standard (position 0, 1 deg a pixel) are never meant by a real image
    for keyword in ("CRVAL1", "CRVAL2"):
        if keyword not in header:
            raise FootprintError("the WCS gives no position for its reference pixel (CRVALn)")
    names = ("PC?_?", "CDELT?")
    matrix = [value for value in header["CD?_?"].values() if value != 0]
    if not matrix and not any(header[name] for name in names):
        raise FootprintError("the WCS gives no pixel scale (CDi_j, or PCi_j and CDELTn)")


def _renamed(keyword: str, axes: _SkyAxes) -> str | None:
    """Return the name of a WCS keyword for the celestial axes; None if it is not wanted."""
    if keyword in _GLOBAL:
        return keyword
    if _SIP.match(keyword):
        return keyword if (axes.first, axes.second) == _SIP_AXES else None
    if match := _AXIS.match(keyword):
        axis = axes.renumbered(int(match[2]))
        return f"{match[1]}{axis}" if axis else None
    if match := _PARAMETER.match(keyword):
        axis = axes.renumbered(int(match[2]))
        return f"{match[1]}{axis}_{match[3]}" if axis else None
    return _renamed_matrix(keyword, axes)


def _renamed_matrix(keyword: str, axes: _SkyAxes) -> str | None:
    """Rename ``CDi_j``, ``PCi_j`` and the old ``PC00i00j``."""
    match = _MATRIX.match(keyword)
    if match is None:
        return None
    row, column = axes.renumbered(int(match[2])), axes.renumbered(int(match[3]))
    return f"{match[1]}{row}_{column}" if row and column else None


@dataclass(frozen=True, slots=True)
class _Sky:
    """Sky positions of an image: its centre ``(3,)`` and its edge, four sides one after another.

    ``edge`` is ``(4 * _EDGE_SEGMENTS, 3)``; each side begins with its corner.
    """

    center: Vectors
    edge: Vectors


def _evaluate(header: Header, size: tuple[int, int]) -> _Sky:
    wcs = WCS(header)
    pixels = np.vstack([_center_pixel(size), _edge_pixels(size)])
    world = wcs.all_pix2world(pixels, 1)
    longitude, latitude = world[:, wcs.wcs.lng], world[:, wcs.wcs.lat]
    if not np.all(np.isfinite(longitude) & np.isfinite(latitude)):
        raise FootprintError(
            "the WCS gives no sky position for the centre or the edge of the image"
        )
    places = SkyCoord(longitude, latitude, unit="deg", frame=_frame(wcs)).transform_to(ICRS())
    vectors = _unit_vectors(places.ra.rad, places.dec.rad)
    return _Sky(center=vectors[0], edge=vectors[1:])


def _frame(wcs: WCS) -> BaseCoordinateFrame:
    """Name the frame of a WCS; astropy knows the equatorial and galactic ones by itself."""
    kind = str(wcs.wcs.lngtyp)[:4]
    if kind == "ELON":
        return BarycentricMeanEcliptic(equinox=_equinox(wcs))
    if kind == "SLON":
        return Supergalactic()
    frame: BaseCoordinateFrame = wcs_to_celestial_frame(wcs)
    return frame


def _equinox(wcs: WCS) -> Time:
    """Return EQUINOX as a Julian epoch, J2000 where the header does not say it."""
    year = wcs.wcs.equinox
    return Time(2000.0 if math.isnan(year) else year, format="jyear")


def _center_pixel(size: tuple[int, int]) -> NDArray[np.float64]:
    return np.array([(size[0] + 1) / 2, (size[1] + 1) / 2])


def _edge_pixels(size: tuple[int, int]) -> NDArray[np.float64]:
    """Return points along the outer edge [pixel, 1-based], ``(4 * _EDGE_SEGMENTS, 2)``."""
    right, top = size[0] + 0.5, size[1] + 0.5
    corners = np.array([(0.5, 0.5), (right, 0.5), (right, top), (0.5, top)])
    ways = np.roll(corners, -1, axis=0) - corners
    steps = np.arange(_EDGE_SEGMENTS) / _EDGE_SEGMENTS
    points: NDArray[np.float64] = corners[:, None, :] + steps[None, :, None] * ways[:, None, :]
    return points.reshape(-1, 2)


def _unit_vectors(ra_rad: Vectors, dec_rad: Vectors) -> Vectors:
    flat = np.cos(dec_rad)
    xyz = [flat * np.cos(ra_rad), flat * np.sin(ra_rad), np.sin(dec_rad)]
    return np.asarray(np.stack(xyz, axis=-1))


def _footprint(sky: _Sky, size: tuple[int, int]) -> Footprint:
    radius_rad = float(_angle(sky.center, sky.edge).max())
    if radius_rad >= _LARGEST_RADIUS_RAD:
        raise FootprintError(
            f"the image reaches {math.degrees(radius_rad):.1f} deg from its centre;"
            " a sky area must stay below 90 deg"
        )
    corners = sky.edge[::_EDGE_SEGMENTS]
    diagonal_rad = float(_angle(corners[:2], corners[2:]).max())
    area = _signed_area(sky)
    if diagonal_rad < _SMALLEST_DIAGONAL_RAD or (
        abs(area) < _SMALLEST_AREA_OF_DIAGONAL_SQUARED * diagonal_rad**2
    ):
        raise FootprintError("the WCS is degenerate: the image covers no area on the sky")
    vertices = np.array(list(_vertices(sky, _tolerance_rad(diagonal_rad, size))))
    if area > 0:  # clockwise as seen from inside
        vertices = np.roll(vertices[::-1], 1, axis=0)
    (center,) = _degrees(sky.center[None, :])
    return Footprint(
        vertices_deg=tuple(_degrees(vertices)),
        center_ra_deg=center[0],
        center_dec_deg=center[1],
        radius_deg=math.degrees(float(_angle(sky.center, vertices).max())),
    )


def _signed_area(sky: _Sky) -> float:
    """Return the area of the edge, projected along the centre [rad2]: > 0 east of north."""
    turns = np.cross(sky.edge, np.roll(sky.edge, -1, axis=0)).sum(axis=0)
    return float(turns @ sky.center) / 2


def _tolerance_rad(diagonal_rad: float, size: tuple[int, int]) -> float:
    half_pixel_rad = 0.5 * diagonal_rad / math.hypot(*size)
    return max(_TOLERANCE_OF_DIAGONAL * diagonal_rad, half_pixel_rad)


def _vertices(sky: _Sky, tolerance_rad: float) -> Iterator[Vectors]:
    """Yield the corners, and as many points between them as each side needs."""
    closed = np.vstack([sky.edge, sky.edge[:1]])
    for side in range(4):
        start = side * _EDGE_SEGMENTS
        points = closed[start : start + _EDGE_SEGMENTS + 1]
        yield from points[: -1 : _stride(points, tolerance_rad)]


def _stride(points: Vectors, tolerance_rad: float) -> int:
    """Return the coarsest step at which great circles between the points follow the side."""
    stride = _EDGE_SEGMENTS
    while stride > 1 and _deviation_rad(points, stride) > tolerance_rad:
        stride //= 2
    return stride


def _deviation_rad(points: Vectors, stride: int) -> float:
    """Return how far the side leaves the great circles through every ``stride``-th point."""
    ends = points[::stride]
    poles = np.cross(ends[:-1], ends[1:])
    lengths = np.linalg.norm(poles, axis=1, keepdims=True)
    poles = np.divide(poles, lengths, out=np.zeros_like(poles), where=lengths > 0)
    between = points[:-1].reshape(-1, stride, 3)
    sines = np.abs(np.einsum("ijk,ik->ij", between, poles))
    return float(np.arcsin(np.minimum(sines, 1.0)).max())


def _angle(first: Vectors, second: Vectors) -> Vectors:
    """Return the angles between unit vectors [rad], exact for small ones too."""
    crossed = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.asarray(np.arctan2(crossed, np.sum(first * second, axis=-1)))


def _degrees(vectors: Vectors) -> Iterator[tuple[float, float]]:
    """Yield right ascension in 0 <= ra < 360 and declination [deg]."""
    for x, y, z in vectors.tolist():
        ra_deg = math.degrees(math.atan2(y, x)) % 360.0
        yield (0.0 if ra_deg == 360.0 else ra_deg, math.degrees(math.atan2(z, math.hypot(x, y))))
