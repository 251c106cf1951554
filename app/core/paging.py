"""Pages of a list."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is wanted.

    Attributes
    ----------
    limit
        Most items.
    offset
        Items to pass over.
    """

    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and how long the whole is.

    Attributes
    ----------
    count
        Exact number of matches, not of the items here.
    items
        The items of the window, in order.
    """

    count: int
    items: tuple[T, ...]
