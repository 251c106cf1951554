"""An archive that is verified."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import NOW, an_archive, settings_in


@pytest.fixture
def archive(tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload) -> Factory:
    """Give an archive with a second store; what a test writes is rolled back."""
    settings = settings_in(tmp_path, second_store_dir=tmp_path / "second")
    return an_archive(settings, sessions, engine, offload, lambda: NOW)


@pytest.fixture
def live(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    """Give an archive whose transactions commit."""
    settings = settings_in(tmp_path, second_store_dir=tmp_path / "second")
    return an_archive(settings, committed_sessions, engine, offload)
