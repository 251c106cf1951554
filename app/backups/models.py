"""Backups, as the services speak of them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from app.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError


class NoBackupError(NotFoundError):
    """The folder holds no finished backup."""

    title = "No backup"


class BrokenBackupError(InvalidError):
    """A part of a backup without which nothing can be restored is missing or altered."""

    title = "Broken backup"


class WrongFolderError(InvalidError):
    """The folder cannot be used for this."""

    title = "Wrong folder"


class NotEmptyError(ConflictError):
    """Something is there already where an archive was to be restored."""

    title = "Not empty"


class UnsettledError(UnavailableError):
    """The archive changed all the time while it was copied."""

    title = "Too much at once"


class HalfRestoredError(ConflictError):
    """The data folder holds an archive whose restore was not finished."""

    title = "Half restored"


class Trouble(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    ALTERED = "altered"
    UNREADABLE = "unreadable"
    LEFT = "left where it is"


@dataclass(frozen=True, slots=True)
class Flaw:
    """A file that is not as it should be.

    Attributes
    ----------
    path
        Relative path of the file: its key in the archive, or its place in the backup.
    trouble
        What is wrong.
    detail
        For the person who looks after it.
    """

    path: str
    trouble: Trouble
    detail: str


@dataclass
class Report:
    """What was done, so far.

    Attributes
    ----------
    kept
        Files that were there already.
    copied
        Files that were brought.
    bytes_copied
        Their size [byte].
    flaws
        Files that a person should look at.
    removed
        Files that were removed from the backup.
    """

    kept: int = 0
    copied: int = 0
    bytes_copied: int = 0
    flaws: list[Flaw] = field(default_factory=list)
    removed: int = 0

    @property
    def done(self) -> int:
        """Number of files that came to an end."""
        return self.kept + self.copied + len(self.flaws)

    def said(self) -> str:
        """Sum up.

        Returns
        -------
        str
            For a person.
        """
        size_mb = self.bytes_copied / 1e6
        return (
            f"{self.copied} files copied ({size_mb:,.1f} MB), {self.kept} there already,"
            f" {len(self.flaws)} with faults"
        )


class Watcher(Protocol):
    """Hears how far a long work is."""

    def expect(self, total: int) -> None:
        """Hear how many files there are.

        Parameters
        ----------
        total
            Number of files.
        """

    def tell(self, done: int, said: str) -> None:
        """Hear how far it is.

        Parameters
        ----------
        done
            Number of files that came to an end.
        said
            What became of them.
        """
