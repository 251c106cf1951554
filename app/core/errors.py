"""The families of things that can go wrong, and nothing about HTTP.

Every error the archive raises on purpose belongs to one family. Edges translate families into
their own world (``app/api/problems.py``, ``worker/dispositions.py``); features add subclasses
whose attributes are the facts of the case.
"""

from typing import ClassVar


class ArchiveError(Exception):
    """An error that the archive foresaw.

    Parameters
    ----------
    message
        One sentence for the person who can act on it: what is wrong, with which value, and what
        would be right. Never a path of the server.
    """

    title: ClassVar[str] = "Archive error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def told_to_operator(self) -> str:
        """Say in one line what is wrong, with what the system itself said of it.

        Returns
        -------
        str
            For the terminal; clients get the message alone, since causes name hosts and accounts.
        """
        cause = getattr(self.__cause__, "orig", None) or self.__cause__
        said = " ".join(str(cause or "").split())
        return f"{' '.join(self.message.split())}{f' ({said})' if said else ''}"


class NotFoundError(ArchiveError):
    """What was asked for does not exist, or the caller may not know that it does."""

    title = "Not found"


class ConflictError(ArchiveError):
    """The request contradicts what is stored."""

    title = "Conflict"


class InvalidError(ArchiveError):
    """A value cannot be used as it is; the same request will fail again.

    Parameters
    ----------
    message
        What is wrong and what would be right.
    field
        Name of the parameter, keyword or setting, where there is one.
    """

    title = "Invalid value"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class TooLargeError(InvalidError):
    """More was sent or asked for than the archive takes at once."""

    title = "Too large"


class DeniedError(ArchiveError):
    """The caller is known and may not do this."""

    title = "Permission denied"


class UnauthenticatedError(DeniedError):
    """The caller is not known: no credentials, or credentials that are not valid."""

    title = "Not authenticated"


class UnavailableError(ArchiveError):
    """Something the archive needs is away; the same request may succeed later.

    Parameters
    ----------
    message
        What is away.
    retry_after_s
        When to try again [s].
    """

    title = "Temporarily unavailable"

    def __init__(self, message: str, *, retry_after_s: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class FullError(UnavailableError):
    """There is no room left; the same request may succeed once somebody has made some."""

    title = "No room left"


class ThrottledError(UnavailableError):
    """The caller has asked too often; what is asked for is there."""

    title = "Too many requests"
