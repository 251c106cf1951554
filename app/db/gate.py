"""A pool of connections for which only so many wait, and that can be shut."""

from typing import ClassVar

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from typing_extensions import override


class ShutError(PoolTimeoutError):
    """The pool is shut, since the server does not answer."""


class CrowdedError(PoolTimeoutError):
    """As many wait for a connection as may."""


class GatedPool(AsyncAdaptedQueuePool):
    """A bounded pool that refuses at once what it could only let wait.

    Whoever comes while many wait is told to come again, so that those who wait are served in time;
    while the server does not answer, nobody waits at all.
    """

    waiting_per_connection: ClassVar[int] = 32
    """How many may wait for each connection of the pool."""

    is_shut: bool = False
    _waiting: int = 0

    @override
    def _do_get(self) -> ConnectionPoolEntry:
        """Give a connection, or let its caller wait for one.

        Raises
        ------
        ShutError
            If the pool is shut.
        CrowdedError
            If too many wait.
        """
        if self.is_shut:
            raise ShutError("the server does not answer")
        if self._waiting >= self.size() * self.waiting_per_connection:
            raise CrowdedError(f"{self._waiting} wait for a connection")
        self._waiting += 1
        try:
            return super()._do_get()
        finally:
            self._waiting -= 1
