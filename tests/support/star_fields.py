"""Images of one star field, as three exposures of a moving telescope show it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

Pixels = NDArray[Any]
FWHM_PX = 3.5
BACKGROUND = 500.0
NOISE = 8.0


@dataclass(frozen=True)
class Pointing:
    """How an exposure lies on the field.

    Attributes
    ----------
    shift_px
        Of its centre, along columns and rows [pixel].
    rotation_deg
        About its centre, counter-clockwise [deg].
    shape
        Of the image, ``(ny, nx)`` [pixel].
    scale
        Its pixels per pixel of the field.
    """

    shift_px: tuple[float, float] = (0.0, 0.0)
    rotation_deg: float = 0.0
    shape: tuple[int, int] = (300, 400)
    scale: float = 1.0


def stars(count: int = 40, seed: int = 7) -> Pixels:
    """Make stars: ``(n, 3)`` of x and y from the middle of the field [pixel], and peak."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(-180, 180, count), random.uniform(-130, 130, count)
    return np.stack([x, y, 10 ** random.uniform(2.3, 3.8, count)], axis=1)


def positions(field: Pixels, pointing: Pointing) -> Pixels:
    """Give where the stars fall: ``(n, 2)``, x and y [pixel], 0 the middle of the first pixel."""
    angle = np.radians(pointing.rotation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(pointing.shape[::-1]) - 1) / 2
    turned: Pixels = pointing.scale * (field[:, :2] @ turn.T) + middle + pointing.shift_px
    return turned


def exposure(field: Pixels, pointing: Pointing = Pointing(), seed: int = 1) -> Pixels:
    """Take an image, float32 with noise."""
    image = np.random.default_rng(seed).normal(BACKGROUND, NOISE, pointing.shape)
    rows, columns = np.indices(pointing.shape)
    for (x, y), peak in zip(positions(field, pointing), field[:, 2], strict=True):
        distance2 = (columns - x) ** 2 + (rows - y) ** 2
        image += peak * np.exp(-distance2 / (2 * (FWHM_PX / 2.355) ** 2))
    return image.astype("f4")


def write(path: Path, pixels: Pixels, **cards: object) -> Path:
    """Write an image file."""
    header = fits.Header({key.replace("_", "-"): value for key, value in cards.items()})
    fits.writeto(path, pixels, header, overwrite=True)
    return path
