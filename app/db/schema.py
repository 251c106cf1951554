"""The schema's revision: bring the database to head, and refuse any other."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.core.errors import ConflictError
from app.db.engine import connected, make_engine

HEAD = "0007"
"""The revision that this program needs; a test holds it to the newest migration."""


class WrongRevisionError(ConflictError):
    """The database is at another revision than this program needs."""

    title = "Wrong database revision"


async def migrate(engine: AsyncEngine) -> str:
    """Bring the database to head; nothing happens where it is there already.

    Parameters
    ----------
    engine
        Of the database.

    Returns
    -------
    str
        The revision before, ``empty`` for a new database.

    Raises
    ------
    UnavailableError
        If the database cannot be reached.
    """
    async with connected(engine) as connection:
        before = await _current(connection)
        if before != HEAD:
            from app.db.upgrade import upgrade  # noqa: PLC0415  # slow to load, seldom needed

            await connection.run_sync(upgrade)
    return before or "empty"


async def check_revision(engine: AsyncEngine) -> None:
    """Refuse a database that is not at head.

    Parameters
    ----------
    engine
        Of the database.

    Raises
    ------
    WrongRevisionError
        If the revision is another one.
    UnavailableError
        If the database cannot be reached.
    """
    async with connected(engine) as connection:
        current = await _current(connection)
    if current != HEAD:
        raise WrongRevisionError(
            f"the database is at revision {current or 'none'}, this program needs {HEAD}:"
            " run `skyshelf migrate` with this version of Skyshelf"
        )


async def check_database(url: str) -> None:
    """Refuse a database that cannot be reached or is not at head, before anything is started.

    Parameters
    ----------
    url
        SQLAlchemy URL.

    Raises
    ------
    WrongRevisionError
        If the revision is another one.
    UnavailableError
        If the database cannot be reached.
    """
    engine = make_engine(url, pool_size=1)
    try:
        await check_revision(engine)
    finally:
        await engine.dispose()


async def _current(connection: AsyncConnection) -> str | None:
    """Read where Alembic left the database; None for an empty one."""
    known = await connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not known.scalar_one():
        return None
    found = await connection.execute(text("SELECT version_num FROM alembic_version"))
    return str(revision) if (revision := found.scalar_one_or_none()) else None
