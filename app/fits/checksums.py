"""CHECKSUM and DATASUM: what a file says of its own bytes.

Source: FITS standard 4.0, section 4.4.2.7 and appendix J. The 32-bit ones' complement sum of an
HDU that has the right CHECKSUM is "negative zero", all bits set; DATASUM is the sum of the data
alone, written as a decimal number.
"""

from typing import Final

import numpy as np

from app.fits.header import Header
from app.fits.models import Checksums, ChecksumState

MAX_FLAWS: Final = 50
"""More than these nobody reads; the rest is counted."""

_WORD_BYTES: Final = 4
_NEGATIVE_ZERO: Final = 2**32 - 1


class WordSum:
    """The ones' complement sum of 32-bit words, most significant byte first, piece by piece."""

    def __init__(self) -> None:
        self._total = 0
        self._rest = b""

    def add(self, data: bytes) -> None:
        """Add bytes.

        Parameters
        ----------
        data
            What follows; need not end at a word.
        """
        data = self._rest + data if self._rest else data
        words = len(data) // _WORD_BYTES
        self._rest = data[words * _WORD_BYTES :]
        # 2**32 words of 2**32 fit into 64 bits, many more than a piece holds
        self._total += int(np.frombuffer(data, ">u4", words).sum(dtype=np.uint64))

    @property
    def value(self) -> int:
        """The sum so far; a word that is not complete is filled with zeros."""
        return folded(self._total + int.from_bytes(self._rest.ljust(_WORD_BYTES, b"\0"), "big"))


def folded(total: int) -> int:
    """Turn a plain sum of words into the ones' complement sum.

    Parameters
    ----------
    total
        Not negative.

    Returns
    -------
    int
        At most 32 bits: what overflows is added below.
    """
    while total > _NEGATIVE_ZERO:
        total = (total & _NEGATIVE_ZERO) + (total >> 32)
    return total


def is_stated(header: Header) -> bool:
    """Tell whether a header says a sum, so that the data have to be read.

    Parameters
    ----------
    header
        As stored.

    Returns
    -------
    bool
        False also where both keywords are blank, which leaves them undefined.
    """
    return bool(_text(header, "DATASUM") or _checksum(header))


class ChecksumCheck:
    """Collects what the HDUs of one file say of their bytes."""

    def __init__(self) -> None:
        self._has_any = False
        self._flaws: list[str] = []
        self._left_out = 0

    def compare(self, header: Header, hdu_index: int, header_sum: int, data_sum: int) -> None:
        """Compare the keywords of an HDU with its bytes.

        Parameters
        ----------
        header
            As stored: of a compressed image that of the table around it.
        hdu_index
            0 is the primary HDU.
        header_sum, data_sum
            Sum of the blocks of the header, and of the data with what fills their last block.
        """
        if not is_stated(header):
            return
        self._has_any = True
        stated = _text(header, "DATASUM")
        if stated and not _agrees(stated, data_sum):
            self._add(f"HDU {hdu_index}: DATASUM")
        if _checksum(header) and folded(header_sum + data_sum) != _NEGATIVE_ZERO:
            self._add(f"HDU {hdu_index}: CHECKSUM")

    def outcome(self) -> Checksums:
        """Sum up.

        Returns
        -------
        Checksums
            Of the file; at most `MAX_FLAWS` flaws, and one more that counts the rest.
        """
        if not self._has_any:
            return Checksums()
        if not self._flaws:
            return Checksums(ChecksumState.VALID)
        more = (f"… and {self._left_out} more",) if self._left_out else ()
        return Checksums(ChecksumState.INVALID, (*self._flaws, *more))

    def _add(self, flaw: str) -> None:
        if len(self._flaws) < MAX_FLAWS:
            self._flaws.append(flaw)
        else:
            self._left_out += 1


def _text(header: Header, keyword: str) -> str:
    """Return the value, also where somebody wrote a number without quotes; empty for none."""
    card = header.get(keyword)
    return "" if card is None or card.value is None else str(card.value).strip()


def _checksum(header: Header) -> str:
    """Return CHECKSUM; empty where it is the zeros that stand there before it is computed."""
    return _text(header, "CHECKSUM").strip("0")


def _agrees(stated: str, data_sum: int) -> bool:
    """Whether DATASUM is a sum; what is no number is wrong."""
    return stated.isascii() and stated.isdecimal() and int(stated[-20:]) == data_sum
