"""A bounded number of things that may go on at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.errors import UnavailableError


class BusyError(UnavailableError):
    """As many are at it as may be."""

    title = "Busy"


class Slots:
    """Lets so many in, and others wait for a while.

    Parameters
    ----------
    limit
        How many at the same time.
    wait_s
        How long one waits to be let in [s].
    what
        What goes on, in the plural, for the message.
    """

    def __init__(self, limit: int, *, wait_s: float, what: str) -> None:
        self._free = asyncio.Semaphore(limit)
        self._limit = limit
        self._wait_s = wait_s
        self._what = what

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Take a slot for as long as the context is open.

        Yields
        ------
        None
            Once there is one.

        Raises
        ------
        BusyError
            If none becomes free in time.
        """
        try:
            await asyncio.wait_for(self._free.acquire(), self._wait_s)
        except TimeoutError as error:
            raise BusyError(
                f"{self._limit} {self._what} are under way, which is the limit; try again later",
                retry_after_s=30,
            ) from error
        try:
            yield
        finally:
            self._free.release()
