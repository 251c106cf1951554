"""Pixels for pictures and checks: one plane of an image, decimated while it is read.

astropy and cfitsio each read files that the other refuses, so that each stands in for the other.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fitsio
import numpy as np
from astropy.io import fits
from numpy.typing import DTypeLike, NDArray

from app.core.errors import TooLargeError
from app.fits.decoding import LIBRARY_ERRORS, brief, plain_file, quiet
from app.fits.errors import UnreadableError
from app.fits.layout import STORED_TYPES
from app.fits.results import NoImageError

Pixels = NDArray[Any]
"""Pixel values, floats or, while they are read, as stored."""

MAX_SIDE_PX = 4096
"""No plane is longer than this on a side, lines excepted [pixel]."""
MAX_LINE_PX = 1024**2
"""How many values of a one-dimensional image are read at most [pixel]."""
MAX_AVERAGED_PX = 64 * 1024**2
"""Larger planes are sampled instead of averaged [pixel]."""
TRIMMED_TO = "TRIMSEC"
"""The card that says which part of the image holds the sky, as IRAF wrote it."""
MAX_DECODED_PX = 2**28
"""The largest tile, or plane of the slow path, that is decompressed at once [pixel]."""

_REFUSALS: tuple[type[Exception], ...] = (*LIBRARY_ERRORS, NoImageError, UnreadableError)
"""Reasons to try the other library."""
_UNNAMED = "COMPRESSED_IMAGE"
"""What astropy and fpack call compressed images without EXTNAME."""
_KEPT_ROWS = 8
_SECTION = re.compile(
    r"\[\s*(\d{1,9})\s*:\s*(\d{1,9})\s*,\s*(\d{1,9})\s*:\s*(\d{1,9})\s*\]", re.ASCII
)
_SLAB_PX = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of an image, scaled and decimated.

    Attributes
    ----------
    pixels
        ``(ny, nx)``, row 0 is the bottom of the image; BSCALE and BZERO applied; BLANK, NaN and
        infinities are NaN. Of a line ``(1, n)``.
    full_width_px, full_height_px
        Size of the plane before decimation [pixel].
    line
        True for a one-dimensional image such as a spectrum: to be plotted, not to be shown.
    hdu_index
        Index of the HDU that it was read from; 0 is the primary.
    """

    pixels: Pixels
    full_width_px: int
    full_height_px: int
    line: bool
    hdu_index: int


