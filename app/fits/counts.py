"""Refuses headers whose counts would keep a library busy for hours.

astropy asks a header for every axis and every column that it claims to have.
"""

import math
from typing import Final

from app.fits.blocks import BLOCK_BYTES, HeaderReader
from app.fits.cards import parse_cards
from app.fits.container import ByteSource
from app.fits.errors import UnreadableError
from app.fits.hdus import MAX_HDUS
from app.fits.header import MAX_AXES, Header, index_cards, is_true
from app.fits.models import HeaderCard
from app.fits.repairs import Repairs, quoted

COUNTS: Final = ("NAXIS", "ZNAXIS", "TFIELDS")
"""None may be larger than `MAX_AXES` (FITS standard 4.0, 4.4.1, 7.3.1 and 10.1)."""

_OF_THE_STRUCTURE: Final = (
    b"BITPIX",
    b"NAXIS",
    b"PCOUNT",
    b"GCOUNT",
    b"GROUPS",
    b"ZNAXIS ",
    b"TFIE",
)


def check_counts(source: ByteSource) -> None:
    """Look at the headers of a file before a library does.

    What is wrong in another way is left to the library, which may read it all the same.

    Parameters
    ----------
    source
        Stands at the first byte.

    Raises
    ------
    UnreadableError
        If a header claims more axes or columns than FITS allows.
    """
    reader = HeaderReader(source)
    for index in range(MAX_HDUS):
        raw = reader.read()
        if not raw.cards:
            return
        images = (image for image in raw.cards if image.upper().startswith(_OF_THE_STRUCTURE))
        cards = parse_cards(images, index, Repairs())
        # all of them: of duplicates astropy at times takes the last
        for card in cards:
            _check(card, index)
        size_bytes = _size_bytes(index_cards(cards))
        source.skip(size_bytes + -size_bytes % BLOCK_BYTES)


def _size_bytes(header: Header) -> int:
    """Return the size of the data as a library takes it that believes any number [byte]."""
    axes = [
        _number(header, f"NAXIS{axis}", 0) for axis in range(1, _number(header, "NAXIS", 0) + 1)
    ]
    counted = axes[1:] if is_true(header, "GROUPS") and axes[:1] == [0] else axes
    pixels = math.prod(counted) if counted else 0
    groups = _number(header, "GCOUNT", 1) * (_number(header, "PCOUNT", 0) + pixels)
    return max(0, abs(_number(header, "BITPIX", 8)) * groups // 8)


def _number(header: Header, keyword: str, default: int) -> int:
    card = header.get(keyword)
    return card.value if card is not None and isinstance(card.value, int) else default


def _check(card: HeaderCard, hdu_index: int) -> None:
    """Refuse a count above `MAX_AXES`.

    Raises
    ------
    UnreadableError
        If it is one.
    """
    if card.keyword not in COUNTS:
        return
    try:
        count = float(str(card.value))
    except ValueError:
        return
    if count > MAX_AXES:
        raise UnreadableError(
            f"HDU {hdu_index}: {card.keyword} is {quoted(card.value)}, it must be 0 to {MAX_AXES}"
        )
