"""Conditions on header cards, as the services speak of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_TEXT: Final = 200
"""How much of a text is compared [character]; an index entry must fit into a third of a page."""


class HeaderTest(StrEnum):
    """How the value of a card is compared."""

    EQUAL = "exact"
    NOT_EQUAL = "ne"
    LESS = "lt"
    LESS_OR_EQUAL = "lte"
    GREATER = "gt"
    GREATER_OR_EQUAL = "gte"
    RANGE = "range"
    IN = "in"
    CONTAINS = "contains"
    CONTAINS_ANY_CASE = "icontains"
    STARTS_WITH = "startswith"
    IS_NULL = "isnull"


@dataclass(frozen=True, slots=True)
class Operand:
    """What a card is compared with: each reading only with cards of its own type.

    Attributes
    ----------
    text
        As sent.
    number
        The text as a number; None where it is none.
    flag
        The text as a logical value; None where it is none.
    """

    text: str
    number: float | None = None
    flag: bool | None = None


@dataclass(frozen=True, slots=True)
class HeaderFilter:
    """A condition on one card of the header of the newest version, science over primary HDU.

    Attributes
    ----------
    keyword
        Upper case; of HIERARCH cards without that word.
    test
        How it is compared. Order is that of numbers where the operands are numbers, else that of
        text, which is right for ISO dates. A card that is not of the operand's type never matches.
    operands
        One; two (both inclusive) for `HeaderTest.RANGE`; any number for `HeaderTest.IN`. That of
        `HeaderTest.IS_NULL` is a flag: true for frames without the card, or without a value in it.
    """

    keyword: str
    test: HeaderTest
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class HeaderColumn:
    """What the cards of one keyword hold, over all frames.

    Attributes
    ----------
    keyword
        Upper case.
    has_numbers, has_flags, has_texts
        Which types occur.
    """

    keyword: str
    has_numbers: bool
    has_flags: bool
    has_texts: bool
