"""A database that tests wrote to is empty again for the next one."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.tables import Base

_TABLES = [table.name for table in Base.metadata.sorted_tables]
_LOCK = f"LOCK {', '.join(_TABLES)}"
_FILLED = " UNION ALL ".join(
    f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})"  # noqa: S608  # one of ours
    for name in _TABLES
)
_RESTART = (
    "SELECT setval(format('%I', sequencename)::regclass, start_value, false)"
    " FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
)


async def empty(engine: AsyncEngine) -> None:
    """Remove all rows, and let numbers begin anew.

    TRUNCATE would make new files for every table and index: ten times the work of a test's rows.
    """
    async with engine.begin() as connection:
        await connection.execute(text(_LOCK))
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for name in (await connection.scalars(text(_FILLED))).all():
            await connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608  # one of ours
        await connection.execute(text(_RESTART))
