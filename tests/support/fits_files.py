"""Build small FITS files for tests: sane without arguments, and every card can be set.

`make_fits(path)` is a raw science frame of one uint16 image. A keyword argument sets a card, with
``_`` for ``-`` (and ``__`` for ``_``); None leaves a default card out::

    make_fits(inbox / "a.fits", SITEID="krp", DATE_OBS=None, TARG__RA=12.5)
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits

CardValue = str | int | float | bool | None

DEFAULT_CARDS: dict[str, CardValue] = {
    "SITEID": "tst",
    "TELID": "1m0a",
    "INSTRUME": "cam1",
    "DATE-OBS": "2026-11-19T03:04:05.678",
    "DAY-OBS": "2026-11-18",
    "EXPTIME": 12.5,
    "IMAGETYP": "object",
    "FILTER": "V",
    "OBJECT": "M67",
}


def make_fits(
    path: Path,
    *,
    shape: tuple[int, ...] = (32, 24),
    dtype: str = "uint16",
    wcs: bool | tuple[float, float] = False,
    hdus: Sequence[fits.ImageHDU | fits.CompImageHDU | fits.BinTableHDU] = (),
    **cards: CardValue,
) -> Path:
    """Write a FITS file.

    Parameters
    ----------
    path
        Where to; missing folders are made, ``.gz`` and ``.bz2`` compress.
    shape
        Of the primary image in numpy's order, so ``(NAXIS2, NAXIS1)``; empty for no image.
    dtype
        Of its pixels, which count up from 0 in the lower left corner.
    wcs
        True for a TAN projection around RA 132.846, Dec 11.814, or another centre [deg].
    hdus
        What follows the primary HDU.
    **cards
        Cards of the primary header, beside and over `DEFAULT_CARDS`.

    Returns
    -------
    Path
        The path that was given.
    """
    primary = fits.PrimaryHDU(ramp(shape, dtype) if shape else None, make_header(**cards))
    if wcs:
        ra_deg, dec_deg = wcs if isinstance(wcs, tuple) else (132.846, 11.814)
        primary.header.update(wcs_header(shape, ra_deg, dec_deg))
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([primary, *hdus]).writeto(path, overwrite=True)
    return path


def make_header(**cards: CardValue) -> fits.Header:
    """Make a header of `DEFAULT_CARDS` and the given ones; None leaves a card out."""
    given = {
        name.replace("__", "\0").replace("_", "-").replace("\0", "_"): value
        for name, value in cards.items()
    }
    chosen = DEFAULT_CARDS | given
    return fits.Header([(key, value) for key, value in chosen.items() if value is not None])


def ramp(shape: tuple[int, ...], dtype: str = "uint16") -> npt.NDArray[np.generic]:
    """Make pixels that count up along the first axis, starting again where the type ends."""
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def wcs_header(
    shape: tuple[int, ...], ra_deg: float, dec_deg: float, scale_deg: float = 1 / 3600
) -> fits.Header:
    """Make the cards of a TAN projection with north up, east left, and the centre given [deg]."""
    height, width = shape[-2:]
    return fits.Header(
        {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CRVAL1": ra_deg,
            "CRVAL2": dec_deg,
            "CRPIX1": (width + 1) / 2,
            "CRPIX2": (height + 1) / 2,
            "CD1_1": -scale_deg,
            "CD1_2": 0.0,
            "CD2_1": 0.0,
            "CD2_2": scale_deg,
            "RADESYS": "ICRS",
        }
    )


def source_table(rows: int = 3) -> fits.BinTableHDU:
    """Make a CAT table of sources with the columns x, y and flux."""
    steps = np.arange(rows, dtype=np.float64)
    columns = [
        fits.Column("x", "D", "pixel", array=1 + steps),
        fits.Column("y", "D", "pixel", array=1 + 2 * steps),
        fits.Column("flux", "D", "electron", array=1000 / (1 + steps)),
    ]
    return fits.BinTableHDU.from_columns(columns, name="CAT")
