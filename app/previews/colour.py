"""Pictures in colour of three frames of one field (THU §4). Only child processes import this.

Array orientation throughout: row 0 is the bottom of the image, until the picture is finished.
Positions are continuous, so that the first pixel reaches from 0 to 1 and has its centre at 0.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.fits.decoding import LIBRARY_ERRORS, brief, quiet
from app.fits.errors import UnreadableError
from app.fits.image import MAX_SIDE_PX, read_plane
from app.previews.colour_alignment import Matrix, StarField, matched, star_field
from app.previews.thumbnail_models import ThumbnailSpec
from app.previews.thumbnail_render import Levels, encoded, fitted, resized, scaled


@dataclass(frozen=True, slots=True)
class _Channel:
    """One of the three images.

    Attributes
    ----------
    levels
        Its shades, decimated if it is very large.
    size_px
        Width and height of the whole image [pixel].
    field
        Its stars.
    """

    levels: Levels
    size_px: tuple[int, int]
    field: StarField


def render_color(
    paths: Sequence[Path], spec: ThumbnailSpec, *, scratch: Path | None = None
) -> bytes:
    """Compose a picture in colour.

    The second and third image are laid over the first by their stars, as they are where that
    fails (THU-31).

    Parameters
    ----------
    paths
        The files of red, green and blue.
    spec
        The wish.
    scratch
        Folder for decompressed copies of gzipped files. None: the system's.

    Returns
    -------
    bytes
        A JPEG in RGB.

    Raises
    ------
    NoImageError
        If one has no image.
    NotFitsError
        If one is not FITS.
    TooLargeError
        If one needs more memory than any picture should.
    UnreadableError
        If the pixels cannot be read.
    """
    channels = [_read(path, spec, scratch) for path in paths]
    try:
        with quiet(), np.errstate(all="ignore"):
            return encoded(_composed(channels, spec), spec)
    except LIBRARY_ERRORS as error:
        raise UnreadableError(f"the images cannot be composed: {brief(error)}") from error


def _read(path: Path, spec: ThumbnailSpec, scratch: Path | None) -> _Channel:
    """Read one image; of its pixels only shades and what the stars need are kept.

    Raises
    ------
    UnreadableError
        If its pixels cannot be scaled.
    """
    plane = read_plane(path, width_px=MAX_SIDE_PX, scratch=scratch)
    size_px = plane.full_width_px, plane.full_height_px
    try:
        with quiet(), np.errstate(all="ignore"):
            return _Channel(scaled(plane, spec), size_px, star_field(plane.pixels, size_px))
    except LIBRARY_ERRORS as error:
        raise UnreadableError(f"the image cannot be rendered: {brief(error)}") from error


def _composed(channels: Sequence[_Channel], spec: ThumbnailSpec) -> Image.Image:
    """Lay the channels over the first one, cut to what is common, and stack them."""
    red = channels[0]
    onto_red = [None, *[matched(channel.field, red.field) for channel in channels[1:]]]
    sizes = [
        channel.size_px if matrix is None else red.size_px
        for channel, matrix in zip(channels, onto_red, strict=True)
    ]
    common_px = min(width for width, _ in sizes), min(height for _, height in sizes)
    size = fitted(common_px, spec)
    scale = size[0] / common_px[0], size[1] / common_px[1]
    layers = [
        _centre(
            _as_is(channel, scale) if matrix is None else _warped(channel, red, matrix, scale), size
        )
        for channel, matrix in zip(channels, onto_red, strict=True)
    ]
    return Image.merge("RGB", layers).transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def _shrunk_size(channel: _Channel, scale: tuple[float, float]) -> tuple[int, int]:
    width_px, height_px = channel.size_px
    return max(1, round(width_px * scale[0])), max(1, round(height_px * scale[1]))


def _as_is(channel: _Channel, scale: tuple[float, float]) -> Image.Image:
    """Shrink a channel."""
    return resized(channel.levels, _shrunk_size(channel, scale))


def _warped(
    channel: _Channel, red: _Channel, onto_red: Matrix, scale: tuple[float, float]
) -> Image.Image:
    """Shrink a channel and lay it over the red one; where it has nothing it is black."""
    shrunk = _as_is(channel, scale)
    red_size = _shrunk_size(red, scale)
    # from a position on the picture to one of the red image, of this one, of this one shrunk
    onto_shrunk = (
        _scaling(shrunk.size, channel.size_px)
        @ np.linalg.inv(onto_red)
        @ np.linalg.inv(_scaling(red_size, red.size_px))
    )
    coefficients = tuple(float(value) for value in onto_shrunk[:2].ravel())
    return shrunk.transform(
        red_size, Image.Transform.AFFINE, coefficients, resample=Image.Resampling.BICUBIC
    )


def _scaling(small: tuple[int, int], large: tuple[int, int]) -> NDArray[np.float64]:
    """Return what brings positions of a large image to a small one."""
    return np.diag([small[0] / large[0], small[1] / large[1], 1.0])


def _centre(layer: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Cut the middle out of a layer."""
    left, lower = ((n - wanted) // 2 for n, wanted in zip(layer.size, size, strict=True))
    return layer.crop((left, lower, left + size[0], lower + size[1]))
