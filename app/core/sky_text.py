"""Geometry in queries: well-known text (OGC 06-103r4) with right ascension and declination."""

import re
from typing import Final, Literal

from app.core.errors import InvalidError
from app.core.sky import Vector, unit_vector
from app.core.sky_polygon import Polygon, polygon_of

Query = Literal["covers", "intersects"]

_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PAIR: Final = re.compile(rf"\s*({_NUMBER})\s+({_NUMBER})\s*", re.ASCII)
_GEOMETRY: Final = re.compile(
    r"\s*(?:POINT\s*\((?P<point>[^()]*)\)|POLYGON\s*\(\s*\((?P<ring>[^()]*)\)\s*\))\s*",
    re.IGNORECASE | re.ASCII,
)


class InvalidGeometryError(InvalidError):
    """Text that is no geometry of a query.

    The message is that of the LCO archive, to the letter, whatever the fault is.

    Parameters
    ----------
    query
        The query parameter.
    reason
        What is wrong in particular.
    """

    title = "Invalid geometry"

    def __init__(self, query: Query, reason: str) -> None:
        super().__init__(
            f"Error with {query} query: Point must be specified with exact format 'POINT(RA DEC)'",
            field=query,
        )
        self.reason = reason


def parse_geometry(text: str, *, query: Query) -> Vector | Polygon:
    """Read the value of ``covers`` or ``intersects``.

    Parameters
    ----------
    text
        ``POINT(ra dec)``, for intersects also ``POLYGON((ra dec, ra dec, …))``, closed or not
        [deg], ICRS; case and blanks as one likes.
    query
        The query parameter.

    Returns
    -------
    Vector | Polygon
        The point as a unit vector, or the polygon.

    Raises
    ------
    InvalidGeometryError
        If it is anything else.
    """
    match = _GEOMETRY.fullmatch(text)
    if match is None or (match["point"] is None and query == "covers"):
        raise InvalidGeometryError(query, f"{text[:100]!r} is not of the form that {query} takes")
    try:
        if match["point"] is not None:
            return unit_vector(*_pair(match["point"]))
        return polygon_of([_pair(pair) for pair in match["ring"].split(",")])
    except InvalidError as error:
        raise InvalidGeometryError(query, error.message) from error


def _pair(text: str) -> tuple[float, float]:
    """Read two numbers.

    Raises
    ------
    InvalidError
        If the text is anything else.
    """
    match = _PAIR.fullmatch(text)
    if match is None:
        raise InvalidError(f"{text[:100]!r} is not two numbers separated by a blank")
    return float(match[1]), float(match[2])
