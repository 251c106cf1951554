"""A whole archive in a temporary folder, for tests."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.clock import Clock, system_clock
from app.core.offload import Offload
from app.db.engine import Sessions
from app.settings import Settings, load_settings
from app.storage.local import LocalStore

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def settings_in(folder: Path, **overrides: object) -> Settings:
    """Give settings of an archive in a folder."""
    defaults: dict[str, object] = {
        "data_dir": folder / "data",
        "secret_key": "k" * 40,
        "http_root": "http://archive.test",
        "_env_file": None,
    }
    return load_settings(**{**defaults, **overrides})


def an_archive(
    settings: Settings,
    sessions: Sessions,
    engine: AsyncEngine,
    offload: Offload,
    clock: Clock = system_clock,
) -> Factory:
    """Put an archive together, with its folders made."""
    settings.make_folders()
    return Factory(
        settings=settings,
        engine=engine,
        sessions=sessions,
        store=LocalStore(settings.archive_dir),
        offload=offload,
        clock=clock,
    )
