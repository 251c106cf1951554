"""The way to PostgreSQL: engine, sessions, and what a database that is away looks like."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import func, select, true
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from app.core.errors import ConflictError, UnavailableError
from app.core.slots import BusyError
from app.db.gate import GatedPool, ShutError
from app.db.violations import conflict_of

Sessions = async_sessionmaker[AsyncSession]

Transaction = AsyncSession
"""A session within a transaction, as `transaction` gives it; who only hands it on names it so."""

_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError)
"""What connecting raises while the server is away, starts, or stops."""

_PASSING_CLASSES = {"53", "57", "58"}
"""Disk or memory full; the server or an operator stops the work; errors of its system."""
_PASSING = {"25006", "40001", "40P01", "55P03"}
"""The server has become a standby; somebody else's transaction or lock came first."""


_POOL_WAIT_S = 10
_CONNECT_S = 5
_BUSY_AGAIN_S = 2


def make_engine(url: str, *, pool_size: int, statement_s: float | None = None) -> AsyncEngine:
    """Make the engine of a process.

    Parameters
    ----------
    url
        ``postgresql+asyncpg://…``.
    pool_size
        Most connections that are open at once.
    statement_s
        How long the server may work on one statement [s]; None for as long as it takes.

    Returns
    -------
    AsyncEngine
        To be disposed of when the process ends.
    """
    return create_async_engine(
        url,
        pool_size=pool_size,
        hide_parameters=True,  # hashes of passwords and tokens, in the text of every error
        max_overflow=0,
        poolclass=GatedPool,
        pool_timeout=_POOL_WAIT_S,
        pool_pre_ping=True,
        connect_args=connect_arguments(statement_s),
    )


def connect_arguments(statement_s: float | None = None) -> dict[str, object]:
    """Say how a connection is opened.

    Parameters
    ----------
    statement_s
        How long the server may work on one statement [s]; None for as long as it takes.

    Returns
    -------
    dict
        For the driver.
    """
    server = {"application_name": "skyshelf", "timezone": "UTC"}
    if statement_s is not None:
        server["statement_timeout"] = f"{math.ceil(statement_s * 1000)}ms"
    # The server's own limit comes first; the driver's is for a connection that leads nowhere.
    driver_s = None if statement_s is None else statement_s + _CONNECT_S
    return {"timeout": _CONNECT_S, "command_timeout": driver_s, "server_settings": server}


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Make the factory of sessions; rows stay readable after a commit.

    Parameters
    ----------
    engine
        Of the process.

    Returns
    -------
    Sessions
        Factory of sessions.
    """
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def transaction(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Open a transaction; commit at the end, roll back on any error.

    Parameters
    ----------
    sessions
        Factory of sessions.

    Yields
    ------
    AsyncSession
        Within a transaction.

    Raises
    ------
    ConflictError
        If a constraint of the schema was violated.
    BusyError
        If all connections stay in use, or too many wait for one.
    UnavailableError
        If the database cannot be reached, or refuses for a reason that will pass.
    DBAPIError
        If the statement itself is wrong: a fault of this program.
    """
    try:
        async with sessions() as session, session.begin():
            await _connect(session)
            yield session
    except PoolTimeoutError as error:
        crowded: UnavailableError = _no_connection(error)
        raise crowded from error
    except (InterfaceError, OperationalError, TimeoutError) as error:
        raise UnavailableError("the database cannot be reached") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnavailableError("the database cannot be reached") from error
        if _is_passing(error):
            raise UnavailableError("the database cannot do this now") from error
        conflict: ConflictError | None = conflict_of(error)
        if conflict is None:
            raise
        raise conflict from error


async def bound_statements(session: AsyncSession, longest_s: float) -> None:
    """Let no statement of a transaction take longer; one that does ends as unavailable.

    Parameters
    ----------
    session
        Within a transaction.
    longest_s
        For one statement [s]; at least a millisecond, since 0 would mean for ever.
    """
    longest_ms = max(1, math.ceil(longest_s * 1000))
    for_this_transaction = true()
    await session.execute(
        select(func.set_config("statement_timeout", f"{longest_ms}ms", for_this_transaction))
    )


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection within a transaction, for work on the schema.

    Parameters
    ----------
    engine
        Of the process.

    Yields
    ------
    AsyncConnection
        Committed at the end, rolled back on any error.

    Raises
    ------
    UnavailableError
        If the database cannot be reached.
    """
    try:
        connection: AsyncConnection = await engine.connect()
    except PoolTimeoutError as error:
        crowded: UnavailableError = _no_connection(error)
        raise crowded from error
    except _AWAY as error:
        raise UnavailableError("the database cannot be reached") from error
    try:
        async with connection.begin():
            yield connection
    finally:
        await connection.close()


def _no_connection(error: PoolTimeoutError) -> UnavailableError:
    """Tell a pool that is shut or in use from a server that is away."""
    if isinstance(error, ShutError):
        return UnavailableError("the database does not answer")
    return BusyError(
        "all connections to the database are in use, and as many requests wait as may: try again"
        " later",
        retry_after_s=_BUSY_AGAIN_S,
    )


def _is_passing(error: DBAPIError) -> bool:
    """Tell by its SQLSTATE (PostgreSQL, appendix A) a refusal that has nothing to do with us."""
    state: str = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] in _PASSING_CLASSES or state in _PASSING


async def _connect(session: AsyncSession) -> None:
    """Take a connection now, so that a database that is away is told from errors of the body.

    Raises
    ------
    UnavailableError
        If there is none; the driver's own errors pass SQLAlchemy untouched at this point.
    """
    try:
        _ = await session.connection()
    except _AWAY as error:
        raise UnavailableError("the database cannot be reached") from error
