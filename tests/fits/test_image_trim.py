"""Planes that are cut to TRIMSEC, also decimated and compressed ones."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from app.fits.image import read_plane

BORDER = 9999


def an_image(path: Path, section: str, *, compressed: bool) -> Path:
    """Write 120 x 60 pixels: 7 inside of [21:100,11:50], else `BORDER`."""
    pixels = np.full((60, 120), BORDER, np.int16)
    pixels[10:50, 20:100] = 7
    header = fits.Header({"TRIMSEC": section})
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    fits.HDUList([fits.PrimaryHDU(), kind(pixels, header)]).writeto(path)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("width_px", [7, 17, 40, 120, 500])
def test_only_what_is_wholly_inside_stays(tmp_path: Path, width_px: int, compressed: bool) -> None:  # noqa: FBT001  # parametrised
    path = an_image(tmp_path / "a.fits", "[21:100,11:50]", compressed=compressed)
    plane = read_plane(path, width_px=width_px, trimmed=True)
    assert (plane.full_width_px, plane.full_height_px) == (80, 40)
    assert plane.pixels.size
    assert set(np.unique(plane.pixels)) == {7}
    whole = read_plane(path, width_px=width_px)
    assert (whole.full_width_px, whole.full_height_px) == (120, 60)
    assert whole.pixels.max() > 7


@pytest.mark.parametrize(
    ("section", "size"),
    [
        ("[21:999,11:999]", (100, 50)),
        ("[0:10,0:10]", (10, 10)),
        (" [ 21 : 30 , 11 : 12 ] ", (10, 2)),
        ("[100:21,11:50]", (120, 60)),
        ("[200:300,1:9]", (120, 60)),
        ("", (120, 60)),
        ("[1:2]", (120, 60)),
    ],
)
def test_odd_sections(tmp_path: Path, section: str, size: tuple[int, int]) -> None:
    plane = read_plane(
        an_image(tmp_path / "a.fits", section, compressed=False), width_px=500, trimmed=True
    )
    assert (plane.full_width_px, plane.full_height_px) == size
    assert plane.pixels.shape == size[::-1]
