"""One header: what its HDU holds, and how large its data are."""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from app.fits.errors import UnreadableError
from app.fits.models import Hdu, HduKind, HeaderCard
from app.fits.repairs import Repairs, quoted

BITPIX_VALUES = (8, 16, 32, 64, -32, -64)
MAX_AXES = 999
"""FITS standard 4.0, section 4.4.1."""

TABLE_TYPES = frozenset({"BINTABLE", "A3DTABLE", "TABLE"})
REPEATABLE = frozenset({"COMMENT", "HISTORY", "CONTINUE", "", "HIERARCH", "ESO-LOG"})
"""Keywords that hold text, line after line."""

RECORD_VALUE = re.compile(r"[A-Za-z_][\w.]*: *[-+.\dEeDd]+ *")
"""`DP1 = 'AXIS.1: 2'` (FITS WCS paper IV): one keyword, many records, no duplicate."""

Header = Mapping[str, HeaderCard]


@dataclass(frozen=True, slots=True)
class Structure:
    """What the mandatory keywords say.

    Attributes
    ----------
    bitpix
        BITPIX.
    shape
        NAXISn, first axis first.
    data_bytes
        Size of the data without padding [byte]; may be a lie.
    """

    bitpix: int
    shape: tuple[int, ...]
    data_bytes: int


def index_cards(cards: Iterable[HeaderCard]) -> dict[str, HeaderCard]:
    """Index cards by keyword; of duplicates the first counts, as in astropy.

    Parameters
    ----------
    cards
        In order.

    Returns
    -------
    dict
        Keyword to card.
    """
    header: dict[str, HeaderCard] = {}
    for card in cards:
        header.setdefault(card.keyword, card)
    return header


def first_with_all(hdus: Iterable[Hdu], keywords: Collection[str]) -> Hdu | None:
    """Find the first HDU whose header has all of some keywords, whatever their values are.

    Parameters
    ----------
    hdus
        In the order of the file.
    keywords
        Upper case.

    Returns
    -------
    Hdu or None
        None if there is none.
    """
    wanted = frozenset(keywords)
    return next((hdu for hdu in hdus if wanted <= {card.keyword for card in hdu.cards}), None)


def note_duplicates(cards: Iterable[HeaderCard], hdu_index: int, repairs: Repairs) -> None:
    """Say which keywords contradict themselves.

    Parameters
    ----------
    cards
        Of one header.
    hdu_index
        For the sentences.
    repairs
        Takes one sentence for each keyword that has several different values.
    """
    first: dict[str, HeaderCard] = {}
    for card in cards:
        if card.keyword in REPEATABLE or RECORD_VALUE.fullmatch(str(card.value)):
            continue
        if first.setdefault(card.keyword, card).value != card.value:
            repairs.add(
                f"HDU {hdu_index}: {card.keyword} is given more than once with different values;"
                f" the first, {quoted(first[card.keyword].value)}, was used"
            )


def structure_of(header: Header, hdu_index: int) -> Structure:
    """Read the mandatory keywords (FITS standard 4.0, section 4.4.1).

    Parameters
    ----------
    header
        As stored: of a compressed image that of the table around it.
    hdu_index
        For the message.

    Returns
    -------
    Structure
        Type, axes and size of the data.

    Raises
    ------
    UnreadableError
        If a mandatory keyword is missing or has an impossible value.
    """
    bitpix = _integer(header, "BITPIX", None, hdu_index)
    if bitpix not in BITPIX_VALUES:
        _reject(hdu_index, "BITPIX", bitpix, f"one of {', '.join(map(str, BITPIX_VALUES))}")
    shape = _axes(header, "NAXIS", hdu_index)
    counted = shape[1:] if _is_groups(header, shape) else shape
    pixels = math.prod(counted) if counted else 0
    heap = max(0, _integer(header, "PCOUNT", 0, hdu_index))
    groups = max(0, _integer(header, "GCOUNT", 1, hdu_index))
    return Structure(bitpix, shape, abs(bitpix) // 8 * groups * (heap + pixels))


def kind_of(header: Header, shape: tuple[int, ...]) -> HduKind:
    """Tell what an HDU holds.

    Parameters
    ----------
    header
        As stored.
    shape
        Its axes.

    Returns
    -------
    HduKind
        `EMPTY` for images without pixels; `OTHER` for extension types that are not in the standard.
    """
    extension = text_of(header, "XTENSION").upper()
    if extension in TABLE_TYPES:
        return HduKind.COMPRESSED_IMAGE if is_true(header, "ZIMAGE") else HduKind.TABLE
    if _is_groups(header, shape):
        return HduKind.GROUPS
    if extension not in {"", "IMAGE", "IUEIMAGE"}:
        return HduKind.OTHER
    return HduKind.IMAGE if shape and all(shape) else HduKind.EMPTY


def is_true(header: Header, keyword: str) -> bool:
    """Whether a logical keyword is T.

    Parameters
    ----------
    header
        Where to look.
    keyword
        Which one.

    Returns
    -------
    bool
        False also where it is missing.
    """
    card = header.get(keyword)
    return card is not None and card.value is True


def text_of(header: Header, keyword: str) -> str:
    """Return the text of a keyword.

    Parameters
    ----------
    header
        Where to look.
    keyword
        Which one.

    Returns
    -------
    str
        Trimmed; empty where it is missing or not text.
    """
    card = header.get(keyword)
    return card.value.strip() if card is not None and isinstance(card.value, str) else ""


def image_structure(header: Header, hdu_index: int) -> tuple[int, tuple[int, ...]]:
    """Return type and axes of the image inside a compressed one (section 10.1).

    Parameters
    ----------
    header
        Of the table around it.
    hdu_index
        For the message.

    Returns
    -------
    tuple
        ZBITPIX, and ZNAXISn with the first axis first.

    Raises
    ------
    UnreadableError
        If one of them is missing or impossible.
    """
    bitpix = _integer(header, "ZBITPIX", None, hdu_index)
    if bitpix not in BITPIX_VALUES:
        _reject(hdu_index, "ZBITPIX", bitpix, "one of " + ", ".join(map(str, BITPIX_VALUES)))
    return bitpix, _axes(header, "ZNAXIS", hdu_index)


def _is_groups(header: Header, shape: tuple[int, ...]) -> bool:
    return is_true(header, "GROUPS") and len(shape) > 1 and shape[0] == 0


def _axes(header: Header, keyword: str, hdu_index: int) -> tuple[int, ...]:
    count = _integer(header, keyword, None, hdu_index)
    if not 0 <= count <= MAX_AXES:
        _reject(hdu_index, keyword, count, f"0 to {MAX_AXES}")
    names = [f"{keyword}{axis}" for axis in range(1, count + 1)]
    shape = tuple(_integer(header, name, None, hdu_index) for name in names)
    for name, length in zip(names, shape, strict=True):
        if length < 0:
            _reject(hdu_index, name, length, "0 or more")
    return shape


def _integer(header: Header, keyword: str, default: int | None, hdu_index: int) -> int:
    card = header.get(keyword)
    if card is None:
        if default is None:
            raise UnreadableError(
                f"HDU {hdu_index}: {keyword} is missing, without which no data can be found"
            )
        return default
    try:
        return int(str(card.value)) if not isinstance(card.value, float) else int(card.value)
    except ValueError:
        _reject(hdu_index, keyword, card.value, "a whole number")


def _reject(hdu_index: int, keyword: str, value: object, allowed: str) -> NoReturn:
    raise UnreadableError(f"HDU {hdu_index}: {keyword} is {quoted(value)}, it must be {allowed}")
