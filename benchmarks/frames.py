"""Make the files that are measured with: noise under a plausible header, no two alike."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits

_FIRST_EXPOSURE = datetime(2026, 11, 1, tzinfo=UTC)
_SKY_ADU = 1000
_SCALE_DEG = 0.4 / 3600


def make_frames(folder: Path, kind: str, count: int, shape: tuple[int, int]) -> list[Path]:
    """Write frames of uint16, and wait until they are on the disk.

    Parameters
    ----------
    folder
        Where to; made if it is missing.
    kind
        Begins the file names and is the object of the frames, by which they are found again.
    count
        How many.
    shape
        Height and width [pixel].

    Returns
    -------
    list of Path
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(20).poisson(_SKY_ADU, shape).astype(np.uint16)
    paths = []
    for number in range(count):
        path = folder / f"{kind}-{number:04d}.fits"
        header = _header(kind, number, shape)
        fits.PrimaryHDU(np.roll(noise, number, axis=1), header).writeto(path)
        paths.append(path)
    os.sync()  # or the first who syncs a file of his own would wait for these, too
    return paths


def _header(kind: str, number: int, shape: tuple[int, int]) -> fits.Header:
    """Make the cards of a science frame with a TAN projection, north up and east left."""
    begun = _FIRST_EXPOSURE + timedelta(minutes=number)
    height, width = shape
    return fits.Header(
        {
            "SITEID": "bch",
            "TELID": "1m0a",
            "INSTRUME": "cam1",
            "OBJECT": kind,
            "FILTER": "V",
            "IMAGETYP": "object",
            "EXPTIME": 30.0,
            "DATE-OBS": begun.strftime("%Y-%m-%dT%H:%M:%S"),
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRVAL1": 132.846 + number / 60,
            "CRVAL2": 11.814,
            "CRPIX1": (width + 1) / 2,
            "CRPIX2": (height + 1) / 2,
            "CD1_1": -_SCALE_DEG,
            "CD1_2": 0.0,
            "CD2_1": 0.0,
            "CD2_2": _SCALE_DEG,
            "RADESYS": "ICRS",
        }
    )
