"""Positions, cones and boxes on the unit sphere, exact at the poles and across RA 0/360.

Everything is ICRS. A direction is a unit vector with x towards RA 0, Dec 0, y towards RA 90, Dec 0
and z towards Dec +90. Distances are compared as squared chords, which stay precise for small
angles where a cosine does not. The database holds the same vectors and does the same sums
(migrations/versions/2026_11_20_0001_sky_functions.py); polygons are in `app.core.sky_polygon`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.core.errors import InvalidError

TOLERANCE_RAD: Final = 1e-9
"""What lies this close to an edge counts as on it [rad]; 0.2 milliarcseconds."""

BOX_MARGIN: Final = 2e-9
"""How far boxes reach beyond their contents, so that none on an edge is missed [rad]."""

_NEGLIGIBLE: Final = 1e-20


class InvalidPositionError(InvalidError):
    """Numbers that are no position or radius on the sky."""

    title = "Invalid sky position"


class Vector(NamedTuple):
    """A direction, or the difference of two."""

    x: float
    y: float
    z: float


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel box around unit vectors.

    Attributes
    ----------
    low, high
        Its corners.
    """

    low: Vector
    high: Vector

    def contains(self, point: Vector) -> bool:
        """Tell whether a point lies inside or on the surface.

        Parameters
        ----------
        point
            The point.

        Returns
        -------
        bool
            True if it does.
        """
        return all(
            low <= value <= high
            for low, value, high in zip(self.low, point, self.high, strict=True)
        )


def unit_vector(ra_deg: float, dec_deg: float) -> Vector:
    """Give the direction of a position.

    Parameters
    ----------
    ra_deg
        Right ascension [deg], ICRS; any finite number, since it wraps.
    dec_deg
        Declination [deg], ICRS, -90 to 90.

    Returns
    -------
    Vector
        Its unit vector; components below 1e-20 are zero, so that no product of them underflows,
        which PostgreSQL takes for an error.

    Raises
    ------
    InvalidPositionError
        If a number is not finite or the declination is beyond a pole.
    """
    if not (math.isfinite(ra_deg) and abs(dec_deg) <= 90):
        raise InvalidPositionError(
            f"right ascension {ra_deg!r} and declination {dec_deg!r} are no position: both must be"
            " finite degrees, the declination from -90 to 90"
        )
    ra_rad, dec_rad = math.radians(ra_deg % 360), math.radians(dec_deg)
    cos_dec = math.cos(dec_rad)
    return _cleaned(cos_dec * math.cos(ra_rad), cos_dec * math.sin(ra_rad), math.sin(dec_rad))


def _cleaned(*components: float) -> Vector:
    """Set negligible components to zero."""
    return Vector(*(0.0 if abs(value) < _NEGLIGIBLE else value for value in components))


def position_deg(direction: Vector) -> tuple[float, float]:
    """Give the position of a direction.

    Parameters
    ----------
    direction
        A unit vector.

    Returns
    -------
    tuple[float, float]
        Right ascension, 0 <= ra < 360, and declination [deg], ICRS.
    """
    ra_deg = math.degrees(math.atan2(direction.y, direction.x)) % 360
    dec_deg = math.degrees(math.atan2(direction.z, math.hypot(direction.x, direction.y)))
    return (0.0 if ra_deg == 360 else ra_deg), dec_deg


def dot(a: Vector, b: Vector) -> float:
    """Give the scalar product.

    Parameters
    ----------
    a, b
        Two vectors.

    Returns
    -------
    float
        For unit vectors the cosine of the angle between them.
    """
    return a.x * b.x + a.y * b.y + a.z * b.z


def cross(a: Vector, b: Vector) -> Vector:
    """Give the vector product.

    Parameters
    ----------
    a, b
        Two vectors.

    Returns
    -------
    Vector
        Perpendicular to both; they and it are right-handed.
    """
    return Vector(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)


def difference(a: Vector, b: Vector) -> Vector:
    """Give ``a - b``.

    Parameters
    ----------
    a, b
        Two vectors.

    Returns
    -------
    Vector
        The vector from b to a.
    """
    return Vector(a.x - b.x, a.y - b.y, a.z - b.z)


