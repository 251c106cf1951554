"""Polygons: covers and intersects agree with plane geometry in a gnomonic projection."""

import math
import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.core.sky import Vector, cross, dot, normalized, position_deg, separation_deg, unit_vector
from app.core.sky_polygon import (
    MAX_VERTICES,
    InvalidPolygonError,
    Polygon,
    bounding_cap,
    polygon_of,
    polygon_of_flat,
)

Plane = tuple[float, float]
CENTERS = [(0.0, 0.0), (0.0, 90.0), (12.0, -90.0), (359.99, 5.0), (90.0, 0.0), (201.0, 47.0)]
SEEDS = st.integers(0, 10**9)


def frame_at(center: Vector) -> tuple[Vector, Vector]:
    east = normalized(cross(Vector(0.3, 0.5, 0.81), center))
    return east, cross(center, east)


def from_plane(center: Vector, points: Sequence[Plane]) -> list[Vector]:
    east, north = frame_at(center)
    return [
        normalized(
            Vector(*(c + x * e + y * n for c, e, n in zip(center, east, north, strict=True)))
        )
        for x, y in points
    ]


def to_plane(center: Vector, point: Vector) -> Plane:
    east, north = frame_at(center)
    depth = dot(center, point)
    return dot(east, point) / depth, dot(north, point) / depth


def a_star(rng: random.Random, *, size: float) -> list[Plane]:
    """Make a simple, mostly non-convex polygon in the plane, turning either way."""
    count = rng.randint(3, 12)
    step = 2 * math.pi / count
    angles = [(n + rng.uniform(0.1, 0.9)) * step for n in range(count)]
    if rng.random() < 0.5:
        angles.reverse()
    return [
        (radius * math.cos(angle), radius * math.sin(angle))
        for angle in angles
        for radius in [size * rng.uniform(0.2, 1)]
    ]


def polygon_at(center: Vector, points: Sequence[Plane]) -> Polygon:
    return polygon_of([position_deg(vertex) for vertex in from_plane(center, points)])


def plane_covers(points: Sequence[Plane], x: float, y: float) -> bool:
    inside = False
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


def plane_distance(points: Sequence[Plane], x: float, y: float) -> float:
    def to_edge(ax: float, ay: float, bx: float, by: float) -> float:
        t = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
        t = min(max(t, 0), 1)
        return math.hypot(ax + t * (bx - ax) - x, ay + t * (by - ay) - y)

    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return min(to_edge(*a, *b) for a, b in pairs)


def plane_crossing(first: Sequence[Plane], second: Sequence[Plane]) -> bool:
    def side(a: Plane, b: Plane, c: Plane) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    return any(
        side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
        for a, b in zip(first, [*first[1:], first[0]], strict=True)
        for c, d in zip(second, [*second[1:], second[0]], strict=True)
    )


@given(SEEDS, st.sampled_from(CENTERS), st.sampled_from([1e-6, 1e-3, 0.1, 1.0, 5.0]))
def test_covers_is_even_odd_in_the_plane(
    seed: int, center_deg: tuple[float, float], size: float
) -> None:
    rng = random.Random(seed)  # noqa: S311  # no secret
    center = unit_vector(*center_deg)
    points = a_star(rng, size=size)
    polygon = polygon_at(center, points)
    for _ in range(10):
        x, y = rng.uniform(-size, size), rng.uniform(-size, size)
        (point,) = from_plane(center, [(x, y)])
        if plane_distance(points, x, y) > 1e-6 * size * (1 + size**2) + 1e-8:
            assert polygon.covers(point) == plane_covers(points, x, y)
        assert not polygon.covers(Vector(*(-value for value in point)))


