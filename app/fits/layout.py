"""Where the HDUs of a plain file stand, and their raw cards, for copying them byte for byte."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from app.fits.blocks import BLOCK_BYTES, CARD_BYTES

MAX_AXES = 9
STORED_TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
"""BITPIX -> numpy type as stored (FITS standard 4.0, 4.4.1.1)."""

_END = b"END".ljust(CARD_BYTES)


@dataclass(frozen=True, slots=True)
class PlainImage:
    """The pixels of an uncompressed image: BITPIX, and axes in array order ``(..., ny, nx)``."""

    bitpix: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One HDU in a file.

    Attributes
    ----------
    header_at, data_at, end_at
        Offsets of its header, of its data and of what follows [byte].
    image
        None for everything else than an uncompressed image with data.
    groups
        Whether it holds random groups (FITS standard 4.0, section 6).
    """

    header_at: int
    data_at: int
    end_at: int
    image: PlainImage | None
    groups: bool

    @property
    def data_bytes(self) -> int:
        """Size of the pixels of an image without padding [byte]."""
        if self.image is None:
            return 0
        return math.prod(self.image.shape) * abs(self.image.bitpix) // 8


def units_of(path: Path) -> list[Unit]:
    """List the HDUs of a plain file; compressed images count as the tables that they are.

    Parameters
    ----------
    path
        The file, not wrapped.

    Returns
    -------
    list of Unit
        As far as astropy can follow; the last one ends where the file does if it is sound.
    """
    with fits.open(path, disable_image_compression=True) as hdus:
        return [_unit(hdu) for hdu in hdus]


def _unit(hdu: Any) -> Unit:  # noqa: ANN401  # any HDU of astropy
    place = hdu.fileinfo()
    return Unit(
        header_at=place["hdrLoc"],
        data_at=place["datLoc"],
        end_at=place["datLoc"] + place["datSpan"],
        image=PlainImage(hdu.header["BITPIX"], tuple(hdu.shape)) if _is_plain(hdu) else None,
        groups=isinstance(hdu, fits.GroupsHDU),
    )


def _is_plain(hdu: Any) -> bool:  # noqa: ANN401  # any HDU of astropy
    if not isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU) or isinstance(hdu, fits.GroupsHDU):
        return False
    header = hdu.header
    return (
        header["BITPIX"] in STORED_TYPES
        and 0 < len(hdu.shape) <= MAX_AXES
        and math.prod(hdu.shape) > 0
        and (header.get("PCOUNT", 0), header.get("GCOUNT", 1)) == (0, 1)
    )


def stored_pixels(path: Path, image: PlainImage, data_at: int) -> NDArray[Any]:
    """Map the pixels of an uncompressed image as they are stored, not scaled.

    Parameters
    ----------
    path
        The file.
    image
        What is stored there.
    data_at
        Where [byte].

    Returns
    -------
    ndarray
        Big-endian, in the image's shape, read from the file where it is touched.
    """
    stored_type = np.dtype(STORED_TYPES[image.bitpix])
    return np.memmap(path, stored_type, mode="r", offset=data_at, shape=image.shape)


def raw_cards(path: Path, unit: Unit) -> list[bytes]:
    """Read the card images of an HDU.

    Parameters
    ----------
    path
        The file.
    unit
        The HDU.

    Returns
    -------
    list of bytes
        80 bytes each, without END and padding.
    """
    with path.open("rb") as file:
        file.seek(unit.header_at)
        header = file.read(unit.data_at - unit.header_at)
    return list(_until_end(header))


def _until_end(header: bytes) -> Iterator[bytes]:
    for start in range(0, len(header), CARD_BYTES):
        card = header[start : start + CARD_BYTES]
        if card == _END:
            return
        yield card


def header_bytes(cards: list[bytes]) -> bytes:
    """Lay out a header.

    Parameters
    ----------
    cards
        80 bytes each, without END.

    Returns
    -------
    bytes
        With END, padded with blanks to whole blocks.
    """
    text = b"".join([*cards, _END])
    return text.ljust(math.ceil(len(text) / BLOCK_BYTES) * BLOCK_BYTES)
