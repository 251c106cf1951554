"""A CCD: how it turns light into counts, and how its frames are calibrated."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.fits.simulate.observatory import Camera
from app.fits.simulate.scene import FloatArray

_BIAS_LEVEL_ADU = 1000.0
_DARK_E_S = 0.02


@dataclass(frozen=True, slots=True)
class Chip:
    """What is fixed in a camera; all arrays ``(height, width)``.

    Attributes
    ----------
    bias_adu
        Counts without light or time [adu].
    dark_e_s
        Dark current, with hot pixels [electron/s].
    response
        Sensitivity of the pixels, about 1.
    """

    bias_adu: FloatArray
    dark_e_s: FloatArray
    response: FloatArray


def chip_of(camera: Camera, seed: int) -> Chip:
    """Make the fixed patterns of a camera: the same in all its frames.

    Parameters
    ----------
    camera
        The camera.
    seed
        Of the whole run.

    Returns
    -------
    Chip
        Column structure in the bias, one hot pixel in two thousand, and vignetting.
    """
    rng = np.random.default_rng([seed, *camera.instrument.encode()])
    shape = (camera.height_px, camera.width_px)
    columns = _BIAS_LEVEL_ADU + rng.normal(0, 1.5, camera.width_px)
    dark_e_s = np.full(shape, _DARK_E_S)
    hot = rng.random(shape) < 1 / 2000
    dark_e_s[hot] = rng.exponential(3.0, int(hot.sum()))
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    response = (1 - 0.06 * (x**2 + y**2)) * rng.normal(1, 0.006, shape)
    return Chip(np.broadcast_to(columns, shape), dark_e_s, response)


def record(
    camera: Camera, chip: Chip, light_e: FloatArray, exposure_s: float, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Expose and read out.

    Parameters
    ----------
    camera, chip
        The camera and what is fixed in it.
    light_e
        Expected electrons of each pixel ``(height, width)`` [electron].
    exposure_s
        Exposure time [s].
    rng
        For photon and read noise.

    Returns
    -------
    numpy.ndarray
        Counts ``(height, width)``, cut off at 65535 [adu].
    """
    electrons = rng.poisson(light_e * chip.response + chip.dark_e_s * exposure_s)
    noise_e = rng.normal(0, camera.read_noise_e, electrons.shape)
    counts = chip.bias_adu + (electrons + noise_e) / camera.gain_e_per_adu
    return np.clip(np.rint(counts), 0, 65535).astype(np.uint16)


def calibrate(
    camera: Camera, chip: Chip, raw_adu: npt.NDArray[np.uint16], exposure_s: float
) -> npt.NDArray[np.float32]:
    """Take bias, dark current and response out of a raw frame.

    Parameters
    ----------
    camera, chip
        The camera and what is fixed in it.
    raw_adu
        Counts ``(height, width)`` [adu].
    exposure_s
        Exposure time [s].

    Returns
    -------
    numpy.ndarray
        ``(height, width)`` [electron].
    """
    electrons = (raw_adu - chip.bias_adu) * camera.gain_e_per_adu - chip.dark_e_s * exposure_s
    return (electrons / chip.response).astype(np.float32)
