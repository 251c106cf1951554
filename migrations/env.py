"""Alembic's entry: runs migrations on the connection that it is handed, or on the settings' URL."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from app.db.tables import Base
from app.settings import load_settings


def run(connection: Connection) -> None:
    """Migrate on an open connection, one migrator at a time."""
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7593211)")
        context.run_migrations()


async def run_on_own_engine() -> None:
    """Connect by the settings, for `alembic` on the command line."""
    engine = create_async_engine(load_settings().require_database_url(), poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


handed = context.config.attributes.get("connection")
if handed is None:
    asyncio.run(run_on_own_engine())
else:
    run(handed)
