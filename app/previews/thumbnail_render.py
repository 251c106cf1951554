"""Thumbnails of FITS images, scaled as the LCO thumbnail service scales them (THU §3).

Only child processes import this. Row 0 is at the bottom.
"""

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.visualization import ZScaleInterval
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.fits.decoding import LIBRARY_ERRORS, brief, quiet
from app.fits.errors import UnreadableError
from app.fits.image import MAX_SIDE_PX, Pixels, Plane, read_plane
from app.previews.models import PreviewSpec
from app.previews.render import LINE_ASPECT, render
from app.previews.thumbnail_models import ThumbnailSpec

Levels = NDArray[np.uint8]
"""``(ny, nx)``, 0 is black and 255 white; row 0 is the bottom of the image."""

SAMPLES: Final = 2000
"""About how many pixels the limits are found from."""
CONTRAST: Final = 0.1
GAMMA: Final = 2.5
LABEL_HEIGHT_PX: Final = 20
LABEL_MARGIN_PX: Final = 4

_SLAB_PX = 1 << 20
_FEWEST_FITTED = 5
"""zscale fits a line; to fewer samples there is none."""
_STEPS = 65535
_GAMMA_TABLE: Levels = np.rint(255 * (np.arange(_STEPS + 1) / _STEPS) ** (1 / GAMMA)).astype("u1")


def render_thumbnail(path: Path, spec: ThumbnailSpec, *, scratch: Path | None = None) -> bytes:
    """Render an image of a file in shades of grey.

    Parameters
    ----------
    path
        The file.
    spec
        The wish. A one-dimensional image is plotted, twice as wide as high.
    scratch
        Folder for a decompressed copy of a gzipped file. None: the system's.

    Returns
    -------
    bytes
        A JPEG in RGB.

    Raises
    ------
    NoImageError
        If there is no image.
    NotFitsError
        If it is not FITS.
    TooLargeError
        If it needs more memory than any picture should.
    UnreadableError
        If the pixels cannot be read.
    """
    plane = read_plane(path, width_px=MAX_SIDE_PX, scratch=scratch)
    try:
        if plane.line:
            return encoded(_plotted(path, spec, scratch), spec)
        size = fitted((plane.full_width_px, plane.full_height_px), spec)
        with quiet(), np.errstate(all="ignore"):
            return encoded(resized(scaled(plane, spec)[::-1], size), spec)
    except LIBRARY_ERRORS as error:
        raise UnreadableError(f"the image cannot be rendered: {brief(error)}") from error