@given(SEEDS, st.sampled_from(CENTERS), st.floats(1e-6, 8))
def test_edges_and_vertices_are_covered_and_boxed(
    seed: int, center_deg: tuple[float, float], size: float
) -> None:
    rng = random.Random(seed)  # noqa: S311  # no secret
    polygon = polygon_at(unit_vector(*center_deg), a_star(rng, size=size))
    box = polygon.box()
    for a, b in polygon.edges():
        t = rng.random()
        on_edge = normalized(Vector(*((1 - t) * p + t * q for p, q in zip(a, b, strict=True))))
        assert polygon.covers(a)
        assert polygon.covers(on_edge)
        assert box.contains(on_edge)


@given(SEEDS, st.tuples(st.floats(0, 360), st.floats(-90, 90)), st.sampled_from([0.01, 1.0, 8.0]))
def test_the_box_holds_the_area(seed: int, center_deg: tuple[float, float], size: float) -> None:
    rng = random.Random(seed)  # noqa: S311  # no secret
    center = unit_vector(*center_deg)
    polygon = polygon_at(center, a_star(rng, size=size))
    box = polygon.box()
    points = [(rng.uniform(-size, size), rng.uniform(-size, size)) for _ in range(20)]
    axes = [unit_vector(ra, 0) for ra in (0, 90, 180, 270)] + [unit_vector(0, d) for d in (90, -90)]
    for point in from_plane(center, points) + axes:
        assert box.contains(point) or not polygon.covers(point)


def test_the_box_is_tight_where_the_area_bulges() -> None:
    around_pole = polygon_of([(0, 80), (90, 80), (180, 80), (270, 80)]).box()
    assert around_pole.high.z == pytest.approx(1, abs=1e-8)
    assert around_pole.low.z == pytest.approx(math.sin(math.radians(80)), abs=1e-8)
    wide = polygon_of([(0, 40), (80, 40), (80, 60), (0, 60)]).box()
    assert wide.high.z > math.sin(math.radians(64))  # the upper edge bulges to the pole


@given(SEEDS, st.sampled_from(CENTERS), st.floats(0.001, 2))
def test_intersects_is_plane_geometry(
    seed: int, center_deg: tuple[float, float], size: float
) -> None:
    rng = random.Random(seed)  # noqa: S311  # no secret
    center = unit_vector(*center_deg)
    first = a_star(rng, size=size)
    shift = (rng.uniform(-2 * size, 2 * size), rng.uniform(-2 * size, 2 * size))
    scale = size * rng.choice([0.1, 1.0])
    second = [(x + shift[0], y + shift[1]) for x, y in a_star(rng, size=scale)]
    near = min(
        *(plane_distance(second, *vertex) for vertex in first),
        *(plane_distance(first, *vertex) for vertex in second),
    )
    assume(near > 1e-5 * size)
    expected = (
        plane_crossing(first, second)
        or plane_covers(first, *second[0])
        or plane_covers(second, *first[0])
    )
    a, b = polygon_at(center, first), polygon_at(center, second)
    assert a.intersects(b) == expected
    assert b.intersects(a) == expected
    opposite = polygon_of_flat([-value for value in b.flat()])
    assert not a.intersects(opposite)


def test_touching_counts() -> None:
    square = polygon_of([(0, 0), (0, 10), (10, 10), (10, 0)])
    assert square.intersects(polygon_of([(10, 10), (10, 20), (20, 20)]))
    assert square.intersects(polygon_of([(10, 0), (10, 10), (20, 5)]))
    assert square.intersects(polygon_of([(2, 2), (3, 2), (2, 3)]))
    assert square.intersects(square)
    assert square.intersects(polygon_of([(-5, 4), (15, 4), (15, 6), (-5, 6)]))
    assert not square.intersects(polygon_of([(10.001, 0), (20, 5), (10.001, 10)]))


def test_covers_of_the_contract() -> None:
    square = polygon_of([(0, 0), (0, 10), (10, 10), (10, 0)])
    assert square.covers(unit_vector(5, 5))
    assert not square.covers(unit_vector(20, 20))
    wrapped = polygon_of([(350, -10), (350, 10), (10, 10), (10, -10)])
    assert wrapped.covers(unit_vector(0, 0))
    assert not wrapped.covers(unit_vector(340, 0))


