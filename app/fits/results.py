"""What the tasks on pixels hand back to the process that asked for them.

Values and errors cross from children to parents, which must not import what the children run:
therefore they are defined here and not beside the code that makes them.
"""

from dataclasses import dataclass
from typing import ClassVar

from app.core.errors import InvalidError


class FootprintError(InvalidError):
    """There is a celestial coordinate system, but no sky area can be had from it."""

    title: ClassVar[str] = "No sky area"


class NoImageError(InvalidError):
    """The file, or the HDU that was asked for, holds no pixels that could be shown."""

    title: ClassVar[str] = "No image"


@dataclass(frozen=True, slots=True)
class PackResult:
    """What became of a file that was to be packed.

    Attributes
    ----------
    packed
        Whether the packed file is there, and proven equal to the original.
    reason
        Why it was not packed; None if it was.
    size_bytes
        Size of the packed file, or of the original where it was not packed [byte].
    """

    packed: bool
    reason: str | None
    size_bytes: int
