"""What can be wrong with a file that claims to be FITS.

A module of its own and without heavy imports, because these errors cross from the child process
that reads to the parent that asked.
"""

from typing import ClassVar

from app.core.errors import InvalidError


class NotFitsError(InvalidError):
    """The content is something else than FITS, or FITS in a wrapping that is not supported."""

    title: ClassVar[str] = "Not a FITS file"


class UnreadableError(InvalidError):
    """It begins as FITS, but is too damaged to be filed truthfully."""

    title: ClassVar[str] = "Unreadable FITS file"
