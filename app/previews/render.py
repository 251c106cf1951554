"""Pictures of FITS images.

Row 0 is at the bottom, as FITS viewers show it; north stays where it is.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.visualization import (
    AsinhStretch,
    AsymmetricPercentileInterval,
    BaseStretch,
    LinearStretch,
    LogStretch,
    SqrtStretch,
    ZScaleInterval,
)
from cmap import Colormap
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.fits.decoding import LIBRARY_ERRORS, brief, quiet
from app.fits.errors import UnreadableError
from app.fits.image import MAX_SIDE_PX, Plane, read_plane
from app.previews.models import ColorMap, Interval, PictureFormat, PreviewSpec, Stretch

Brightness = NDArray[np.float32]
"""0 to 1, NaN where there is no value."""

LINE_ASPECT: Final = 2
"""Width over height of a plotted line."""
FLATTEST_ASPECT: Final = 40
"""Width over height at most: flatter pictures would not be seen."""

_SAMPLED_PX = 1 << 21
"""Percentiles and zscale look at no more pixels than this [pixel]."""
_STRETCHES: dict[Stretch, type[BaseStretch]] = {
    Stretch.LINEAR: LinearStretch,
    Stretch.SQRT: SqrtStretch,
    Stretch.LOG: LogStretch,
    Stretch.ASINH: AsinhStretch,
}
_CATALOGUES = {
    ColorMap.GRAY: "matlab:gray",
    ColorMap.GRAY_R: "matlab:gray_r",
    ColorMap.VIRIDIS: "bids:viridis",
    ColorMap.INFERNO: "bids:inferno",
    ColorMap.MAGMA: "bids:magma",
    ColorMap.PLASMA: "bids:plasma",
    ColorMap.CIVIDIS: "cividis:cividis",
    ColorMap.HOT: "matlab:hot",
    ColorMap.COOL: "matlab:cool",
    ColorMap.RAINBOW: "gnuplot:rainbow",
    ColorMap.TURBO: "google:turbo",
    ColorMap.CUBEHELIX: "cubehelix:cubehelix",
}
"""Full names, since several catalogues have a map of the same name."""
_ENCODERS: dict[PictureFormat, dict[str, Any]] = {
    PictureFormat.PNG: {"compress_level": 4},
    PictureFormat.JPEG: {"quality": 88},
    PictureFormat.WEBP: {"quality": 85, "method": 2},
}


def render(path: Path, spec: PreviewSpec, *, scratch: Path | None = None) -> bytes:
    """Render an image of a file.

    The width is always the one that was asked for: larger images are averaged or sampled, smaller
    ones enlarged without smoothing. One-dimensional images are plotted, twice as wide as high;
    of cubes the first plane is shown. A constant image is of medium brightness.

    Parameters
    ----------
    path
        The file, also gzipped or bzipped.
    spec
        What the picture shall look like; its ``content_type`` says what the bytes are.
    scratch
        Folder for a decompressed copy of a gzipped file. None: the system's.

    Returns
    -------
    bytes
        The encoded picture.

    Raises
    ------
    NoImageError
        If there is no such image.
    NotFitsError
        If it is not FITS.
    TooLargeError
        If it needs more memory than any picture should.
    UnreadableError
        If the pixels cannot be read.
    """
    plane = read_plane(
        path, spec.ext, width_px=spec.width_px, scratch=scratch, trimmed=spec.trimmed
    )
    try:
        with quiet(), np.errstate(all="ignore"):
            brightness = _brightness(plane, spec)
            drawn = _plotted if plane.line else _shown
            return _encoded(drawn(brightness, _size(plane, spec), spec), spec)
    except LIBRARY_ERRORS as error:
        raise UnreadableError(f"the image cannot be rendered: {brief(error)}") from error


def _size(plane: Plane, spec: PreviewSpec) -> tuple[int, int]:
    """Return width and height of the picture [pixel]."""
    width_px = spec.width_px
    if plane.line:
        return width_px, max(1, width_px // LINE_ASPECT)
    height_px = round(width_px * plane.full_height_px / plane.full_width_px)
    return width_px, min(max(height_px, width_px // FLATTEST_ASPECT, 1), MAX_SIDE_PX)


def _brightness(plane: Plane, spec: PreviewSpec) -> Brightness:
    """Bring the pixels between the limits to 0 … 1, and stretch them."""
    lower, upper = _limits(plane, spec)
    # halves, since the difference of two float64 may not be one
    span = upper / 2 - lower / 2
    if not span > 0:
        return np.where(np.isnan(plane.pixels), np.nan, 0.5).astype(np.float32)
    scaled = np.clip((plane.pixels / 2 - lower / 2) / span, 0, 1).astype(np.float32)
    return np.asarray(_STRETCHES[spec.stretch]()(scaled, clip=False), np.float32)


def _limits(plane: Plane, spec: PreviewSpec) -> tuple[float, float]:
    """Return the pixel values of brightness 0 and 1."""
    finite = plane.pixels[np.isfinite(plane.pixels)]
    if not finite.size:
        return 0.0, 0.0
    found = float(finite.min()), float(finite.max())
    lower, upper = spec.limits
    sample = finite[:: -(-finite.size // _SAMPLED_PX)].astype(np.float64)
    if spec.interval is Interval.MINMAX:
        return found[0] if lower is None else lower, found[1] if upper is None else upper
    if spec.interval is Interval.PERCENTILE:
        found = AsymmetricPercentileInterval(lower, upper).get_limits(sample)
    elif not plane.line:  # zscale fits the background of pictures and would cut off lines
        low, high = ZScaleInterval().get_limits(sample)
        found = (low, high) if np.isfinite(low) and np.isfinite(high) else found
    return float(found[0]), float(found[1])


def _shown(brightness: Brightness, size: tuple[int, int], spec: PreviewSpec) -> Image.Image:
    """Draw a picture of pixels."""
    empty = np.isnan(brightness)
    levels = _resized(np.where(empty, 0, brightness), size)
    return _colored(levels, _resized(~empty, size) if empty.any() else None, spec)


def _resized(values: NDArray[Any], size: tuple[int, int]) -> Image.Image:
    """Turn values of 0 to 1 into a grey picture of a given size, row 0 at the bottom."""
    bytes_ = np.ascontiguousarray(np.rint(values * np.float32(255)).astype(np.uint8)[::-1])
    picture = Image.fromarray(bytes_)
    if picture.size == size:
        return picture
    enlarged = size[0] >= picture.width and size[1] >= picture.height
    how = Image.Resampling.NEAREST if enlarged else Image.Resampling.HAMMING
    return picture.resize(size, how)


def _plotted(brightness: Brightness, size: tuple[int, int], spec: PreviewSpec) -> Image.Image:
    """Plot a line, bright on dark; gaps stay where there are no values."""
    levels = Image.new("L", size, 0)
    pen = ImageDraw.Draw(levels)
    for run in _runs(_points(brightness[0], size)):
        if len(run) == 1:
            pen.point(run, fill=255)
        else:
            pen.line(run, fill=255)
    return _colored(levels, None, spec)


def _points(values: Brightness, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return pixel positions ``(n, 2)``: of every value, or of the extremes of each column."""
    width_px, height_px = size
    xs = (np.arange(values.size) + 0.5) * (width_px / values.size)
    if values.size > 2 * width_px:
        starts = np.arange(width_px) * values.size // width_px
        extremes = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        values = np.stack(extremes, axis=1).ravel()
        xs = np.repeat(np.arange(width_px) + 0.5, 2)
    return np.stack([xs, (1 - values) * (height_px - 1)], axis=1)


def _runs(points: NDArray[np.float64]) -> Iterator[list[tuple[float, float]]]:
    """Yield the points in pieces without gaps."""
    empty = np.isnan(points[:, 1])
    for piece in np.split(points, np.flatnonzero(np.diff(empty)) + 1):
        if not np.isnan(piece[0, 1]):
            yield [(float(x), float(y)) for x, y in piece]


def _colored(levels: Image.Image, alpha: Image.Image | None, spec: PreviewSpec) -> Image.Image:
    table = np.rint(Colormap(_CATALOGUES[spec.cmap]).lut(256)[:, :3] * 255).astype(np.uint8)
    picture = levels
    if spec.cmap is not ColorMap.GRAY:
        picture = Image.fromarray(table[np.asarray(levels)])
    if alpha is None:
        return picture
    if spec.format is PictureFormat.JPEG:
        lowest = Image.fromarray(table[np.zeros((levels.height, levels.width), np.uint8)])
        return Image.composite(picture.convert("RGB"), lowest, alpha)
    picture.putalpha(alpha)
    return picture


def _encoded(picture: Image.Image, spec: PreviewSpec) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, spec.format, **_ENCODERS[spec.format])
    return buffer.getvalue()
