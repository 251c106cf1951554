"""A whole archive in a temporary folder, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from asgi_lifespan import LifespanManager
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.clock import Clock, system_clock
from app.core.offload import Offload
from app.db.engine import Sessions
from app.main import create_app
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


@asynccontextmanager
async def a_client(archive: Factory, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an archive within this process, as the API process does."""

    @asynccontextmanager
    async def open_context(_: Settings) -> AsyncIterator[Factory]:
        yield archive

    app = create_app(archive.settings, open_context)
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app)
        url = archive.settings.public_url
        async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers) as client:
            yield client
