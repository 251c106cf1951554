"""How one image of a field lies on another, told by their stars; only children import this."""

import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import astroalign
import numpy as np
from numpy.typing import NDArray

from app.fits.decoding import LIBRARY_ERRORS
from app.fits.image import Pixels

Matrix: TypeAlias = NDArray[np.float64]
"""``(3, 3)``, brings homogeneous positions of one image to those of another."""

LONGEST_SIDE_PX: Final = 2048
"""Stars are searched in no larger images [pixel]: their centres do not get better by more."""
_SHORTEST_SIDE_PX = 16
"""There are no stars in smaller images, and astroalign takes some of them for lists [pixel]."""
FEWEST_STARS: Final = 4
"""A triangle alone may agree by chance."""
LARGEST_SCALE: Final = 2.0
"""How much the scales of two cameras on one field may differ."""


@dataclass(frozen=True, slots=True)
class StarField:
    """An image in which stars are searched.

    Attributes
    ----------
    pixels
        Without gaps, averaged over blocks if it was larger than `LONGEST_SIDE_PX`.
    block_px
        Width and height of one of its pixels, in pixels of the whole image.
    size_px
        Width and height of the whole image [pixel].
    """

    pixels: NDArray[np.float32]
    block_px: tuple[float, float]
    size_px: tuple[int, int]


def star_field(pixels: Pixels, size_px: tuple[int, int]) -> StarField:
    """Prepare an image for the search.

    Parameters
    ----------
    pixels
        ``(ny, nx)``, NaN where there is no value.
    size_px
        Width and height of the whole image, of which they may be a decimation [pixel].

    Returns
    -------
    StarField
        With the median in place of gaps.
    """
    block = max(1, math.ceil(max(pixels.shape) / LONGEST_SIDE_PX))
    rows, columns = (max(1, n // block) for n in pixels.shape)
    used = pixels[: rows * block, : columns * block]
    steps = min(block, used.shape[0]), min(block, used.shape[1])
    blocks = used.reshape(rows, steps[0], columns, steps[1])
    means = np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64))
    gaps = ~np.isfinite(means)
    if gaps.any():
        means[gaps] = 0.0 if gaps.all() else np.median(means[~gaps])
    decimated = size_px[0] / pixels.shape[1], size_px[1] / pixels.shape[0]
    return StarField(
        means.astype(np.float32), (decimated[0] * steps[1], decimated[1] * steps[0]), size_px
    )


def matched(field: StarField, onto: StarField) -> Matrix | None:
    """Find how an image lies on another one.

    Parameters
    ----------
    field
        The image.
    onto
        The other one.

    Returns
    -------
    Matrix or None
        Brings positions of the whole image to those of the other one; None if too few of their
        stars agree, or what they agree on cannot be.
    """
    if min(*field.pixels.shape, *onto.pixels.shape) < _SHORTEST_SIDE_PX:
        return None
    try:
        found, (stars, _) = astroalign.find_transform(field.pixels, onto.pixels)
    except (*LIBRARY_ERRORS, astroalign.MaxIterError):
        return None
    matrix = _whole(np.asarray(found.params, np.float64), field, onto)
    return matrix if len(stars) >= FEWEST_STARS and _is_sane(matrix, field, onto) else None


def _whole(params: Any, field: StarField, onto: StarField) -> Matrix:  # noqa: ANN401  # untyped
    """Turn what was found between blocks, whose centres are whole numbers, into positions."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    to_blocks = np.diag([1 / field.block_px[0], 1 / field.block_px[1], 1.0])
    from_blocks = np.diag([*onto.block_px, 1.0])
    return np.asarray(from_blocks @ half @ params @ np.linalg.inv(half) @ to_blocks)


def _is_sane(matrix: Matrix, field: StarField, onto: StarField) -> bool:
    """Tell whether cameras on one field could lie like this: alike in scale, and overlapping."""
    scale = math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    x, y = (np.linalg.inv(matrix) @ [onto.size_px[0] / 2, onto.size_px[1] / 2, 1])[:2]
    overlaps = 0 <= x <= field.size_px[0] and 0 <= y <= field.size_px[1]
    return bool(1 / LARGEST_SCALE <= scale <= LARGEST_SCALE and overlaps)
