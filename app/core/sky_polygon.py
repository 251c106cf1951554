"""Polygons on the sphere: is a point covered, do two of them meet.

Edges are great circles, the boundary belongs to the polygon, and any simple polygon smaller than a
hemisphere is allowed: non-convex, around a pole, across RA 0/360. The database does the same sums
(migrations/versions/2026_11_20_0001_sky_functions.py).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from app.core.errors import InvalidError
from app.core.sky import (
    TOLERANCE_RAD,
    Box,
    Cone,
    Vector,
    box_around,
    cross,
    difference,
    dot,
    normalized,
    separation_deg,
    unit_vector,
)

MAX_VERTICES: Final = 100
"""Most vertices of a polygon: checking one takes time with their square."""

_TOLERANCE_SQUARED: Final = TOLERANCE_RAD**2
_MAX_CAP_RADIUS_DEG: Final = 89.999
_AXES: Final = tuple(
    Vector(*(sign * (axis == other) for other in range(3)))
    for axis in range(3)
    for sign in (1.0, -1.0)
)

Edge = tuple[Vector, Vector]


class InvalidPolygonError(InvalidError):
    """Vertices that bound no area the archive can search.

    Parameters
    ----------
    reason
        What is wrong with them.
    """

    title = "Invalid polygon"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid polygon: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Polygon:
    """A simple polygon smaller than a hemisphere; `polygon_of` makes one and checks it.

    Attributes
    ----------
    vertices
        Unit vectors (n >= 3), not closed, in either direction.
    """

    vertices: tuple[Vector, ...]

    def edges(self) -> Iterator[Edge]:
        """Give the edges.

        Returns
        -------
        Iterator[Edge]
            From each vertex to the next, and from the last to the first.
        """
        return zip(self.vertices, (*self.vertices[1:], self.vertices[0]), strict=True)

    def covers(self, point: Vector) -> bool:
        """Tell whether a point lies inside or on the boundary.

        The signed angles under which the edges are seen from the point sum up to a full turn if
        the point is inside, or if its opposite is; which of the two, the direction of the turn
        tells.

        Parameters
        ----------
        point
            A unit vector.

        Returns
        -------
        bool
            True if it is covered, with a tolerance of `TOLERANCE_RAD`.
        """
        turn = 0.0
        for a, b in self.edges():
            if _touches(point, a, b):
                return True
            turn += _angle_seen(point, a, b)
        return abs(turn) > math.pi and (turn > 0) == (self._turning() > 0)

    def _turning(self) -> float:
        """Sum the turns to the left at the vertices [rad]: positive if counter-clockwise.

        For an area A smaller than a hemisphere the sum is 2π - A, or A - 2π (Gauss-Bonnet).
        """
        before = (self.vertices[-1], *self.vertices[:-1])
        after = (*self.vertices[1:], self.vertices[0])
        return sum(_turn_at(b, a, c) for a, b, c in zip(before, self.vertices, after, strict=True))

    def intersects(self, other: "Polygon") -> bool:
        """Tell whether two polygons have a point in common; touching counts.

        Parameters
        ----------
        other
            The other polygon.

        Returns
        -------
        bool
            True if they meet, with a tolerance of `TOLERANCE_RAD`.
        """
        return (
            any(other.covers(vertex) for vertex in self.vertices)
            or any(self.covers(vertex) for vertex in other.vertices)
            or any(_cross(*mine, *its) for mine in self.edges() for its in other.edges())
        )

    def box(self) -> Box:
        """Give the box around the whole area.

        Edges bulge beyond their ends, and an area around one of the six points where an axis
        meets the sphere reaches 1 there.

        Returns
        -------
        Box
            With a margin of `app.core.sky.BOX_MARGIN`.
        """
        points = list(self.vertices)
        for edge in self.edges():
            points.extend(_bulges(*edge))
        points.extend(axis for axis in _AXES if self.covers(axis))
        return box_around(points)

    def flat(self) -> list[float]:
        """Give the vertices as the database stores them.

        Returns
        -------
        list[float]
            ``x1, y1, z1, x2, …`` (3n).
        """
        return [value for vertex in self.vertices for value in vertex]


def polygon_of(vertices_deg: Sequence[tuple[float, float]]) -> Polygon:
    """Make a polygon and check it.

    Parameters
    ----------
    vertices_deg
        Right ascension and declination [deg], ICRS (n, 2), in order; the ring may be closed and
        vertices may be repeated.

    Returns
    -------
    Polygon
        With the vertices in the order given.

    Raises
    ------
    InvalidPositionError
        If a vertex is no position.
    InvalidPolygonError
        If there are too few or too many vertices, if the edges meet, or if the area is not smaller
        than a hemisphere.
    """
    if len(vertices_deg) > MAX_VERTICES + 1:
        raise InvalidPolygonError(f"{len(vertices_deg)} vertices, at most {MAX_VERTICES} are taken")
    return _checked(_distinct([unit_vector(*vertex) for vertex in vertices_deg]))


def polygon_of_flat(values: Sequence[float]) -> Polygon:
    """Make a polygon from what `Polygon.flat` gave, without checking it again.

    Parameters
    ----------
    values
        ``x1, y1, z1, x2, …`` (3n).

    Returns
    -------
    Polygon
        The polygon that was stored.
    """
    return Polygon(tuple(Vector(*values[at : at + 3]) for at in range(0, len(values), 3)))


def _distinct(vertices: Sequence[Vector]) -> tuple[Vector, ...]:
    """Leave out vertices that repeat the one before, the closing one among them."""
    kept: list[Vector] = []
    for vertex in vertices:
        if not kept or not _near(vertex, kept[-1]):
            kept.append(vertex)
    while len(kept) > 1 and _near(kept[-1], kept[0]):
        kept.pop()
    return tuple(kept)


def _checked(vertices: tuple[Vector, ...]) -> Polygon:
    """Demand a simple polygon smaller than a hemisphere.

    Raises
    ------
    InvalidPolygonError
        If it is not.
    """
    if len(vertices) < 3:
        raise InvalidPolygonError(f"{len(vertices)} different vertices, at least 3 are needed")
    if bounding_cap(vertices) is None:
        raise InvalidPolygonError("it does not fit into a hemisphere")
    polygon = Polygon(vertices)
    if not _is_simple(polygon):
        raise InvalidPolygonError("its edges meet or cross each other")
    return polygon


def _is_simple(polygon: Polygon) -> bool:
    """Tell whether edges meet nowhere but at the vertices they share."""
    edges = list(polygon.edges())
    last = len(edges) - 1
    for (i, (a, b)), (j, (c, d)) in combinations(enumerate(edges), 2):
        if j == i + 1:
            meet = _touches(d, a, b) or _touches(a, c, d)
        elif (i, j) == (0, last):
            meet = _touches(c, a, b) or _touches(b, c, d)
        else:
            meet = _meet(a, b, c, d)
        if meet:
            return False
    return True


def _meet(a: Vector, b: Vector, c: Vector, d: Vector) -> bool:
    """Tell whether two edges without a common vertex touch or cross."""
    return (
        _cross(a, b, c, d)
        or _touches(a, c, d)
        or _touches(b, c, d)
        or _touches(c, a, b)
        or _touches(d, a, b)
    )


def _near(a: Vector, b: Vector) -> bool:
    """Tell whether two directions are the same within the tolerance."""
    offset = difference(a, b)
    return dot(offset, offset) <= _TOLERANCE_SQUARED


def _touches(point: Vector, a: Vector, b: Vector) -> bool:
    """Tell whether a point lies on the edge from a to b, within the tolerance.

    All is written in differences, which stay precise for the smallest edges: with the squared
    chords u², w², e² the products of the unit vectors are ``p·a = 1 - u²/2`` and so on.
    """
    u, w, e = difference(a, point), difference(b, point), difference(b, a)
    u2, w2, e2 = dot(u, u), dot(w, w), dot(e, e)
    if min(u2, w2) <= _TOLERANCE_SQUARED:
        return True
    off_plane = dot(point, cross(u, w))
    if off_plane**2 > _TOLERANCE_SQUARED * e2 * (1 - e2 / 4):
        return False
    return u2 + e2 - w2 > u2 * e2 / 2 and w2 + e2 - u2 > w2 * e2 / 2


def _angle_seen(point: Vector, a: Vector, b: Vector) -> float:
    """Give the signed angle at a point from the direction of a to that of b [rad]."""
    u, w = difference(a, point), difference(b, point)
    along = dot(u, w) - dot(u, u) * dot(w, w) / 4
    return math.atan2(dot(point, cross(u, w)), along)


def _turn_at(vertex: Vector, before: Vector, after: Vector) -> float:
    """Give the turn to the left on the way past a vertex [rad]."""
    angle = _angle_seen(vertex, before, after)
    return angle + math.pi if angle <= 0 else angle - math.pi


def _cross(a: Vector, b: Vector, c: Vector, d: Vector) -> bool:
    """Tell whether edges cross inside both: each separates the ends of the other, on one side."""
    first, second = cross(a, difference(b, a)), cross(c, difference(d, c))
    sides = (
        dot(first, difference(c, a)),
        -dot(first, difference(d, a)),
        -dot(second, difference(a, c)),
        dot(second, difference(b, c)),
    )
    return min(sides) > 0 or max(sides) < 0


def _bulges(a: Vector, b: Vector) -> Iterator[Vector]:
    """Give the points between a and b where the great circle is farthest along an axis."""
    normal = normalized(cross(a, difference(b, a)))
    for axis in _AXES:
        height = dot(axis, normal)
        farthest = Vector(*(n - height * m for n, m in zip(axis, normal, strict=True)))
        if dot(farthest, farthest) > _TOLERANCE_SQUARED:
            candidate = normalized(farthest)
            if _touches(candidate, a, b):
                yield candidate


def bounding_cap(points: Sequence[Vector]) -> Cone | None:
    """Give the smallest circle around points, by adding one after the other (Welzl).

    Parameters
    ----------
    points
        Unit vectors, at least one.

    Returns
    -------
    Cone | None
        None if no circle smaller than a hemisphere holds them all.
    """
    cap = Cone(points[0], 0.0)
    for i, p in enumerate(points):
        if not cap.contains(p):
            cap = _cap_through(points[:i], p)
    fits = cap.radius_deg < _MAX_CAP_RADIUS_DEG and all(map(cap.contains, points))
    return cap if fits else None


def _cap_through(points: Sequence[Vector], p: Vector) -> Cone:
    """Give the smallest circle around points with p on its rim."""
    cap = Cone(p, 0.0)
    for i, q in enumerate(points):
        if cap.contains(q):
            continue
        cap = _cap_of(Vector(*map(sum, zip(p, q, strict=True))), p)
        for r in points[:i]:
            if not cap.contains(r):
                cap = _cap_of(cross(difference(q, p), difference(r, p)), p)
    return cap


def _cap_of(axis: Vector, rim: Vector) -> Cone:
    """Give the circle about an axis, in either direction, through a point."""
    if dot(axis, axis) == 0:
        return Cone(rim, 0.0)  # of opposite points: no cap holds them
    center = normalized(axis)
    if dot(center, rim) < 0:
        center = Vector(*(-value for value in center))
    return Cone(center, separation_deg(center, rim))
