"""Tile-compressed images → plain ones: the way back from `app.fits.pack`, and what funpack does.

Source: FITS standard 4.0, section 10.1. The cards of an image are carried over byte for byte under
their own names, so that a losslessly packed file comes back as it was.
"""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from astropy.io import fits

from app.core.errors import TooLargeError
from app.fits.blocks import BLOCK_BYTES, CARD_BYTES
from app.fits.decoding import LIBRARY_ERRORS, MAX_COPY_BYTES, brief, plain_file, quiet
from app.fits.errors import UnreadableError
from app.fits.layout import STORED_TYPES, Unit, header_bytes, raw_cards, units_of
from app.fits.unpacked import AXIS, OF_THE_TABLE, RENAMED, TABLE_NAME

_SLAB_PX: Final = 4 << 20
_COPY_BYTES: Final = 1 << 20
_ZSIMPLE: Final = b"ZSIMPLE "
_ZIMAGE: Final = re.compile(rb"ZIMAGE  = +T")
_TABLE_NAMED: Final = re.compile(rb"EXTNAME = *'" + TABLE_NAME.encode())
_FIRST: Final = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS")
_OF_AN_EXTENSION: Final = {
    "XTENSION": b"XTENSION= 'IMAGE   '           / Image extension",
    "PCOUNT": b"PCOUNT  =                    0 / number of parameters",
    "GCOUNT": b"GCOUNT  =                    1 / number of groups",
}


def unpack(source: Path, target: Path, *, scratch: Path | None = None) -> None:
    """Write a file with every image plain.

    An empty primary HDU in front of an image that was primary once is left out; everything but
    compressed images is copied byte for byte.

    Parameters
    ----------
    source
        The FITS file, also gzipped or bzipped.
    target
        The new file, replaced if it is there.
    scratch
        Folder for a decompressed copy. None: the system's.

    Raises
    ------
    NotFitsError
        If it is not FITS.
    TooLargeError
        If an image would grow larger than anybody unpacks.
    UnreadableError
        If an image cannot be decompressed.
    """  # opening raises the first
    with plain_file(source, scratch) as plain, quiet():
        try:
            with target.open("wb") as written:
                _write(plain, written)
        except LIBRARY_ERRORS as error:
            raise UnreadableError(f"the file cannot be unpacked: {brief(error)}") from error


def _write(plain: Path, written: IO[bytes]) -> None:
    units = units_of(plain)
    cards = [raw_cards(plain, unit) for unit in units]
    with plain.open("rb") as file, fits.open(plain, do_not_scale_image_data=True) as hdus:
        for index, unit in enumerate(units):
            if index == 0 and _only_stands_before(unit, cards[1:2]):
                continue
            if any(map(_ZIMAGE.match, cards[index])):
                _write_image(hdus[index], cards[index], written)
            else:
                _copy(file, unit, written)


def _only_stands_before(primary: Unit, following: list[list[bytes]]) -> bool:
    """Tell whether the primary HDU was made only because compressed images are extensions."""
    was_primary = any(
        any(map(_ZIMAGE.match, cards)) and any(card.startswith(_ZSIMPLE) for card in cards)
        for cards in following
    )
    return primary.data_at == primary.end_at and was_primary


def _write_image(hdu: Any, cards: list[bytes], written: IO[bytes]) -> None:  # noqa: ANN401  # astropy's image
    """Write an image as it was before it was compressed.

    Raises
    ------
    TooLargeError
        If it is larger than `MAX_COPY_BYTES`: tiles that are all the same take no room.
    """
    stored = np.dtype(STORED_TYPES[hdu.header["BITPIX"]])
    shape = tuple(hdu.shape)
    size_bytes = math.prod(shape) * stored.itemsize if shape else 0
    if size_bytes > MAX_COPY_BYTES:
        raise TooLargeError(
            f"an image is {size_bytes} bytes when unpacked; at most {MAX_COPY_BYTES} are written"
        )
    written.write(header_bytes(image_cards(cards)))
    step = max(1, _SLAB_PX // math.prod(shape[1:])) if shape else 1
    for start in range(0, shape[0] if shape else 0, step):
        pixels = np.asarray(hdu.section[start : start + step])
        written.write(pixels.astype(stored, copy=False).tobytes())
    written.write(bytes(-size_bytes % BLOCK_BYTES))


def image_cards(cards: Iterable[bytes]) -> list[bytes]:
    """Turn the card images of the table around a compressed image into those of the image.

    Parameters
    ----------
    cards
        80 bytes each, without END.

    Returns
    -------
    list of bytes
        Mandatory keywords first, in the order of the standard; all others as they stood.
    """
    stored = list(cards)
    kept = [card for card in map(_image_card, stored) if card is not None]
    if any(card.startswith(_ZSIMPLE) for card in stored):
        return sorted(kept, key=_place)
    there = {_keyword(card) for card in kept}
    added = [
        card.ljust(CARD_BYTES) for keyword, card in _OF_AN_EXTENSION.items() if keyword not in there
    ]
    return sorted([*kept, *added], key=lambda card: _place(card, (*_OF_AN_EXTENSION,)))


def _image_card(card: bytes) -> bytes | None:
    """Give the card under the image's name; None for what describes the table."""
    keyword = _keyword(card)
    if keyword in RENAMED:
        return RENAMED[keyword].encode().ljust(8) + card[8:]
    if axis := AXIS.fullmatch(keyword):
        return f"NAXIS{int(axis[1])}".encode().ljust(8) + card[8:]
    if OF_THE_TABLE.fullmatch(keyword) or _TABLE_NAMED.match(card):
        return None
    return card


def _keyword(card: bytes) -> str:
    return card[:8].decode("latin-1").rstrip()


def _place(card: bytes, behind: tuple[str, ...] = ()) -> tuple[int, int]:
    """Rank the mandatory keywords; ``behind`` those that follow the axes."""
    keyword = _keyword(card)
    if keyword in _FIRST and not (behind and keyword == "SIMPLE"):
        return _FIRST.index(keyword), 0
    axis = keyword.removeprefix("NAXIS")
    if axis != keyword and axis.isdigit():
        return len(_FIRST), int(axis)
    if keyword in behind:
        return len(_FIRST) + 1, behind.index(keyword)
    return len(_FIRST) + 2, 0


def _copy(file: IO[bytes], unit: Unit, written: IO[bytes]) -> None:
    file.seek(unit.header_at)
    left_bytes = unit.end_at - unit.header_at
    while left_bytes > 0:
        chunk = file.read(min(left_bytes, _COPY_BYTES))
        if not chunk:
            raise EOFError("the file ends inside an HDU")
        written.write(chunk)
        left_bytes -= len(chunk)
