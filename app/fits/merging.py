"""The header of a frame: the cards of its science HDU laid over those of the primary one."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.fits.models import HeaderValue

COMMENTARY: Final = frozenset({"", "COMMENT", "HISTORY"})
"""Keywords of text, line after line, and of no value (FITS standard 4.0, section 4.4.2.4)."""

OF_THE_DATA: Final = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|GROUPS|TFIELDS|THEAP"
    r"|EXT(?:NAME|VER|LEVEL)|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM",
    re.ASCII,
)
"""Keywords that describe the HDU they stand in, and no other (FITS standard 4.0, table C.1)."""

Card = tuple[str, Any, str]
"""Keyword, value, comment."""


def values_of(cards: Iterable[Card]) -> dict[str, HeaderValue]:
    """Index values by keyword, without commentary; of duplicate cards the first counts.

    Parameters
    ----------
    cards
        Of one HDU, in order.

    Returns
    -------
    dict
        None for undefined values.
    """
    values: dict[str, HeaderValue] = {}
    for keyword, value, _ in cards:
        if keyword not in COMMENTARY:
            values.setdefault(keyword, value)
    return values


def merged_values(
    cards_by_hdu: Mapping[int, Iterable[Card]], science_hdu: int | None
) -> dict[str, HeaderValue]:
    """Lay the science cards over the primary ones; those that describe the data are its own.

    Parameters
    ----------
    cards_by_hdu
        By index of the HDU; 0 is the primary one.
    science_hdu
        Index of the science HDU; None for none.

    Returns
    -------
    dict
        Values by keyword, None for undefined ones.
    """
    primary = values_of(cards_by_hdu.get(0, ()))
    if not science_hdu:
        return primary
    science = values_of(cards_by_hdu.get(science_hdu, ()))
    general = {key: value for key, value in primary.items() if not OF_THE_DATA.fullmatch(key)}
    return general | science