@dataclass(frozen=True, slots=True)
class _Image:
    """An image HDU that could be read; ``shape`` is in array order ``(..., ny, nx)`` [pixel]."""

    index: int
    name: str
    shape: tuple[int, ...]

    @property
    def width_px(self) -> int:
        return self.shape[-1]

    @property
    def height_px(self) -> int:
        return self.shape[-2] if len(self.shape) > 1 else 1

    @property
    def line(self) -> bool:
        return min(self.width_px, self.height_px) == 1 < max(self.width_px, self.height_px)

    def steps(self, width_px: int) -> tuple[int, int]:
        """Return how many rows and columns become one."""
        if self.line:
            step = math.ceil(max(self.width_px, self.height_px) / MAX_LINE_PX)
            return min(step, self.height_px), min(step, self.width_px)
        columns = max(1, self.width_px // width_px)
        # the rows of narrow strips are still told apart
        rows = min(columns, max(1, self.height_px // _KEPT_ROWS))
        return (
            max(rows, math.ceil(self.height_px / MAX_SIDE_PX)),
            max(columns, math.ceil(self.width_px / MAX_SIDE_PX)),
        )


def read_plane(
    path: Path,
    ext: int | str | None = None,
    *,
    width_px: int,
    scratch: Path | None = None,
    trimmed: bool = False,
) -> Plane:
    """Read one plane of an image.

    Parameters
    ----------
    path
        The file, also gzipped or bzipped.
    ext
        Index of the HDU (0 is the primary) or its EXTNAME. None: the science image, which is
        the image named SCI, else the first image with data.
    width_px
        The width is decimated to at least this and less than twice this, the height by the same
        factor but not below 8, and no side stays above `MAX_SIDE_PX` [pixel]; smaller images come
        as they are.
        Uncompressed images are averaged over blocks up to `MAX_AVERAGED_PX`, others are sampled,
        which skips most of the tiles. Lines keep up to `MAX_LINE_PX` values.
    scratch
        Folder for the decompressed copy of a gzipped file. None: the system's.
    trimmed
        Whether only the part inside TRIMSEC is wanted, where the image has that card.

    Returns
    -------
    Plane
        The first plane where the image has more than two axes.

    Raises
    ------
    NotFitsError
        If it is something else.
    NoImageError
        If there is no such image.
    TooLargeError
        If its headers ask for more memory than any picture needs.
    UnreadableError
        If neither library can read it.
    """  # the two readers raise them
    failures: list[Exception] = []
    with plain_file(path, scratch) as plain, quiet():
        for read in (_by_astropy, _by_cfitsio):
            try:
                image, plane, section = read(plain, ext, width_px)
                return _trimmed(image, plane, section, width_px) if trimmed else plane
            except _REFUSALS as error:
                failures.append(error)
    if all(isinstance(failure, NoImageError) for failure in failures):
        raise failures[0]
    reasons = "; ".join(brief(failure) for failure in failures)
    raise UnreadableError(f"the pixels cannot be read: {reasons}")


def _by_astropy(path: Path, ext: int | str | None, width_px: int) -> tuple[_Image, Plane, object]:
    with fits.open(path, ignore_missing_end=True) as hdus:
        image = _choose([_astropy_image(i, hdu) for i, hdu in enumerate(hdus)], ext)
        hdu = hdus[image.index]
        reader = _decompressed if isinstance(hdu, fits.CompImageHDU) else _uncompressed
        plane = _plane(image, reader(path, hdu, image, width_px))
        return image, plane, hdu.header.get(TRIMMED_TO)


def _by_cfitsio(path: Path, ext: int | str | None, width_px: int) -> tuple[_Image, Plane, object]:
    with fitsio.FITS(str(path)) as hdus:
        image = _choose([_cfitsio_image(i, hdu) for i, hdu in enumerate(hdus)], ext)
        section = hdus[image.index].read_header().get(TRIMMED_TO)
    _check_size(image.width_px * image.height_px)
    return image, _plane(image, _sampled(path, image, width_px)), section


def _astropy_image(index: int, hdu: Any) -> _Image | None:  # noqa: ANN401  # any HDU of astropy
    if not hdu.is_image or isinstance(hdu, fits.GroupsHDU):
        return None
    return _image_with_data(index, hdu.name, hdu.shape)


def _cfitsio_image(index: int, hdu: Any) -> _Image | None:  # noqa: ANN401  # any HDU of fitsio
    if hdu.get_exttype() != "IMAGE_HDU" or not hdu.get_info()["ndims"]:
        return None
    return _image_with_data(index, hdu.get_extname(), hdu.get_dims())


def _image_with_data(index: int, name: str, shape: Iterable[int]) -> _Image | None:
    sizes = tuple(int(size) for size in shape)
    named = "" if name.upper() == _UNNAMED else name.upper()
    return _Image(index, named, sizes) if sizes and math.prod(sizes) > 0 else None


def _choose(images: list[_Image | None], ext: int | str | None) -> _Image:
    found = [image for image in images if image is not None]
    if ext is None:
        wanted = [image for image in found if image.name == "SCI"] or found
    elif isinstance(ext, int):
        wanted = [image for image in found if image.index == ext]
    else:
        wanted = [image for image in found if image.name == ext.upper()]
    if wanted:
        return wanted[0]
    if not found:
        asked = None if ext is None else "ext"
        raise NoImageError("the file holds no image, only headers or tables", field=asked)
    names = ", ".join(f"{image.index} {image.name}".strip() for image in found[:20])
    raise NoImageError(f"ext = {ext!r} is not an image of this file; images: {names}", field="ext")


def _check_size(size_px: int) -> None:
    if size_px > MAX_DECODED_PX:
        raise TooLargeError(
            f"the image declares {size_px} pixels in one piece; at most {MAX_DECODED_PX} are read"
        )


def _decompressed(path: Path, hdu: fits.CompImageHDU, image: _Image, width_px: int) -> Pixels:
    """Read a tile-compressed image: by cfitsio, which is faster, else by astropy."""
    _check_size(math.prod(hdu.tile_shape))
    try:
        return _sampled(path, image, width_px)
    except LIBRARY_ERRORS:
        _check_size(image.width_px * image.height_px)
        return np.asarray(hdu.section[_first_plane(image, width_px)])


def _sampled(path: Path, image: _Image, width_px: int) -> Pixels:
    with fitsio.FITS(str(path)) as hdus:
        hdu = hdus[image.index]
        pixels = hdu[_first_plane(image, width_px)]
        header = hdu.read_header()
    if pixels.dtype.kind == "f" or header.get("BLANK") is None:
        return np.asarray(pixels)
    blank = int(header["BLANK"]) * header.get("BSCALE", 1) + header.get("BZERO", 0)
    return np.where(pixels == blank, np.nan, pixels)


def _first_plane(image: _Image, width_px: int) -> tuple[slice, ...]:
    steps = image.steps(width_px)[-len(image.shape) :]
    last = zip(image.shape[-2:], steps, strict=True)
    sampled = [slice(0, size // step * step, step) for size, step in last]
    return (*[slice(0, 1)] * (len(image.shape) - 2), *sampled)


def _uncompressed(path: Path, hdu: fits.ImageHDU, image: _Image, width_px: int) -> Pixels:
    # through a memory map; rows that the file lacks are NaN
    header, offset = hdu.header, hdu.fileinfo()["datLoc"]
    if header["BITPIX"] not in STORED_TYPES:
        raise UnreadableError(f"BITPIX = {header['BITPIX']} is not one of {list(STORED_TYPES)}")
    stored_type = np.dtype(STORED_TYPES[header["BITPIX"]])
    row_bytes = image.width_px * stored_type.itemsize
    rows = min(image.height_px, (path.stat().st_size - offset) // row_bytes)
    if rows < 1:
        raise UnreadableError("the file ends before the first row of the image")
    shape = (rows, image.width_px)
    stored = np.memmap(path, stored_type, mode="r", offset=offset, shape=shape)
    blank = header.get("BLANK") if stored_type.kind in "iu" else None
    steps = image.steps(width_px)
    values = _decimated(stored, steps, blank)
    pixels = np.full((image.height_px // steps[0], values.shape[1]), np.nan, values.dtype)
    pixels[: len(values)] = values
    pixels *= float(header.get("BSCALE", 1))
    pixels += float(header.get("BZERO", 0))
    return pixels


def _decimated(stored: NDArray[Any], steps: tuple[int, int], blank: int | None) -> Pixels:
    """Average blocks of ``steps`` rows and columns, or sample where that would take too long."""
    small = stored.dtype.itemsize <= 2 or stored.dtype == ">f4"
    wanted = np.float32 if small else np.float64
    rows, columns = stored.shape[0] // steps[0], stored.shape[1] // steps[1]
    used = stored[: rows * steps[0], : columns * steps[1]]
    if steps == (1, 1) or stored.size > MAX_AVERAGED_PX:
        return _floats(used[:: steps[0], :: steps[1]], blank, wanted)
    slab_rows = max(1, _SLAB_PX // (steps[0] * stored.shape[1]))
    means = np.empty((rows, columns), wanted)
    for first in range(0, rows, slab_rows):
        slab = used[first * steps[0] : (first + slab_rows) * steps[0]]
        means[first : first + slab_rows] = _block_means(_floats(slab, blank, wanted), steps)
    return means


def _floats(stored: NDArray[Any], blank: int | None, wanted: DTypeLike) -> Pixels:
    values = stored.astype(wanted)
    if blank is not None:
        values[stored == blank] = np.nan
    return values


def _block_means(values: Pixels, steps: tuple[int, int]) -> Pixels:
    """Average blocks; pixels that are not finite do not count."""
    blocks = values.reshape(-1, steps[0], values.shape[1])
    good = np.isfinite(blocks)
    if good.all():
        return _block_sums(blocks, steps[1]) / (steps[0] * steps[1])
    counts = _block_sums(good.astype(np.float32), steps[1])
    sums = _block_sums(np.where(good, blocks, 0), steps[1])
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _block_sums(blocks: NDArray[Any], columns: int) -> Pixels:
    rows = blocks.sum(axis=1)
    return np.asarray(rows.reshape(len(rows), -1, columns).sum(axis=2))


def _plane(image: _Image, pixels: NDArray[Any]) -> Plane:
    floats = pixels if pixels.dtype.kind == "f" else pixels.astype(np.float64)
    native = floats.astype(floats.dtype.newbyteorder("="), copy=False)
    shape = (1, -1) if image.line else native.shape[-2:]
    plane = native.reshape(shape)
    plane[~np.isfinite(plane)] = np.nan
    return Plane(
        pixels=plane,
        full_width_px=image.width_px,
        full_height_px=image.height_px,
        line=image.line,
        hdu_index=image.index,
    )


def _trimmed(image: _Image, plane: Plane, section: object, width_px: int) -> Plane:
    """Cut a plane to a section ``[x1:x2,y1:y2]`` that counts from 1; what is none counts not.

    Only blocks of pixels that lie wholly inside stay.
    """
    match = _SECTION.fullmatch(section.strip()) if isinstance(section, str) else None
    if match is None or plane.line:
        return plane
    x1, x2, y1, y2 = map(int, match.groups())
    y_step, x_step = image.steps(width_px)
    rows = slice(-(-(max(y1, 1) - 1) // y_step), min(y2, image.height_px) // y_step)
    columns = slice(-(-(max(x1, 1) - 1) // x_step), min(x2, image.width_px) // x_step)
    pixels = plane.pixels[rows, columns]
    if not pixels.size:
        return plane
    return replace(
        plane,
        pixels=pixels,
        full_width_px=min(x2, image.width_px) - max(x1, 1) + 1,
        full_height_px=min(y2, image.height_px) - max(y1, 1) + 1,
    )
