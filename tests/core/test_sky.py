"""Positions, cones and boxes agree with astropy, at the poles and across RA 0/360 too."""

import math

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, angular_separation
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.core.sky import (
    BOX_MARGIN,
    Cone,
    InvalidPositionError,
    Vector,
    chord_squared,
    cross,
    dot,
    normalized,
    position_deg,
    separation_deg,
    unit_vector,
)

RAS = st.one_of(
    st.floats(-360, 720), st.sampled_from([0.0, 360.0, 359.9999999, 1e-300, 180.0, 90.0])
)
DECS = st.one_of(
    st.floats(-90, 90), st.sampled_from([90.0, -90.0, 89.9999999, -89.9999999, 0.0, 1e-300])
)
POSITIONS = st.tuples(RAS, DECS)
RADII = st.one_of(
    st.floats(0, 180), st.sampled_from([0.0, 1e-9, 10 / 60, 89.99, 90.0, 90.01, 179.9999, 180.0])
)
TOLERANCE_DEG = math.degrees(1e-9)


def astropy_separation_deg(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(math.degrees(angular_separation(*map(math.radians, (*a, *b)))))


@given(POSITIONS)
def test_vectors_are_units_that_nothing_underflows_with(position: tuple[float, float]) -> None:
    vector = unit_vector(*position)
    assert math.isclose(math.hypot(*vector), 1, abs_tol=1e-15)
    assert all(value == 0 or abs(value) >= 1e-20 for value in vector)


@given(POSITIONS)
def test_a_position_comes_back(position: tuple[float, float]) -> None:
    ra_deg, dec_deg = position_deg(unit_vector(*position))
    assert 0 <= ra_deg < 360
    assert dec_deg == pytest.approx(position[1], abs=1e-12)
    assert separation_deg(unit_vector(ra_deg, dec_deg), unit_vector(*position)) < 1e-12


@given(POSITIONS, POSITIONS)
def test_separation_is_that_of_astropy(a: tuple[float, float], b: tuple[float, float]) -> None:
    ours = separation_deg(unit_vector(*a), unit_vector(*b))
    assert ours == pytest.approx(astropy_separation_deg(a, b), abs=1e-11)


def test_separation_is_that_of_sky_coordinates() -> None:
    a, b = SkyCoord(359.9 * u.deg, 89.9 * u.deg), SkyCoord(0.2 * u.deg, -45 * u.deg)
    ours = separation_deg(unit_vector(359.9, 89.9), unit_vector(0.2, -45))
    assert ours == pytest.approx(a.separation(b).deg, abs=1e-12)


@given(POSITIONS, POSITIONS, RADII)
@example((0.0, 90.0), (123.0, 90.0), 0.0)
@example((0.0, 0.0), (360.0, 0.0), 0.0)
@example((10.0, 20.0), (190.0, -20.0), 180.0)
def test_a_cone_holds_what_astropy_says(
    center: tuple[float, float], point: tuple[float, float], radius_deg: float
) -> None:
    separation = astropy_separation_deg(center, point)
    assume(radius_deg in {0.0, 180.0} or abs(separation - radius_deg) > 2 * TOLERANCE_DEG)
    assume(radius_deg != 0 or not 0.5 < separation / TOLERANCE_DEG < 2)
    cone = Cone(unit_vector(*center), radius_deg)
    assert cone.contains(unit_vector(*point)) == (separation <= radius_deg + TOLERANCE_DEG)


@given(POSITIONS, POSITIONS, RADII)
def test_the_box_of_a_cone_holds_it(
    center: tuple[float, float], point: tuple[float, float], radius_deg: float
) -> None:
    cone = Cone(unit_vector(*center), radius_deg)
    if cone.contains(unit_vector(*point)):
        assert cone.box().contains(unit_vector(*point))


@given(POSITIONS, st.floats(0, 360), RADII)
def test_the_rim_belongs_to_cone_and_box(
    center: tuple[float, float], angle_deg: float, radius_deg: float
) -> None:
    cone = Cone(unit_vector(*center), radius_deg)
    angle_rad, radius_rad = math.radians(angle_deg), math.radians(radius_deg)
    east = normalized(cross(Vector(0.3, 0.5, 0.81), cone.center))
    north = cross(cone.center, east)
    rim = normalized(
        Vector(
            *(
                c * math.cos(radius_rad)
                + (e * math.cos(angle_rad) + n * math.sin(angle_rad)) * math.sin(radius_rad)
                for c, e, n in zip(cone.center, east, north, strict=True)
            )
        )
    )
    assert cone.contains(rim)
    assert cone.box().contains(rim)


def test_the_box_of_a_cone_is_tight() -> None:
    box = Cone(unit_vector(0, 0), 60).box()
    assert box.low == pytest.approx(Vector(0.5, -math.sqrt(0.75), -math.sqrt(0.75)), abs=1e-8)
    assert box.high == pytest.approx(Vector(1, math.sqrt(0.75), math.sqrt(0.75)), abs=1e-8)
    assert box.high.x == 1 + BOX_MARGIN


def test_ten_minutes_are_the_limit_of_the_contract() -> None:
    assert chord_squared(10 / 60) == pytest.approx(8.46159e-6, rel=1e-6)
    cone = Cone(unit_vector(0.05, 60), 10 / 60)
    inside, outside = (unit_vector(0.05 - m / 60 / math.cos(math.radians(60)), 60) for m in (9, 11))
    assert cone.contains(inside)
    assert not cone.contains(outside)
    assert not cone.contains(unit_vector(0.05, 61))


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg"),
    [(0.0, 90.1), (0.0, -91.0), (math.nan, 0.0), (math.inf, 0.0), (0.0, math.nan), (0.0, math.inf)],
)
def test_no_position(ra_deg: float, dec_deg: float) -> None:
    with pytest.raises(InvalidPositionError):
        unit_vector(ra_deg, dec_deg)


@pytest.mark.parametrize("radius_deg", [-1e-9, 180.1, math.nan, math.inf])
def test_no_radius(radius_deg: float) -> None:
    with pytest.raises(InvalidPositionError):
        Cone(unit_vector(0, 0), radius_deg)


def test_wide_cones_stay_precise() -> None:
    opposite = unit_vector(180, 0)
    assert not Cone(unit_vector(0, 0), 180 - 1e-6).contains(opposite)
    assert Cone(unit_vector(0, 0), 180 - 1e-6).contains(unit_vector(180 - 1.1e-6, 0))
    assert dot(opposite, unit_vector(0, 0)) == -1
