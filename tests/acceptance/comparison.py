"""Compare two FITS files as astropy sees them: pixels bit for bit, and cards."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

_STRUCTURE = frozenset(
    {
        "SIMPLE", "XTENSION", "EXTEND", "PCOUNT", "GCOUNT", "CHECKSUM", "DATASUM", "ZHECKSUM",
        "ZDATASUM", "ZBLANK", "NEXTEND", "GROUPS", "INHERIT",
    }
)  # fmt: skip
"""Cards that say how a file is laid out, not what was observed; FITS 4.0, section 10.1.2."""


def differences(original: Path, stored: Path) -> list[str]:
    """List what differs; a primary image that was packed stands in the first extension."""
    if original.read_bytes() == stored.read_bytes():
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(original) as first, fits.open(stored) as second:
            ours = list(second)
            if len(ours) == len(first) + 1:
                ours = ours[1:]
            if len(ours) != len(first):
                return [f"{len(first)} HDUs became {len(ours)}"]
            return [
                difference
                for number, (a, b) in enumerate(zip(first, ours, strict=True))
                for difference in _hdu(number, a, b)
            ]


def _hdu(number: int, a: Any, b: Any) -> list[str]:  # noqa: ANN401  # astropy has no types
    found = []
    cards, others = _cards(a.header), _cards(b.header)
    if sorted(cards) != sorted(others):
        found.append(f"HDU {number}: cards {set(cards) ^ set(others)}")
    if _in_order(cards) != _in_order(others):
        found.append(f"HDU {number}: cards in another order")
    if (a.data is None) != (b.data is None):
        found.append(f"HDU {number}: data appeared or vanished")
    elif a.data is not None and not _same(np.asarray(a.data), np.asarray(b.data)):
        found.append(f"HDU {number}: data differ")
    return found


def _cards(header: Any) -> list[tuple[str, str]]:  # noqa: ANN401  # astropy has no types
    return [
        (card.keyword, repr(card.value))
        for card in header.cards
        if card.keyword and card.keyword not in _STRUCTURE and not _scales_nothing(card)
    ]


def _scales_nothing(card: Any) -> bool:  # noqa: ANN401  # astropy has no types
    """Leave out BSCALE 1 and BZERO 0, which the packed file holds and astropy does not show."""
    return (card.keyword, card.value) in {("BSCALE", 1), ("BZERO", 0)}


def _in_order(cards: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out scaling and axes, which astropy shows in places of its own for packed images."""
    return [card for card in cards if card[0] not in {"BSCALE", "BZERO"} and "NAXIS" not in card[0]]


def _same(a: Any, b: Any) -> bool:  # noqa: ANN401  # arrays of any type
    if a.shape != b.shape or a.dtype.newbyteorder("=") != b.dtype.newbyteorder("="):
        return False
    plain = a.dtype.newbyteorder("=")
    return bool(a.astype(plain).tobytes() == b.astype(plain).tobytes())
