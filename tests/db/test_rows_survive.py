"""A living archive goes one revision back and comes again: its rows are what they were."""

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, text

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.schema import HEAD, migrate
from app.db.upgrade import config
from tests.support.backing_up import an_empty_database, opened_archive
from tests.support.trash_world import TABLES, every_kind
from tests.support.verifying import found_by

BEFORE = "0006"
NEW = ("verified_at", "damage", "damaged_at", "fits_checksum", "checksum_flaws")


def _back(connection: Connection) -> None:
    made = config()
    made.attributes["connection"] = connection
    command.downgrade(made, BEFORE)


async def _rows(archive: Factory) -> dict[str, list[str]]:
    async with archive.engine.connect() as connection:
        return {
            name: sorted(
                (
                    await connection.execute(
                        text(f"SELECT (to_jsonb(t) - CAST(:new AS text[]))::text FROM {name} t"),  # noqa: S608  # constants
                        {"new": list(NEW)},
                    )
                ).scalars()
            )
            for name in TABLES
        }


@pytest.mark.asyncio
async def test_rows_survive_a_downgrade_and_an_upgrade(
    tmp_path: Path, database_url: str, offload: Offload
) -> None:
    url = await an_empty_database(database_url, "skyshelf_back_and_forth")
    async with opened_archive(tmp_path, url, offload) as archive:
        kinds = await every_kind(archive, tmp_path)
        assert await found_by(archive) == ()
        before = await _rows(archive)
        async with archive.engine.begin() as connection:
            await connection.run_sync(_back)
        assert await _rows(archive) == before
        assert await migrate(archive.engine) == BEFORE
        assert await _rows(archive) == before
        assert await found_by(archive) == ()
        await archive.removal.remove(kinds.versions, SYSTEM)
        assert HEAD > BEFORE
