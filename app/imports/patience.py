"""Patience with another machine: how often something is tried again, and after which waits."""

import asyncio
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]

_ATTEMPTS = 6
_LONGEST_WAIT_S = 60.0
_LONGEST_TOLD_WAIT_S = 3600.0


class Patience:
    """How often and after which waits something is tried again.

    Parameters
    ----------
    sleep
        Waits [s].
    attempts
        How often in a row without any progress.
    """

    def __init__(self, sleep: Sleep = asyncio.sleep, attempts: int = _ATTEMPTS) -> None:
        self._sleep = sleep
        self._attempts = attempts
        self._failures = 0

    def fresh(self) -> "Patience":
        """Give the same patience for something else.

        Returns
        -------
        Patience
            With nothing tried yet.
        """
        return Patience(self._sleep, self._attempts)

    def progressed(self) -> None:
        """Begin to count anew: something arrived."""
        self._failures = 0

    async def wait(self, told_s: float = 0.0) -> bool:
        """Wait before the next attempt.

        Parameters
        ----------
        told_s
            How long the other side asks to wait [s].

        Returns
        -------
        bool
            False, at once, where it was tried often enough.
        """
        self._failures += 1
        if self._failures >= self._attempts:
            return False
        wait_s = min(2.0 ** (self._failures - 1), _LONGEST_WAIT_S)
        await self._sleep(min(max(told_s, wait_s), _LONGEST_TOLD_WAIT_S))
        return True
