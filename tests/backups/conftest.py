"""An archive that is to be backed up, on a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from app.context import Factory
from app.core.offload import Offload
from tests.support.backing_up import an_empty_database, opened_archive


@pytest_asyncio.fixture
async def house(tmp_path: Path, database_url: str, offload: Offload) -> AsyncIterator[Factory]:
    """Give an empty archive."""
    url = await an_empty_database(database_url, "backed_up")
    async with opened_archive(tmp_path / "old", url, offload, secret_key=None) as made:
        made.settings.secret()
        yield made
