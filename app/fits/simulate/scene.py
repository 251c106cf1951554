"""The sky in front of a camera: which stars there are, and how their light falls on the pixels."""

from dataclasses import dataclass
from datetime import date
from math import cos, pi, radians, sin

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS

from app.fits.simulate.observatory import BANDS, Camera, Target
from app.fits.simulate.plan import Exposure, Shot

FloatArray = npt.NDArray[np.float64]

_FIELD_RADIUS_DEG = 0.12
_MOFFAT_BETA = 3.5
_EXTINCTION_MAG = 0.14
_GALAXY_CENTER_MAG_ARCSEC2 = 18.6
_GALAXY_POSITION_ANGLE_DEG = 35.0


@dataclass(frozen=True, slots=True)
class Stars:
    """Stars, one a row; all arrays ``(n,)``.

    Attributes
    ----------
    ra_deg, dec_deg
        Position, ICRS [deg].
    v_mag, color_mag
        Magnitude, and colour as B minus V.
    """

    ra_deg: FloatArray
    dec_deg: FloatArray
    v_mag: FloatArray
    color_mag: FloatArray


@dataclass(frozen=True, slots=True)
class Scene:
    """The light that a camera gets, and the stars that it comes from.

    Attributes
    ----------
    light_e
        Expected electrons of each pixel, ``(height, width)`` [electron].
    sky_e
        The part of it that is sky [electron/pixel].
    ra_deg, dec_deg
        Positions of the stars on the image, ICRS ``(n,)`` [deg].
    x_px, y_px
        Their pixels ``(n,)``; 0 is the centre of the first pixel [pixel].
    flux_e
        Their light ``(n,)`` [electron].
    fwhm_px
        Full width of a star at half its height [pixel].
    """

    light_e: FloatArray
    sky_e: float
    ra_deg: FloatArray
    dec_deg: FloatArray
    x_px: FloatArray
    y_px: FloatArray
    flux_e: FloatArray
    fwhm_px: float


def random_of(seed: int, night: date, *parts: int) -> np.random.Generator:
    """Make the random numbers of one thing, whatever else is made.

    Parameters
    ----------
    seed
        Of the whole run.
    night
        Night of the thing.
    *parts
        What tells it from others of the night.

    Returns
    -------
    numpy.random.Generator
        The same for the same arguments.
    """
    return np.random.default_rng([seed, night.toordinal(), *parts])


def stars_of(target: Target, seed: int) -> Stars:
    """Make the catalogue of a field: the same in every frame of it.

    Parameters
    ----------
    target
        The field.
    seed
        Of the whole run.

    Returns
    -------
    Stars
        Fainter stars are more, as they are in the sky.
    """
    rng = np.random.default_rng([seed, *target.name.encode()])
    radius_deg = _FIELD_RADIUS_DEG * np.sqrt(rng.random(target.stars))
    if target.cluster_arcmin is not None:
        radius_deg = target.cluster_arcmin / 60 * np.abs(rng.standard_normal(target.stars))
    angle = 2 * pi * rng.random(target.stars)
    plane = _tangent_wcs(target.ra_deg, target.dec_deg, 1.0, 0.0, (0.0, 0.0))
    ra_deg, dec_deg = plane.wcs_pix2world(radius_deg * np.cos(angle), radius_deg * np.sin(angle), 0)
    magnitudes = target.brightest_mag + 7 * rng.random(target.stars) ** 0.4
    magnitudes[0] = target.brightest_mag
    return Stars(ra_deg, dec_deg, magnitudes, rng.normal(0.75, 0.3, target.stars))


def wcs_of(shot: Exposure, seed: int) -> WCS:
    """Place an exposure on the sky, some arcseconds off the position that was commanded.

    Parameters
    ----------
    shot
        The exposure.
    seed
        Of the whole run.

    Returns
    -------
    astropy.wcs.WCS
        Gnomonic (TAN), ICRS, degrees, with a CD matrix.
    """
    camera, sky = shot.camera, shot.circumstances
    offset_deg = random_of(seed, shot.night, shot.number, 1).normal(0, 4 / 3600, 2)
    center = ((camera.width_px - 1) / 2, (camera.height_px - 1) / 2)
    wcs = _tangent_wcs(
        (sky.ra_deg + offset_deg[0] / cos(radians(sky.dec_deg))) % 360,
        min(sky.dec_deg + offset_deg[1], 90.0),
        camera.scale_arcsec / 3600,
        camera.rotation_deg,
        center,
    )
    wcs.array_shape = (camera.height_px, camera.width_px)
    return wcs


