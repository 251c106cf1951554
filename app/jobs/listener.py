"""Hears of new jobs at once; where that fails, its caller polls."""

import asyncio
import time
from typing import cast

import asyncpg
import structlog
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db.engine import Sessions
from app.jobs.models import CHANNEL

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_PING_TIMEOUT_S = 5.0

_AWAY = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    SQLAlchemyError,
    AsyncAdapt_asyncpg_dbapi.Error,
    OSError,
)
"""What a raw connection raises that cannot be made; the last but one while the server recovers."""


class Listener:
    """A connection of its own that hears what PostgreSQL tells, and comes back when it breaks.

    It is made on first use with the engine's own arguments and then taken out of the pool for
    good, so that it costs the pool no slot.

    Parameters
    ----------
    sessions
        Factory of database sessions, whose engine is used.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._heard = asyncio.Event()
        self._pause_s = 0.0
        self._next_try_s = 0.0

    async def wait(self, timeout_s: float) -> None:
        """Return when there may be something new, at the latest after the time-out.

        One caller at a time.

        Parameters
        ----------
        timeout_s
            Longest wait [s]; how often the caller polls while the database cannot tell.
        """
        if self._connection is None and time.monotonic() >= self._next_try_s:
            await self._connect()
        try:
            await asyncio.wait_for(self._heard.wait(), timeout_s)
        except TimeoutError:
            await self._ping()
        self._heard.clear()

    async def close(self) -> None:
        """Close the connection; another wait would open it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.remove_termination_listener(self._on_end)
            connection.terminate()
            await asyncio.sleep(0)  # the event loop closes the socket in its next round

    async def _connect(self) -> None:
        try:
            self._connection = await self._open()
        except _AWAY as error:
            self._pause_s = min(max(_FIRST_PAUSE_S, 2 * self._pause_s), _LONGEST_PAUSE_S)
            self._next_try_s = time.monotonic() + self._pause_s
            _log.warning("cannot listen for jobs, polling", error=str(error))
        else:
            self._pause_s = 0.0
            self._heard.set()  # jobs may have come while nobody listened

    async def _open(self) -> "asyncpg.Connection[asyncpg.Record]":
        proxy = await (await self._engine()).raw_connection()
        connection = cast("asyncpg.Connection[asyncpg.Record]", proxy.driver_connection)
        proxy.detach()
        try:
            await connection.add_listener(CHANNEL, self._on_notice)
        except BaseException:
            connection.terminate()
            raise
        connection.add_termination_listener(self._on_end)
        return connection

    async def _engine(self) -> AsyncEngine:
        async with self._sessions() as session:
            bind = cast("AsyncEngine | AsyncConnection", session.bind)
        return bind.engine if isinstance(bind, AsyncConnection) else bind

    async def _ping(self) -> None:
        """Keep a quiet connection alive, and find out when the network has dropped it."""
        if self._connection is None:
            return
        try:
            await self._connection.execute("SELECT 1", timeout=_PING_TIMEOUT_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            _log.warning("lost the connection that listens for jobs", error=repr(error))
            await self.close()

    def _on_notice(self, *_: object) -> None:
        self._heard.set()

    def _on_end(self, *_: object) -> None:
        self._connection = None
        self._heard.set()
