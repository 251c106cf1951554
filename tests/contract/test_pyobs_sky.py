"""The cone: a great circle of 10 arcmin, everywhere on the sphere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.pyobs.parameters import FiltersIn, selection
from app.core.sky import unit_vector
from tests.support.frames import a_frame
from tests.support.pyobs import Pyobs

PLACES = [(0.0, 0.0), (359.99, -30.0), (83.6, 22.0), (123.0, 89.95), (10.0, 90.0), (7.0, -90.0)]


def beside(ra_deg: float, dec_deg: float, distance_arcmin: float) -> tuple[float, float]:
    """Go north or, near the north pole, south."""
    step_deg = distance_arcmin / 60
    return ra_deg, dec_deg + (step_deg if dec_deg + step_deg <= 90 else -step_deg)


@pytest.mark.asyncio
@pytest.mark.parametrize(("ra_deg", "dec_deg"), PLACES)
async def test_pyo_13_cone_of_ten_arcminutes(pyobs: Pyobs, ra_deg: float, dec_deg: float) -> None:
    sessions = pyobs.archive.sessions
    for distance_arcmin in (0, 9, 11, 60):
        ra, dec = beside(ra_deg, dec_deg, distance_arcmin)
        await a_frame(sessions, f"{distance_arcmin}", ra_deg=ra, dec_deg=dec)
    await a_frame(sessions, "nowhere")
    for shown_ra_deg in (ra_deg, ra_deg - 360, ra_deg + 360):
        assert await pyobs.found(RA=shown_ra_deg, DEC=dec_deg) == ["0", "9"]


@pytest.mark.asyncio
async def test_pyo_13_across_ra_zero(pyobs: Pyobs) -> None:
    sessions = pyobs.archive.sessions
    for name, ra_deg in {"west": 359.9, "east": 0.05, "far": 359.8}.items():
        await a_frame(sessions, name, ra_deg=ra_deg, dec_deg=0.0)
    assert await pyobs.found(RA=0, DEC=0) == ["west", "east"]
    assert await pyobs.found(RA=360, DEC=0) == ["west", "east"]


@pytest.mark.asyncio
async def test_pyo_13_one_coordinate_alone_is_no_filter(pyobs: Pyobs) -> None:
    await a_frame(pyobs.archive.sessions, "a", ra_deg=10.0, dec_deg=10.0)
    assert await pyobs.found(RA=200) == ["a"]
    assert await pyobs.found(DEC=-50, RA="") == ["a"]


@given(
    st.floats(0, 360),
    st.floats(-90, 90),
    st.floats(0, 20).filter(lambda arcmin: abs(arcmin - 10) > 1e-6),
    st.floats(0, 360),
)
@pytest.mark.asyncio
async def test_pyo_13_any_distance_in_any_direction(
    ra_deg: float, dec_deg: float, distance_arcmin: float, position_angle_deg: float
) -> None:
    cone = (await selection(FiltersIn(RA=ra_deg, DEC=dec_deg), ())).cone
    assert cone is not None
    angle, distance = math.radians(position_angle_deg), math.radians(distance_arcmin / 60)
    ra, dec = math.radians(ra_deg), math.radians(dec_deg)
    east = (-math.sin(ra), math.cos(ra), 0.0)
    north = (-math.sin(dec) * math.cos(ra), -math.sin(dec) * math.sin(ra), math.cos(dec))
    center = unit_vector(ra_deg, dec_deg)
    point = center.__class__(
        *(
            math.cos(distance) * c
            + math.sin(distance) * (math.sin(angle) * e + math.cos(angle) * n)
            for c, e, n in zip(center, east, north, strict=True)
        )
    )
    assert cone.contains(point) == (distance_arcmin < 10)
