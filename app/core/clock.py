"""The time, as something that can be handed over."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the current moment, aware, UTC."""


def system_clock() -> datetime:
    """Return the current moment.

    Returns
    -------
    datetime
        Aware, UTC.
    """
    return datetime.now(UTC)