def normalized(vector: Vector) -> Vector:
    """Give the direction of a vector.

    Parameters
    ----------
    vector
        A vector that is not zero.

    Returns
    -------
    Vector
        The unit vector of its direction.
    """
    length = math.hypot(*vector)
    return _cleaned(*(value / length for value in vector))


def separation_deg(a: Vector, b: Vector) -> float:
    """Give the angle between two directions, precise for any angle.

    Parameters
    ----------
    a, b
        Two unit vectors.

    Returns
    -------
    float
        The great-circle distance [deg], 0 to 180.
    """
    return math.degrees(math.atan2(math.hypot(*cross(a, b)), dot(a, b)))


def chord_squared(angle_deg: float) -> float:
    """Give the squared chord of an angle, the straight distance on the unit sphere.

    Parameters
    ----------
    angle_deg
        Great-circle distance [deg], 0 to 180.

    Returns
    -------
    float
        ``4 sin²(angle / 2)``.
    """
    return 4 * math.sin(math.radians(angle_deg) / 2) ** 2


@dataclass(frozen=True, slots=True)
class Cone:
    """A circle on the sky, its rim included, with a tolerance of `TOLERANCE_RAD`.

    A squared chord loses precision towards 180 degrees, so a cone wider than a hemisphere is
    tested as what lies outside the cone around the opposite point.

    Attributes
    ----------
    center
        Direction of its centre.
    radius_deg
        Its radius [deg], 0 to 180.
    """

    center: Vector
    radius_deg: float

    def __post_init__(self) -> None:
        """Refuse radii that are none.

        Raises
        ------
        InvalidPositionError
            If the radius is not within 0 to 180 degrees.
        """
        if not 0 <= self.radius_deg <= 180:
            raise InvalidPositionError(
                f"the radius {self.radius_deg!r} is not from 0 to 180 degrees"
            )

    @property
    def is_wide(self) -> bool:
        """Whether it is wider than a hemisphere."""
        return self.radius_deg > 90

    @property
    def pole(self) -> Vector:
        """The point that the chord is measured from: the centre, or its opposite if wide."""
        return Vector(*(-value for value in self.center)) if self.is_wide else self.center

    @property
    def limit(self) -> float:
        """Squared chord from `pole` to the rim: at most this is inside, if wide at least this."""
        tolerance_deg = math.degrees(TOLERANCE_RAD)
        if self.is_wide:
            return chord_squared(max(180 - self.radius_deg - tolerance_deg, 0))
        return chord_squared(self.radius_deg + tolerance_deg)

    def contains(self, point: Vector) -> bool:
        """Tell whether a direction lies inside.

        Parameters
        ----------
        point
            A unit vector.

        Returns
        -------
        bool
            True if it does, the rim included.
        """
        offset = difference(point, self.pole)
        return (
            dot(offset, offset) >= self.limit if self.is_wide else dot(offset, offset) <= self.limit
        )

    def box(self) -> Box:
        """Give the box around everything inside.

        Returns
        -------
        Box
            With a margin of `BOX_MARGIN`.
        """
        radius_rad = math.radians(self.radius_deg)
        x, y, z = self.center
        # From two sides: an arc cosine would be off by 1e-8 where a component is near 1.
        angles = (
            math.atan2(math.hypot(y, z), x),
            math.atan2(math.hypot(z, x), y),
            math.atan2(math.hypot(x, y), z),
        )
        low = Vector(*(math.cos(min(angle + radius_rad, math.pi)) for angle in angles))
        high = Vector(*(math.cos(max(angle - radius_rad, 0)) for angle in angles))
        return with_margin(low, high)


def with_margin(low: Vector, high: Vector) -> Box:
    """Widen a box by `BOX_MARGIN` on every side.

    Parameters
    ----------
    low, high
        The corners of the tight box.

    Returns
    -------
    Box
        The wider one.
    """
    return Box(
        Vector(*(value - BOX_MARGIN for value in low)),
        Vector(*(value + BOX_MARGIN for value in high)),
    )


def box_around(points: Iterable[Vector]) -> Box:
    """Give the box around points.

    Parameters
    ----------
    points
        At least one.

    Returns
    -------
    Box
        With a margin of `BOX_MARGIN`.
    """
    columns = list(zip(*points, strict=True))
    return with_margin(Vector(*map(min, columns)), Vector(*map(max, columns)))
