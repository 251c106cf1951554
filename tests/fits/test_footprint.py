"""Sky areas: against astropy, at the awkward places of the sphere, and on real files."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.fits.footprint import measure
from app.fits.models import Footprint, Hdu, HduKind, HeaderCard
from app.fits.results import FootprintError

Values = dict[str, Any]
Floats = NDArray[np.float64]

FILE = Path("unused.fits")


def tan(ra_deg: float, dec_deg: float, pixel_deg: float = 1e-3, turn_deg: float = 0.0) -> Values:
    turn = math.radians(turn_deg)
    return {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRPIX1": 50.5,
        "CRPIX2": 40.5,
        "CRVAL1": ra_deg,
        "CRVAL2": dec_deg,
        "CD1_1": -pixel_deg * math.cos(turn),
        "CD1_2": pixel_deg * math.sin(turn),
        "CD2_1": pixel_deg * math.sin(turn),
        "CD2_2": pixel_deg * math.cos(turn),
        "RADESYS": "ICRS",
    }


def an_image(values: Values, shape: tuple[int, ...] = (100, 80)) -> Hdu:
    cards = tuple(HeaderCard(key, value) for key, value in values.items())
    return Hdu(0, "", HduKind.IMAGE, shape, -32, cards)


def area_of(values: Values, shape: tuple[int, ...] = (100, 80)) -> Footprint:
    footprint = measure(an_image(values, shape), FILE)
    assert footprint is not None
    return footprint


def wcs_of(values: Values, shape: tuple[int, ...] = (100, 80)) -> WCS:
    header = fits.Header(list(values.items()))
    header["NAXIS"] = len(shape)
    for n, length in enumerate(shape, 1):
        header[f"NAXIS{n}"] = length
    return WCS(header)


def vectors(ra_deg: Floats, dec_deg: Floats) -> Floats:
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def contains(footprint: Footprint, ra_deg: Floats, dec_deg: Floats) -> Floats:
    """Whether positions lie in a convex area, wound as documented: inside is to the left."""
    corners = vectors(*np.array(footprint.vertices_deg).T)
    poles = np.cross(corners, np.roll(corners, -1, axis=0))
    return np.asarray(np.all(vectors(ra_deg, dec_deg) @ poles.T <= 0, axis=-1))


def separations(first: Footprint, ra_deg: Floats, dec_deg: Floats) -> Floats:
    """Distance of each given position to the nearest vertex [deg]."""
    mine = SkyCoord(first.vertices_deg, unit="deg")
    return np.array(
        [
            mine.separation(SkyCoord(r, d, unit="deg")).deg.min()
            for r, d in zip(ra_deg, dec_deg, strict=True)
        ]
    )


@given(
    ra_deg=st.floats(0, 359.999),
    dec_deg=st.floats(-90, 90),
    turn_deg=st.floats(0, 360),
    pixel_deg=st.sampled_from([1e-5, 1e-3, 0.05]),
)
@settings(max_examples=60, deadline=None)
def test_an_area_is_that_of_astropy_and_holds_its_pixels(
    ra_deg: float, dec_deg: float, turn_deg: float, pixel_deg: float
) -> None:
    values = tan(ra_deg, dec_deg, pixel_deg, turn_deg)
    footprint, wcs = area_of(values), wcs_of(values)
    assert len(footprint.vertices_deg) == 4  # TAN maps straight lines to great circles
    edges = wcs.calc_footprint(center=False)
    assert separations(footprint, edges[:, 0], edges[:, 1]).max() < 1e-9
    x, y = np.meshgrid(np.arange(100), np.arange(80))
    assert contains(footprint, *wcs.all_pix2world(x.ravel(), y.ravel(), 0)).all()
    outside = wcs.all_pix2world([-1.0, 100, 50, 50], [40.0, 40, -1, 80], 0)
    assert not contains(footprint, *outside).any()
    assert footprint.radius_deg == pytest.approx(math.hypot(50, 40) * pixel_deg, rel=1e-2)


@pytest.mark.parametrize("mirrored", [1, -1])
def test_vertices_run_counter_clockwise_seen_from_inside_whatever_the_parity(mirrored: int) -> None:
    values = tan(10, 20)
    values["CD1_1"] *= mirrored
    (ra0, dec0), (ra1, dec1), (ra2, dec2), *_ = area_of(values).vertices_deg
    east_left = -((ra1 - ra0) * (dec2 - dec1) - (dec1 - dec0) * (ra2 - ra1))
    assert east_left > 0


def test_a_pole_and_the_ra_wrap_are_nothing_special() -> None:
    pole = area_of(tan(123, 90))
    assert contains(pole, np.array([0.0, 100, 200]), np.array([90.0, 89.99, 89.99])).all()
    assert pole.radius_deg < 0.07
    wrap = area_of(tan(0, 0))
    assert contains(wrap, np.array([359.99, 0, 0.01]), np.zeros(3)).all()
    assert {ra_deg > 300 for ra_deg, _ in wrap.vertices_deg} == {True, False}
    assert all(0 <= ra_deg < 360 for ra_deg, _ in wrap.vertices_deg)


def test_galactic_ecliptic_and_old_equatorial_coordinates_become_icrs() -> None:
    galactic = tan(0, 0) | {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}
    center = area_of(galactic)
    assert (center.center_ra_deg, center.center_dec_deg) == pytest.approx(
        (266.405, -28.936), abs=1e-3
    )
    ecliptic = area_of(tan(90, 0) | {"CTYPE1": "ELON-TAN", "CTYPE2": "ELAT-TAN"})
    assert (ecliptic.center_ra_deg, ecliptic.center_dec_deg) == pytest.approx(
        (90, 23.439), abs=1e-3
    )
    supergalactic = area_of(tan(0, 0) | {"CTYPE1": "SLON-TAN", "CTYPE2": "SLAT-TAN"})
    assert supergalactic.center_ra_deg == pytest.approx(42.31, abs=0.01)
    fk4 = area_of(tan(0, 0) | {"RADESYS": "FK4", "EQUINOX": 1950.0})
    assert (fk4.center_ra_deg, fk4.center_dec_deg) == pytest.approx((0.6407, 0.2783), abs=1e-3)


def test_numbers_in_quotes_are_numbers() -> None:
    quoted = tan(10, 20) | {"CRVAL1": " 10.0", "CRPIX2": "40.5", "EQUINOX": "J2000.0"}
    assert area_of(quoted).vertices_deg == area_of(tan(10, 20)).vertices_deg


def test_sip_moves_the_corners() -> None:
    straight = tan(10, 20)
    bent = straight | {
        "CTYPE1": "RA---TAN-SIP",
        "CTYPE2": "DEC--TAN-SIP",
        "A_ORDER": 2,
        "B_ORDER": 2,
        "A_2_0": 1e-3,
        "B_0_2": 0.0,
    }
    footprint = area_of(bent)
    expected = wcs_of(bent).calc_footprint(center=False)
    assert separations(footprint, expected[:, 0], expected[:, 1]).max() < 1e-9
    assert separations(area_of(straight), expected[:, 0], expected[:, 1]).max() > 1e-3


def test_only_edges_that_leave_the_great_circle_get_more_points() -> None:
    car = tan(10, 60, 0.2) | {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CRVAL2": 0.0}
    car["CRPIX2"] = -259.5  # declination 52 to 68 along parallels
    footprint = area_of(car)
    assert 4 < len(footprint.vertices_deg) < 20
    x, y = np.meshgrid(np.linspace(2, 97, 20), np.linspace(4, 75, 20))
    corners = vectors(*np.array(footprint.vertices_deg).T)
    assert len(corners) == len(footprint.vertices_deg)
    ra_deg, dec_deg = wcs_of(car).all_pix2world(x.ravel(), y.ravel(), 0)
    distances = SkyCoord(ra_deg, dec_deg, unit="deg").separation(
        SkyCoord(footprint.center_ra_deg, footprint.center_dec_deg, unit="deg")
    )
    assert distances.deg.max() <= footprint.radius_deg
    assert len(area_of(car, (4, 4)).vertices_deg) == 4


def test_cubes_use_their_celestial_axes_wherever_those_are() -> None:
    first = tan(10, 20) | {"CTYPE3": "FREQ", "CRVAL3": 1e9, "CDELT3": 1e6, "CD3_3": 1e6}
    assert area_of(first, (100, 80, 7)).vertices_deg == area_of(tan(10, 20)).vertices_deg
    last = {"CTYPE1": "FREQ", "CRVAL1": 1e9, "CD1_1": 1e6}
    for key, value in tan(10, 20).items():
        moved = key.replace("2", "3").replace("1", "2") if key != "RADESYS" else key
        last[moved] = value
    assert area_of(last, (7, 100, 80)).vertices_deg == area_of(tan(10, 20)).vertices_deg


def test_lookup_tables_of_other_axes_do_not_matter_but_celestial_ones_do() -> None:
    time = tan(10, 20) | {"CTYPE3": "TIME-TAB", "PS3_0": "TABLE", "PS3_1": "COORDS", "CD3_3": 1.0}
    assert area_of(time, (100, 80, 3)).vertices_deg == area_of(tan(10, 20)).vertices_deg
    with pytest.raises(FootprintError, match="TAB"):
        measure(an_image(tan(10, 20) | {"CTYPE1": "RA---TAB", "CTYPE2": "DEC--TAB"}), FILE)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"},
        tan(0, 0) | {"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN"},
        tan(0, 0) | {"CTYPE1": "MELN-TAN", "CTYPE2": "MELT-TAN"},
        {"CTYPE1": "WAVE", "CRVAL1": 5000.0, "CDELT1": 1.0},
    ],
)
def test_what_is_not_sky_has_no_area(values: Values) -> None:
    assert measure(an_image(values), FILE) is None


def test_no_pixels_have_no_area() -> None:
    assert measure(an_image(tan(0, 0), ()), FILE) is None
    assert measure(an_image(tan(0, 0), (0, 5)), FILE) is None
    table = Hdu(1, "", HduKind.TABLE, (8, 3), 8, an_image(tan(0, 0)).cards)
    assert measure(table, FILE) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"CD1_1": 0.0, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.0}, "pixel scale"),
        ({"CD1_1": None, "CD1_2": None, "CD2_1": None, "CD2_2": ""}, "pixel scale"),
        ({"CRVAL2": None}, "position"),
        ({"CRVAL2": True}, "not a number"),
        ({"CD1_1": 1e-3, "CD1_2": 1e-3, "CD2_1": 1e-3, "CD2_2": 1e-3}, "evaluated|degenerate"),
        ({"CD1_1": 1e-30, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-30}, "degenerate|evaluated"),
        ({"CTYPE2": "LINEAR"}, "one longitude and one latitude"),
        ({"CTYPE2": "RA---TAN"}, "evaluated"),
        ({"CTYPE1": "RA---XXX", "CTYPE2": "DEC--XXX"}, "evaluated"),
        ({"CRVAL1": "ten"}, "not a number"),
        ({"CRVAL1": float("nan")}, "not valid"),
        ({"RADESYS": "GAPPT"}, "evaluated"),
        ({"A_ORDER": 10**9, "B_ORDER": 2}, "up to 9"),
        (
            {"CTYPE1": "RA---AIT", "CTYPE2": "DEC--AIT", "CD1_1": -4.0, "CD2_2": 3.0},
            "no sky position",
        ),
        (
            {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CD1_1": -3.6, "CD2_2": 2.25},
            "below 90 deg",
        ),
        ({"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CD1_1": -7.0, "CD2_2": 0.1}, "no sky pos"),
    ],
)
def test_a_sky_that_cannot_be_had_is_refused_with_the_reason(changes: Values, words: str) -> None:
    with pytest.raises(FootprintError, match=words):
        measure(an_image(tan(10, 0) | changes), FILE)


CARD_VALUES = st.one_of(
    st.floats(allow_nan=True), st.integers(-(10**9), 10**9), st.text(max_size=20), st.none()
)


@given(changes=st.dictionaries(st.sampled_from(sorted(tan(0, 0))), CARD_VALUES, max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_header_raises_anything_else(changes: Values) -> None:
    try:
        footprint = measure(an_image(tan(10, 20) | changes), FILE)
    except FootprintError:
        return
    if footprint is not None:
        assert len(footprint.vertices_deg) >= 4
        assert 0 < footprint.radius_deg < 90