def test_edges_are_great_circles() -> None:
    square = polygon_of([(0, 0), (0, 60), (80, 60), (80, 0)])
    assert square.covers(unit_vector(40, 65))
    assert polygon_of([(0, 80), (90, 80), (180, 80), (270, 80)]).covers(unit_vector(0, 90))


def test_an_area_longer_than_a_right_angle() -> None:
    """The opposite of a point inside is far from some vertices and near to none."""
    band = polygon_of([(-80, -5), (80, -5), (80, 5), (-80, 5)])
    for ra_deg in (-79, 0, 79):
        assert band.covers(unit_vector(ra_deg, 0))
        assert not band.covers(unit_vector(ra_deg + 180, 0))
    reverse = Polygon(band.vertices[::-1])
    assert reverse.covers(unit_vector(79, 0))
    assert not reverse.covers(unit_vector(259, 0))


@pytest.mark.parametrize(
    ("vertices", "reason"),
    [
        ([], "at least 3"),
        ([(0, 0), (1, 1)], "at least 3"),
        ([(0, 0), (1, 1), (0, 0), (0, 0)], "at least 3"),
        ([(0, 0), (360, 0), (0, 0)], "at least 3"),
        ([(0, 0), (10, 10), (10, 0), (0, 10)], "cross"),
        ([(0, 0), (10, 0), (5, 0)], "cross"),
        ([(0, 0), (10, 0), (5, 5), (5, 0)], "cross"),
        ([(0, 0), (10, 0), (10, 10), (5, 0), (0, 10)], "cross"),
        ([(0, 0), (120, 0), (240, 0)], "hemisphere"),
        ([(0, 0), (180, 0), (90, 90)], "hemisphere"),
        ([(0, 1), (90, -1), (180, 1), (270, -1)], "hemisphere"),
        ([(n * 1.0, 0.0) for n in range(MAX_VERTICES + 2)], "at most"),
    ],
)
def test_no_polygon(vertices: list[tuple[float, float]], reason: str) -> None:
    with pytest.raises(InvalidPolygonError, match=reason):
        polygon_of(vertices)


def test_a_cap_nearly_as_large_as_a_hemisphere() -> None:
    cap = polygon_of([(0, 0.1), (90, 0.1), (180, 0.1), (270, 0.1)])
    assert cap.covers(unit_vector(45, 1))
    assert not cap.covers(unit_vector(45, -1))
    assert not cap.covers(unit_vector(0, -90))


def test_the_largest_polygon_is_checked_quickly() -> None:
    points = [(n * 360 / MAX_VERTICES, 50.0 + 20 * (n % 2)) for n in range(MAX_VERTICES)]
    start = time.perf_counter()
    polygon = polygon_of(points)
    assert time.perf_counter() - start < 2
    assert len(polygon.vertices) == MAX_VERTICES


@given(SEEDS, st.sampled_from(CENTERS), st.floats(1e-4, 8))
def test_the_bounding_cap_is_the_smallest(
    seed: int, center_deg: tuple[float, float], size: float
) -> None:
    rng = random.Random(seed)  # noqa: S311  # no secret
    points = from_plane(unit_vector(*center_deg), a_star(rng, size=size))
    cap = bounding_cap(points)
    assert cap is not None
    assert all(cap.contains(point) for point in points)
    assert cap.radius_deg <= math.degrees(math.atan(size)) + 1e-7
    moved = Vector(*(value + rng.gauss(0, 1e-3) for value in cap.center))
    farthest = max(separation_deg(normalized(moved), point) for point in points)
    assert farthest >= cap.radius_deg - 1e-7


def test_a_polygon_is_stored_and_read_back() -> None:
    polygon = polygon_of([(350, -10), (350, 10), (10, 10), (10, -10), (350, -10)])
    assert polygon_of_flat(polygon.flat()) == polygon
