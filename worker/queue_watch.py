"""Tells the log when the queue goes away and when it is back, once each."""

import structlog

from app.core.errors import UnavailableError

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class QueueWatch:
    """Whether the queue answered when it was used last, whoever used it.

    While it is away, everything that needs it tries again and again, for hours if need be: a line
    for each try would hide what else happens.
    """

    def __init__(self) -> None:
        self._is_away = False

    def failed(self, error: Exception) -> None:
        """Log why the queue did not answer, unless that is known; a fault of ours each time.

        Parameters
        ----------
        error
            What it raised.
        """
        if not isinstance(error, UnavailableError):
            _log.error("queue failed", exc_info=error)
        elif not self._is_away:
            self._is_away = True
            _log.warning("queue unavailable; it is tried until it answers", error=error.message)

    def answered(self) -> None:
        """Log that the queue is back, if it was away."""
        if self._is_away:
            self._is_away = False
            _log.info("queue is back")
