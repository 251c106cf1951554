"""The header of a tile-compressed image as the image itself would have it.

Source: FITS standard 4.0, section 10.1: which keywords describe the table around the image, and
under which names those of the image are kept meanwhile.
"""

import re
from collections.abc import Iterable

from app.fits.models import HeaderCard

RENAMED = {
    "ZSIMPLE": "SIMPLE",
    "ZTENSION": "XTENSION",
    "ZEXTEND": "EXTEND",
    "ZBLOCKED": "BLOCKED",
    "ZBITPIX": "BITPIX",
    "ZNAXIS": "NAXIS",
    "ZPCOUNT": "PCOUNT",
    "ZGCOUNT": "GCOUNT",
    "ZHECKSUM": "CHECKSUM",
    "ZDATASUM": "DATASUM",
}
AXIS = re.compile(r"ZNAXIS(\d{1,3})")

OF_THE_TABLE = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|CHECKSUM|DATASUM"
    r"|(?:TTYPE|TFORM|TUNIT|TNULL|TSCAL|TZERO|TDISP|TDIM|ZTILE|ZNAME|ZVAL)\d+"
    r"|ZIMAGE|ZCMPTYPE|ZMASKCMP|ZQUANTIZ|ZDITHER0|ZSCALE|ZZERO|ZBLANK"
)
TABLE_NAME = "COMPRESSED_IMAGE"
"""The EXTNAME that fpack gives to tables around images that had none."""

FIRST = re.compile(r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT")
FIRST_OF_EXTENSION = re.compile(r"XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT")
"""A SIMPLE card in an extension was copied from a primary header, and says nothing."""

OF_AN_EXTENSION = (
    HeaderCard("XTENSION", "IMAGE", "Image extension"),
    HeaderCard("PCOUNT", 0, "number of parameters"),
    HeaderCard("GCOUNT", 1, "number of groups"),
)
"""Mandatory in an image extension, and not always kept by what compressed it."""

ORDER = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS")


def image_cards(cards: Iterable[HeaderCard]) -> tuple[HeaderCard, ...]:
    """Turn the cards of the table around a compressed image into those of the image.

    Parameters
    ----------
    cards
        As stored.

    Returns
    -------
    tuple of HeaderCard
        Mandatory keywords first, in the order of the standard; all others as they stood. With
        neither ZSIMPLE nor ZTENSION the image counts as an extension.
    """
    stored = list(cards)
    kept = [card for card in map(_image_card, stored) if card is not None]
    is_first = FIRST if any(card.keyword == "ZSIMPLE" for card in stored) else FIRST_OF_EXTENSION
    first = [card for card in kept if is_first.fullmatch(card.keyword)]
    there = {card.keyword for card in first}
    if is_first is FIRST_OF_EXTENSION:
        first += [card for card in OF_AN_EXTENSION if card.keyword not in there]
    rest = [card for card in kept if not is_first.fullmatch(card.keyword)]
    return (*sorted(first, key=_place), *rest)


def _image_card(card: HeaderCard) -> HeaderCard | None:
    """Return the card under the image's name; None for what describes the table."""
    if card.keyword in RENAMED:
        return HeaderCard(RENAMED[card.keyword], card.value, card.comment)
    if axis := AXIS.fullmatch(card.keyword):
        return HeaderCard(f"NAXIS{int(axis[1])}", card.value, card.comment)
    if OF_THE_TABLE.fullmatch(card.keyword):
        return None
    return None if card.keyword == "EXTNAME" and card.value == TABLE_NAME else card


def _place(card: HeaderCard) -> tuple[int, int]:
    if card.keyword in ORDER:
        return ORDER.index(card.keyword), 0
    axis = card.keyword.removeprefix("NAXIS")
    return len(ORDER), int(axis) if axis.isdigit() else len(RENAMED) * 1000
