"""Where Sun, Moon and a pointing stand over a site, without a network.

Positions are topocentric, without refraction; times are UTC. The Earth turns evenly here (UT1 is
UTC, no polar motion), which is wrong by less than 15 arcsec and needs no table of the day.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import cos, radians, sin

import numpy as np
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_body, get_sun
from astropy.time import Time
from astropy.utils import iers

from app.fits.simulate.observatory import Site, Target

_FLAT_SUN_ALTITUDE_DEG = -3.0
_DARK_SUN_ALTITUDE_DEG = -15.0
_STEP_MIN = 5
_EVEN_EARTH = iers.IERS(
    {
        "MJD": [0.0, 100_000.0] * u.d,
        "UT1_UTC": [0.0, 0.0] * u.s,
        **dict.fromkeys(("PM_x", "PM_y", "dX_2000A", "dY_2000A"), [0.0, 0.0] * u.arcsec),
    }
)


@dataclass(frozen=True, slots=True)
class Night:
    """The moments of a night that observing begins and ends at, aware, UTC.

    Attributes
    ----------
    flats_at
        The evening sky is right for flat fields.
    dusk, dawn
        The sky is dark between them.
    """

    flats_at: datetime
    dusk: datetime
    dawn: datetime


@dataclass(frozen=True, slots=True)
class Circumstances:
    """A pointing at a moment, with Sun and Moon; angles in degrees.

    Attributes
    ----------
    ra_deg, dec_deg
        Pointing, ICRS.
    altitude_deg, azimuth_deg
        Pointing over the horizon; azimuth from north over east.
    sun_altitude_deg, sun_distance_deg, moon_altitude_deg, moon_distance_deg
        Of Sun and Moon; distances from the pointing.
    moon_fraction
        Illuminated part of the Moon, 0 to 1.
    """

    ra_deg: float
    dec_deg: float
    altitude_deg: float
    azimuth_deg: float
    sun_altitude_deg: float
    sun_distance_deg: float
    moon_altitude_deg: float
    moon_distance_deg: float
    moon_fraction: float

    @property
    def airmass(self) -> float:
        """Relative airmass (Kasten & Young 1989, Applied Optics 28, 4735, eq. 3)."""
        h_deg = self.altitude_deg
        return float(1 / (sin(radians(h_deg)) + 0.50572 * (h_deg + 6.07995) ** -1.6364))


def night_of(site: Site, night: date) -> Night:
    """Find when a night begins and ends.

    Parameters
    ----------
    site
        Where; between the polar circles.
    night
        Local date of the evening.

    Returns
    -------
    Night
        On a grid of five minutes.
    """
    local_noon = datetime.combine(night, time(12), UTC) - timedelta(hours=site.longitude_deg / 15)
    moments = [local_noon + timedelta(minutes=_STEP_MIN * n) for n in range(24 * 60 // _STEP_MIN)]
    with iers.earth_orientation_table.set(_EVEN_EARTH):
        sun_deg = get_sun(Time(moments)).transform_to(_horizon(site, moments)).alt.deg
    dark = np.flatnonzero(sun_deg < _DARK_SUN_ALTITUDE_DEG)
    flats = int(np.argmax(sun_deg < _FLAT_SUN_ALTITUDE_DEG))
    return Night(moments[flats], moments[int(dark[0])], moments[int(dark[-1])])


def altitudes_deg(site: Site, moment: datetime, targets: tuple[Target, ...]) -> list[float]:
    """Say how high targets stand.

    Parameters
    ----------
    site, moment
        Where and when.
    targets
        What.

    Returns
    -------
    list of float
        Altitude of each target [deg].
    """
    fields = SkyCoord([t.ra_deg for t in targets], [t.dec_deg for t in targets], unit="deg")
    with iers.earth_orientation_table.set(_EVEN_EARTH):
        return [float(alt) for alt in fields.transform_to(_horizon(site, moment)).alt.deg]


def on_sky(site: Site, moment: datetime, ra_deg: float, dec_deg: float) -> Circumstances:
    """Describe a pointing at a position of the sky.

    Parameters
    ----------
    site, moment
        Where and when.
    ra_deg, dec_deg
        Position, ICRS [deg].

    Returns
    -------
    Circumstances
        The pointing, with Sun and Moon.
    """
    with iers.earth_orientation_table.set(_EVEN_EARTH):
        position = SkyCoord(ra_deg, dec_deg, unit="deg")
        return _circumstances(position, position.transform_to(_horizon(site, moment)))


def over_horizon(
    site: Site, moment: datetime, altitude_deg: float, azimuth_deg: float
) -> Circumstances:
    """Describe a pointing at a place over the horizon.

    Parameters
    ----------
    site, moment
        Where and when.
    altitude_deg, azimuth_deg
        Place; azimuth from north over east [deg].

    Returns
    -------
    Circumstances
        The pointing, with Sun and Moon.
    """
    with iers.earth_orientation_table.set(_EVEN_EARTH):
        place = SkyCoord(azimuth_deg, altitude_deg, unit="deg", frame=_horizon(site, moment))
        return _circumstances(place.icrs, place)


def _circumstances(position: SkyCoord, place: SkyCoord) -> Circumstances:
    """Add Sun and Moon to a pointing that is known in both frames."""
    frame = place.frame.replicate_without_data()
    sun = SkyCoord(get_sun(frame.obstime).transform_to(frame))
    moon = SkyCoord(get_body("moon", frame.obstime, frame.location).transform_to(frame))
    return Circumstances(
        ra_deg=float(position.ra.deg),
        dec_deg=float(position.dec.deg),
        altitude_deg=float(place.alt.deg),
        azimuth_deg=float(place.az.deg),
        sun_altitude_deg=float(sun.alt.deg),
        sun_distance_deg=float(place.separation(sun).deg),
        moon_altitude_deg=float(moon.alt.deg),
        moon_distance_deg=float(place.separation(moon).deg),
        # The Sun is far enough to take elongation for the supplement of the phase angle.
        moon_fraction=(1 - cos(float(moon.separation(sun).rad))) / 2,
    )


def _horizon(site: Site, moments: datetime | list[datetime]) -> AltAz:
    location = EarthLocation.from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.height_m * u.m
    )
    return AltAz(obstime=Time(moments), location=location)
