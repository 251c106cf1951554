"""What an import tells of every user and frame of another archive."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from app.core.errors import ArchiveError, ConflictError, InvalidError


class NotPyobsError(InvalidError):
    """The database is not one of pyobs-archive."""

    title = "Not a pyobs-archive database"


class LostFileError(ConflictError):
    """The other archive lists a frame and does not have its file."""

    title = "File missing"


class Fate(StrEnum):
    """What became of a user or a frame."""

    IMPORTED = "imported"
    NEW_VERSION = "new version"
    KNOWN = "known"
    REMOVED = "removed here"
    """It was imported once, and somebody has removed it here since."""
    PLANNED = "to be imported"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one user or frame.

    Attributes
    ----------
    what
        Which, as the other archive calls it.
    fate
        What became of it.
    title
        Kind of failure, in two or three words; empty for none.
    reason
        Why, for a person; empty where there is nothing to say.
    """

    what: str
    fate: Fate
    title: str = ""
    reason: str = ""


Tell = Callable[[Result], None]
"""Hears of every user and frame that came to an end."""


@dataclass
class Tally:
    """What became of all so far.

    Attributes
    ----------
    counts
        Number by fate.
    failures
        What a person should look at.
    """

    counts: Counter[Fate] = field(default_factory=Counter)
    failures: list[Result] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Number of those that came to an end."""
        return self.counts.total()

    def add(self, result: Result) -> None:
        """Count one.

        Parameters
        ----------
        result
            What became of it.
        """
        self.counts[result.fate] += 1
        if result.fate is Fate.FAILED:
            self.failures.append(result)

    def said(self) -> str:
        """Say the numbers in one line.

        Returns
        -------
        str
            ``12 imported, 3 known``; empty for none.
        """
        return ", ".join(f"{self.counts[fate]} {fate}" for fate in Fate if self.counts[fate])


def failed(what: str, error: ArchiveError) -> Result:
    """Say what went wrong with one.

    Parameters
    ----------
    what
        Which.
    error
        Why.

    Returns
    -------
    Result
        A failure.
    """
    return Result(what, Fate.FAILED, error.title, error.message)