def fitted(full_px: tuple[float, float], spec: ThumbnailSpec) -> tuple[int, int]:
    """Fit an image into the box (THU-21).

    Parameters
    ----------
    full_px
        Width and height of the image [pixel].
    spec
        The wish.

    Returns
    -------
    tuple of int
        Width and height of the picture [pixel], never more than those of the image.
    """
    width_px, height_px = full_px
    scale = min(1.0, spec.width_px / width_px, spec.height_px / height_px)
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def scaled(plane: Plane, spec: ThumbnailSpec) -> Levels:
    """Turn pixel values into shades (THU §3, "Scaling").

    Parameters
    ----------
    plane
        Of an image.
    spec
        Says whether the shades are centred on their median.

    Returns
    -------
    Levels
        As large as the plane; pixels without a value are black.
    """
    black, white = _limits(plane.pixels)
    levels: Levels = np.empty(plane.pixels.shape, np.uint8)
    slab_rows = max(1, _SLAB_PX // plane.pixels.shape[1])
    # halves, since the difference of two float64 may not be one
    span = white / 2 - black / 2
    for first in range(0, len(levels), slab_rows):
        slab = plane.pixels[first : first + slab_rows]
        shares = np.clip((slab / 2 - black / 2) / span, 0, 1)
        steps = np.rint(np.nan_to_num(shares) * _STEPS).astype(np.uint16)
        levels[first : first + slab_rows] = _GAMMA_TABLE[steps]
    return _centred(levels, spec.percentile) if spec.median else levels


def _limits(pixels: Pixels) -> tuple[float, float]:
    """Return the values of black and white, which are never equal."""
    samples = sampled(pixels)
    if not samples.size:
        return -1.0, 1.0
    black, white = float(np.median(samples)), float(samples.max())
    if samples.size >= _FEWEST_FITTED:
        found = float(
            ZScaleInterval(n_samples=samples.size, contrast=CONTRAST).get_limits(samples)[1]
        )
        white = min(white, found) if np.isfinite(found) else white
    if white > black:
        return black, white
    step = max(1.0, abs(black) * 1e-5)  # 1 is nothing beside a value of 1e20
    return black - step, black + step


def sampled(pixels: Pixels) -> NDArray[np.float64]:
    """Take pixels of a regular grid.

    Parameters
    ----------
    pixels
        ``(ny, nx)``.

    Returns
    -------
    ndarray
        About 2000 values, or all of a small image; only finite ones.
    """
    step = max(1, int((pixels.size / SAMPLES) ** 0.5))
    grid = pixels[np.ix_(*[np.arange(min(step // 2, n - 1), n, step) for n in pixels.shape])]
    found = grid[np.isfinite(grid)]
    if not found.size:
        finite = pixels[np.isfinite(pixels)]
        found = finite[:: max(1, finite.size // SAMPLES)]
    return np.asarray(found, np.float64)


def _centred(levels: Levels, percentile: float) -> Levels:
    """Make the median black, and a percentile of what is left white."""
    above = np.maximum(np.arange(256) - np.median(levels), 0)
    top = np.percentile(above[levels], percentile)
    table = np.clip(above * 255 / top, 0, 255) if top > 0 else above
    return np.asarray(np.rint(table).astype(np.uint8)[levels])


def resized(levels: Levels, size: tuple[int, int]) -> Image.Image:
    """Make a grey picture of a given size.

    Parameters
    ----------
    levels
        The uppermost row first.
    size
        Width and height [pixel].

    Returns
    -------
    Image
        Of mode L.
    """
    picture = Image.fromarray(np.ascontiguousarray(levels))
    if picture.size == size:
        return picture
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def _plotted(path: Path, spec: ThumbnailSpec, scratch: Path | None) -> Image.Image:
    """Plot a one-dimensional image, as previews do."""
    width_px = min(spec.width_px, LINE_ASPECT * spec.height_px)
    return Image.open(io.BytesIO(render(path, PreviewSpec(width_px=width_px), scratch=scratch)))


def encoded(picture: Image.Image, spec: ThumbnailSpec) -> bytes:
    """Finish a picture: its label, and the JPEG.

    Parameters
    ----------
    picture
        In its final size.
    spec
        The wish.

    Returns
    -------
    bytes
        A JPEG in RGB.
    """
    colored = picture.convert("RGB")
    if spec.label:
        _write_label(colored, spec.label)
    buffer = io.BytesIO()
    colored.save(buffer, "jpeg", quality=spec.quality)
    return buffer.getvalue()


def _write_label(picture: Image.Image, label: str) -> None:
    """Write white text into the lower left corner, as high as the width allows."""
    pen: Any = ImageDraw.Draw(picture)
    line = " ".join(label.split())
    corner = LABEL_MARGIN_PX, picture.height - LABEL_MARGIN_PX
    free_px = picture.width - 2 * LABEL_MARGIN_PX
    for height_px in range(LABEL_HEIGHT_PX, 0, -1):
        font = _font(height_px)
        if font is None:
            return
        if height_px == 1 or pen.textlength(line, font=font) <= free_px:
            pen.text(corner, line, fill="white", font=font, anchor="ld")
            return


def _font(height_px: int) -> ImageFont.FreeTypeFont | None:
    """Give the font that comes with Pillow; None where Pillow was built without fonts."""
    try:
        font = ImageFont.load_default(height_px)
    except (ImportError, OSError):
        return None
    return font if isinstance(font, ImageFont.FreeTypeFont) else None
