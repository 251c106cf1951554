"""Places in a list, from which it goes on, as the services speak of them."""

from dataclasses import dataclass
from typing import Any

from app.core.errors import InvalidError
from app.frames.models import Frame


class InvalidPlaceError(InvalidError):
    """A place at which a list is to go on, and that is none of it."""

    title = "Invalid cursor"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on, whatever frames arrived or went meanwhile.

    Attributes
    ----------
    values
        Of the columns of the order, in their order, and the id of the frame that was there.
    backward
        Whether one goes on towards the beginning of the list.
    """

    values: tuple[Any, ...]
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a list from a place on.

    Attributes
    ----------
    items
        In the order of the list.
    before, behind
        Where the list goes on, to both sides; None where it ends.
    """

    items: tuple[Frame, ...]
    before: Place | None
    behind: Place | None
