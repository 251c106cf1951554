"""The migrations make exactly the schema that the tables describe."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.db.schema import HEAD, WrongRevisionError, check_revision
from app.db.tables import Base
from app.db.upgrade import config


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


@pytest.mark.filterwarnings("ignore:Did not recognize type 'cube'")  # ours, unknown to reflection
@pytest.mark.asyncio
async def test_migrations_and_tables_agree(database_url: str) -> None:
    engine = create_async_engine(database_url, poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


def test_the_program_needs_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == HEAD


@pytest.mark.asyncio
async def test_another_revision_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_async_engine(database_url, poolclass=NullPool)
    await check_revision(engine)
    monkeypatch.setattr("app.db.schema.HEAD", "9999")
    with pytest.raises(WrongRevisionError, match="skyshelf migrate"):
        await check_revision(engine)
    await engine.dispose()
