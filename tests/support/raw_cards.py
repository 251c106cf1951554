"""FITS files byte by byte, for headers that no library would write."""

from collections.abc import Iterable
from pathlib import Path

BLOCK_BYTES = 2880
CARD_BYTES = 80

SIMPLE = "SIMPLE  =                    T"
NO_DATA = (SIMPLE, "BITPIX  =                    8", "NAXIS   =                    0")


def image(card: str | bytes) -> bytes:
    """Fill a card up to 80 bytes."""
    data = card if isinstance(card, bytes) else card.encode("utf-8")
    assert len(data) <= CARD_BYTES, data
    return data.ljust(CARD_BYTES)


def padded(data: bytes, fill: bytes = b"\0") -> bytes:
    """Fill up to whole blocks."""
    return data + fill * (-len(data) % BLOCK_BYTES)


def raw_header(cards: Iterable[str | bytes], *, end: bool = True) -> bytes:
    """Join cards to header blocks."""
    images = [*map(image, cards), *([image("END")] if end else [])]
    return padded(b"".join(images), b" ")


def header_only(*cards: str | bytes) -> bytes:
    """Make a file without data whose primary header holds these cards, too."""
    return raw_header([*NO_DATA, *cards])


def array_hdu(
    *cards: str | bytes, shape: tuple[int, ...] = (4, 3), extension: str = "", end: bool = True
) -> bytes:
    """Make an image HDU of bytes, primary or extension."""
    first = f"XTENSION= '{extension:8}'" if extension else SIMPLE
    axes = [f"NAXIS{i}  = {length}" for i, length in enumerate(shape, 1)]
    counts = ["PCOUNT  = 0", "GCOUNT  = 1"] if extension else []
    size = 1 if shape else 0
    for length in shape:
        size *= length
    header = raw_header(
        [first, "BITPIX  = 8", f"NAXIS   = {len(shape)}", *axes, *counts, *cards], end=end
    )
    return header + padded(b"\x81" * size)


def write(path: Path, data: bytes) -> Path:
    """Write and return the path."""
    path.write_bytes(data)
    return path
