"""Raw header blocks: 80-byte card images in blocks of 2880 bytes (FITS standard 4.0, 3.1)."""

import re
from dataclasses import dataclass, field

from app.fits.checksums import WordSum
from app.fits.container import ByteSource
from app.fits.errors import UnreadableError

BLOCK_BYTES = 2880
CARD_BYTES = 80

MAX_HEADER_BYTES = 64 << 20
"""All headers of one file together [byte]: 800,000 cards, a hundred times the largest seen."""

LEGAL_START = re.compile(rb"[A-Z0-9_-]{0,8} *(=.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RawHeader:
    """The card images of one header.

    Attributes
    ----------
    cards
        80 bytes each, without END and what follows it.
    has_end
        Whether there was an END card.
    cut_off
        Whether the file ends inside this header.
    word_sum
        Of all its blocks, for CHECKSUM.
    """

    cards: tuple[bytes, ...]
    has_end: bool
    cut_off: bool
    word_sum: int = field(default=0, compare=False)


class HeaderReader:
    """Reads header after header of one file, and never more than `MAX_HEADER_BYTES`.

    Parameters
    ----------
    source
        Stands at the beginning of a header.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._left_bytes = MAX_HEADER_BYTES

    def read(self) -> RawHeader:
        """Read one header; the source then stands at the data.

        Without an END card, the header ends where legal cards end: at the first block of which
        more than half are not legal.

        Returns
        -------
        RawHeader
            The card images.

        Raises
        ------
        UnreadableError
            If the headers are longer than `MAX_HEADER_BYTES`.
        """
        cards: list[bytes] = []
        words = WordSum()
        while True:
            block = self._block()
            images = [block[i : i + CARD_BYTES] for i in range(0, len(block), CARD_BYTES)]
            end = next((i for i, image in enumerate(images) if _is_end(image)), None)
            if end is not None:
                words.add(block)
                cards.extend(images[:end])
                return RawHeader(tuple(cards), has_end=True, cut_off=False, word_sum=words.value)
            first_data = _first_data(images)
            if first_data == 0:
                self._source.unread(block)
            else:
                words.add(block)
            cards.extend(images[:first_data])
            if first_data is not None or len(block) < BLOCK_BYTES:
                cut_off = first_data is None and bool(block)
                kept = _stripped(cards)
                return RawHeader(kept, has_end=False, cut_off=cut_off, word_sum=words.value)

    def _block(self) -> bytes:
        self._left_bytes -= BLOCK_BYTES
        if self._left_bytes < 0:
            raise UnreadableError(
                f"the headers are longer than {MAX_HEADER_BYTES >> 20} MiB, more than frames need"
            )
        return self._source.read(BLOCK_BYTES)


def _is_end(image: bytes) -> bool:
    """Whether this card ends the header; NUL instead of blanks is taken, too."""
    return image[:3].upper() == b"END" and not image[3:8].strip(b" \0")


def _first_data(images: list[bytes]) -> int | None:
    """Return the index of the first illegal card if most of the block is data, else None."""
    illegal = [i for i, image in enumerate(images) if not LEGAL_START.fullmatch(image[:8])]
    return illegal[0] if 2 * len(illegal) > len(images) else None


def _stripped(images: list[bytes]) -> tuple[bytes, ...]:
    """Drop blank cards at the end, and a card that is cut off."""
    kept = list(images)
    while kept and (len(kept[-1]) < CARD_BYTES or not kept[-1].strip(b" \0")):
        kept.pop()
    return tuple(kept)
