"""Positions over the horizon, against values that do not come from this code."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.fits.simulate.ephemeris import Circumstances, night_of, on_sky, over_horizon
from app.fits.simulate.observatory import CAMERAS, Camera, Site
from app.fits.simulate.plan import sessions

GREENWICH = Site("grw", "Greenwich", 51.4779, 0.0, 46.0)
EQUATOR = Site("equ", "Equator", 0.0, 0.0, 0.0)
NIGHTS = st.dates(date(2000, 1, 1), date(2027, 12, 31))  # astropy warns of leap seconds to come


def test_the_pole_stands_as_high_as_the_latitude() -> None:
    moment = datetime(2026, 11, 18, 22, tzinfo=UTC)
    for dec_deg in (90.0, -90.0):
        seen = on_sky(GREENWICH, moment, 0.0, dec_deg)
        # precession since J2000 has moved the pole by 20 arcsec a year
        assert seen.altitude_deg == pytest.approx(dec_deg / 90 * 51.4779, abs=0.16)


def test_the_sun_culminates_at_noon_of_the_equinox() -> None:
    # 2026-03-20 14:46 UTC is the equinox; at 12:07:30 UTC the true Sun crosses the meridian.
    seen = over_horizon(EQUATOR, datetime(2026, 3, 20, 12, 7, 30, tzinfo=UTC), 80.0, 0.0)
    assert seen.sun_altitude_deg == pytest.approx(90, abs=0.15)
    assert seen.sun_distance_deg == pytest.approx(10, abs=0.15)


@pytest.mark.parametrize(
    ("moment", "fraction"),
    [  # full moon of 2026-03-03 (a lunar eclipse), new moon of 2026-08-12 (a solar eclipse)
        (datetime(2026, 3, 3, 11, 34, tzinfo=UTC), 1.0),
        (datetime(2026, 8, 12, 17, 37, tzinfo=UTC), 0.0),
    ],
)
def test_moon_at_eclipses(moment: datetime, fraction: float) -> None:
    assert over_horizon(GREENWICH, moment, 45.0, 0.0).moon_fraction == pytest.approx(
        fraction, abs=0.001
    )


def test_horizon_and_sky_are_inverse() -> None:
    moment = datetime(2026, 11, 18, 22, tzinfo=UTC)
    there = over_horizon(GREENWICH, moment, 40.0, 123.0)
    back = on_sky(GREENWICH, moment, there.ra_deg, there.dec_deg)
    assert back.altitude_deg == pytest.approx(40.0, abs=1e-6)
    assert back.azimuth_deg == pytest.approx(123.0, abs=1e-6)


@pytest.mark.parametrize(("altitude_deg", "airmass"), [(90, 1.0), (30, 1.99), (10, 5.59)])
def test_airmass_of_kasten_and_young(altitude_deg: float, airmass: float) -> None:
    sky = Circumstances(0, 0, altitude_deg, 0, 0, 0, 0, 0, 0)
    assert sky.airmass == pytest.approx(airmass, rel=0.003)


@settings(max_examples=12, deadline=None)
@given(NIGHTS, st.sampled_from(CAMERAS))
def test_every_night_has_dark_hours(night: date, camera: Camera) -> None:
    moments = night_of(camera.site, night)
    assert moments.flats_at < moments.dusk < moments.dawn
    assert moments.dawn - moments.dusk > timedelta(hours=6)


@settings(max_examples=8, deadline=None)
@given(NIGHTS)
def test_some_field_is_up_in_any_season(last_night: date) -> None:
    plan = sessions(last_night)
    for _ in range(3):
        shots = next(plan).science
        assert all(shot.circumstances.altitude_deg > 25 for shot in shots)