def observe(shot: Exposure, wcs: WCS, seed: int) -> Scene:
    """Let the light of a field fall on a camera.

    Parameters
    ----------
    shot
        The exposure.
    wcs
        Where its pixels are.
    seed
        Of the whole run.

    Returns
    -------
    Scene
        Stars with Moffat profiles, a galaxy where the field has one, and sky with moonlight.
    """
    target = shot.target
    stars = stars_of(target, seed)
    x_px, y_px = wcs.wcs_world2pix(stars.ra_deg, stars.dec_deg, 0)
    camera = shot.camera
    inside = (np.abs(x_px - (camera.width_px - 1) / 2) < camera.width_px / 2 - 0.5) & (
        np.abs(y_px - (camera.height_px - 1) / 2) < camera.height_px / 2 - 0.5
    )
    x_px, y_px = x_px[inside], y_px[inside]
    slope = BANDS[shot.filter_name].color_slope
    flux_e = _electrons(shot, (stars.v_mag + slope * stars.color_mag)[inside])
    fwhm_px = _seeing_arcsec(shot, seed) / camera.scale_arcsec
    sky_e = _sky_e(shot)
    light_e = sky_e + _star_light(camera, x_px, y_px, flux_e, fwhm_px)
    if target.galaxy_arcsec is not None:
        x0, y0 = wcs.wcs_world2pix(target.ra_deg, target.dec_deg, 0)
        light_e += _galaxy_light(shot, target.galaxy_arcsec, float(x0), float(y0))
    return Scene(
        *(light_e, sky_e, stars.ra_deg[inside], stars.dec_deg[inside], x_px, y_px, flux_e, fwhm_px)
    )


def twilight_e(shot: Shot) -> FloatArray:
    """Expect the light of a twilight flat: 40 % of what the camera holds, with a slight slope.

    Parameters
    ----------
    shot
        The exposure.

    Returns
    -------
    numpy.ndarray
        ``(height, width)`` [electron].
    """
    camera = shot.camera
    level_e = 0.4 * camera.saturation_adu * camera.gain_e_per_adu
    slope = np.linspace(0.995, 1.005, camera.width_px)
    return np.broadcast_to(level_e * slope, (camera.height_px, camera.width_px))


def _electrons(shot: Shot, magnitude: FloatArray | float) -> FloatArray:
    """Turn magnitudes into electrons of the whole exposure, through mirror and air."""
    zero_mag = BANDS[shot.filter_name].zero_point_mag
    faded = magnitude + _EXTINCTION_MAG * (shot.circumstances.airmass - 1)
    rate = shot.camera.aperture_m**2 * 10 ** (0.4 * (zero_mag - np.asarray(faded)))
    return np.asarray(rate * shot.exposure_s, dtype=np.float64)


def _sky_e(shot: Shot) -> float:
    moon = shot.circumstances
    moonlight = moon.moon_fraction * max(0.0, sin(radians(moon.moon_altitude_deg)))
    dark = _electrons(shot, BANDS[shot.filter_name].sky_mag_arcsec2)
    return float(dark * shot.camera.scale_arcsec**2 * (1 + 4 * moonlight))


def _seeing_arcsec(shot: Shot, seed: int) -> float:
    """Blur stars by 1.4 to 2.2 arcsec in the zenith, more through more air."""
    rng = random_of(seed, shot.night, shot.number, 2)
    return float(rng.uniform(1.4, 2.2) * shot.circumstances.airmass**0.6)


def _star_light(
    camera: Camera, x_px: FloatArray, y_px: FloatArray, flux_e: FloatArray, fwhm_px: float
) -> FloatArray:
    """Add a Moffat profile for each star, on a frame with a margin that is cut off in the end."""
    half = int(8 * fwhm_px) + 1
    padded = np.zeros((camera.height_px + 2 * half, camera.width_px + 2 * half))
    alpha2 = (fwhm_px / 2) ** 2 / (2 ** (1 / _MOFFAT_BETA) - 1)
    steps = np.arange(-half, half + 1)
    for x, y, flux in zip(x_px, y_px, flux_e, strict=True):
        column, row = round(float(x)), round(float(y))
        r2 = (steps - (y - row))[:, None] ** 2 + (steps - (x - column))[None, :] ** 2
        profile = (1 + r2 / alpha2) ** -_MOFFAT_BETA
        stamp = np.s_[row : row + 2 * half + 1, column : column + 2 * half + 1]
        padded[stamp] += flux * profile / profile.sum()
    return padded[half:-half, half:-half]


def _galaxy_light(shot: Shot, scale_arcsec: float, x0: float, y0: float) -> FloatArray:
    """Make an inclined exponential disc."""
    camera = shot.camera
    y, x = np.mgrid[: camera.height_px, : camera.width_px]
    angle = radians(_GALAXY_POSITION_ANGLE_DEG - camera.rotation_deg)
    along = (y - y0) * cos(angle) - (x - x0) * sin(angle)
    across = (x - x0) * cos(angle) + (y - y0) * sin(angle)
    radius_arcsec = np.hypot(along, across / 0.4) * camera.scale_arcsec
    center_e = float(_electrons(shot, _GALAXY_CENTER_MAG_ARCSEC2)) * camera.scale_arcsec**2
    return np.asarray(center_e * np.exp(-radius_arcsec / scale_arcsec))


def _tangent_wcs(
    ra_deg: float,
    dec_deg: float,
    scale_deg: float,
    rotation_deg: float,
    center_px: tuple[float, float],
) -> WCS:
    """Make a TAN projection with east to the left; ``center_px`` counts from 0."""
    angle = radians(rotation_deg)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.radesys = "ICRS"
    wcs.wcs.crval = [ra_deg, dec_deg]
    wcs.wcs.crpix = [center_px[0] + 1, center_px[1] + 1]
    turn = np.array([[-cos(angle), sin(angle)], [sin(angle), cos(angle)]])
    wcs.wcs.cd = scale_deg * turn
    wcs.wcs.set()
    return wcs
