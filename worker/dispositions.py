"""Error family → what becomes of the job that failed: one table."""

from enum import StrEnum
from types import MappingProxyType

from app.core.errors import (
    ArchiveError,
    ConflictError,
    DeniedError,
    FullError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from app.core.offload import CrashedError

_FIRST_DELAY_S = 2.0
_LONGEST_DELAY_S = 600.0


class Disposition(StrEnum):
    """What becomes of a job that failed."""

    RETRY = "retry"
    """It is tried again later."""
    QUARANTINE = "quarantine"
    """It is put aside for a person to decide."""
    DISCARD = "discard"
    """It has become pointless."""


DISPOSITIONS = MappingProxyType[type[ArchiveError], Disposition](
    {
        NotFoundError: Disposition.DISCARD,  # the source vanished
        ConflictError: Disposition.QUARANTINE,
        InvalidError: Disposition.QUARANTINE,
        CrashedError: Disposition.RETRY,  # perhaps not by its file: somebody killed the child
        TooLargeError: Disposition.QUARANTINE,
        DeniedError: Disposition.QUARANTINE,
        UnauthenticatedError: Disposition.QUARANTINE,
        UnavailableError: Disposition.RETRY,
        FullError: Disposition.RETRY,
        ThrottledError: Disposition.RETRY,
    }
)


def is_foreseen(error: Exception) -> bool:
    """Say whether the archive raised an error on purpose.

    Parameters
    ----------
    error
        Of a handler.

    Returns
    -------
    bool
        False for a bug, or for a world that nobody thought of.
    """
    return any(family in DISPOSITIONS for family in type(error).__mro__)


def disposition_of(error: Exception) -> Disposition:
    """Say what becomes of a job that failed; the nearest family decides.

    Parameters
    ----------
    error
        Of a handler.

    Returns
    -------
    Disposition
        `RETRY` for what nobody foresaw, and for crashes; the runner bounds how often.
    """
    for family in type(error).__mro__:
        if family in DISPOSITIONS:
            return DISPOSITIONS[family]
    return Disposition.RETRY


def counts_as_attempt(error: Exception) -> bool:
    """Say whether a failure counts against the job.

    Parameters
    ----------
    error
        Of a handler.

    Returns
    -------
    bool
        False where something that the job needs was away: it may wait for that without end.
    """
    return not isinstance(error, UnavailableError)


def retry_delay_s(error: Exception, attempts: int) -> float:
    """Say how long a job waits before it is tried again.

    Parameters
    ----------
    error
        Of a handler.
    attempts
        How often it has been tried, 1 or more.

    Returns
    -------
    float
        Delay [s]: what the error itself says, else doubling from 2 s up to 600 s.
    """
    if isinstance(error, UnavailableError):
        return error.retry_after_s
    return float(min(_FIRST_DELAY_S * 2 ** min(attempts - 1, 20), _LONGEST_DELAY_S))
