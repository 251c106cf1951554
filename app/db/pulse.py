"""Feels whether PostgreSQL answers, apart from all other work, and breaks off what waits in vain.

A server that is gone breaks its connections, which everybody notices. One that hangs (a stopped
process, a dead disk, a network that swallows packets) lets its clients wait for ever: the driver's
own time limits ask the server to cancel, and wait for its answer. Here the connections themselves
are cut.
"""

import asyncio
import time
import weakref
from typing import Protocol

import asyncpg
import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.core.errors import ArchiveError, UnavailableError
from app.db.engine import connect_arguments
from app.db.gate import GatedPool
from app.db.schema import check_revision

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_BEAT_S = 2.0
_ANSWERS_WITHIN_S = 4.0
_GOOD_FOR_S = 1.0
_SILENT_BEATS = 2
_LAST_ANSWER_S = 1.0


class _Driven(Protocol):
    """What SQLAlchemy makes of a connection of the driver."""

    driver_connection: "asyncpg.Connection[asyncpg.Record]"


class SilentDatabaseError(UnavailableError):
    """The server takes connections and does not answer."""

    title = "Database does not answer"


def _outcome(asking: asyncio.Task[None]) -> ArchiveError | None:
    """Say what was found; whatever nobody foresaw is raised."""
    error = asking.exception()
    if isinstance(error, ArchiveError):
        return error
    asking.result()
    return None


class Pulse:
    """The state of the database, for health checks and for everything that waits.

    Parameters
    ----------
    engine
        Of the process. Its connections are cut where the server hangs; the pulse itself is felt by
        a connection of its own, made anew each time, so that a busy pool does not hold it up.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._own = create_async_engine(
            engine.url, poolclass=NullPool, connect_args=connect_arguments()
        )
        self._open: weakref.WeakSet[asyncpg.Connection[asyncpg.Record]] = weakref.WeakSet()
        self._asking: set[asyncio.Task[None]] = set()
        self._feeling: asyncio.Task[ArchiveError | None] | None = None
        self._last: ArchiveError | None = None
        self._felt_s = -float("inf")
        self._silent_beats = 0
        for each in (engine, self._own):
            event.listen(each.sync_engine, "connect", self._on_connect)

    async def check(self) -> None:
        """Ask the database whether it answers and is at head; many askers ask once.

        Raises
        ------
        WrongRevisionError
            If it is at another revision.
        SilentDatabaseError
            If it does not answer in time.
        UnavailableError
            If it cannot be reached.
        """  # as found
        if time.monotonic() - self._felt_s >= _GOOD_FOR_S:
            if self._feeling is None or self._feeling.done():
                self._feeling = asyncio.create_task(self._feel())
            await asyncio.shield(self._feeling)
        if self._last is not None:
            raise self._last

    async def keep(self) -> None:
        """Feel the pulse for ever; cut all connections where the server hangs."""
        while True:
            found = await self._feel()
            self._silent_beats = (
                self._silent_beats + 1 if isinstance(found, SilentDatabaseError) else 0
            )
            if self._silent_beats >= _SILENT_BEATS:
                self._cut()
            self._shut(is_shut=self._silent_beats >= _SILENT_BEATS)
            await asyncio.sleep(_BEAT_S)

    async def close(self) -> None:
        """Let the last question end: one that is cancelled on its way leaves a traceback."""
        if self._asking:
            await asyncio.wait(self._asking, timeout=_LAST_ANSWER_S)

    async def _feel(self) -> ArchiveError | None:
        """Ask once; remember and log what was found."""
        # A task that is not waited for: what is cancelled says goodbye to the server, which hangs.
        asking = asyncio.create_task(check_revision(self._own))
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        done, _ = await asyncio.wait({asking}, timeout=_ANSWERS_WITHIN_S)
        found: ArchiveError | None = SilentDatabaseError(
            f"the database does not answer within {_ANSWERS_WITHIN_S:g} s"
        )
        if done:
            found = _outcome(asking)
        else:
            asking.cancel()
        self._note(found)
        return found

    def _asked(self, asking: asyncio.Task[None]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # counts as seen

    def _note(self, found: ArchiveError | None) -> None:
        before, self._last = self._last, found
        self._felt_s = time.monotonic()
        if type(before) is type(found):
            return
        if found is None:
            _log.info("database is back")
        else:
            _log.error("database in trouble", reason=found.message)

    def _shut(self, *, is_shut: bool) -> None:
        """Let nobody wait for a server that does not answer."""
        if isinstance(self._engine.pool, GatedPool):
            self._engine.pool.is_shut = is_shut

    def _cut(self) -> None:
        """Break all connections of the process, whoever uses them."""
        waiting = [one for one in self._open if not one.is_closed()]
        for connection in waiting:
            connection.terminate()
        if waiting:
            _log.error("connections to a silent database were cut", connections=len(waiting))

    def _on_connect(self, connection: _Driven, _: object) -> None:
        self._open.add(connection.driver_connection)
