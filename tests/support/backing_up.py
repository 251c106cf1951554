"""Archives that are backed up and brought back, for tests."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import make_sessions
from app.db.schema import migrate
from tests.support.archive import a_client, an_archive, settings_in


@dataclass
class Silence:
    """Hears how far it is and tells nobody.

    Attributes
    ----------
    heard
        What was said.
    """

    heard: list[tuple[int, str]] = field(default_factory=list)

    def expect(self, total: int) -> None:
        self.heard.append((0, str(total)))

    def tell(self, done: int, said: str) -> None:
        self.heard.append((done, said))


async def an_empty_database(server_url: str, name: str) -> str:
    """Make a database without any table; give its URL."""
    connection = await asyncpg.connect(server_url.replace("+asyncpg", ""))
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    start, mark, query = server_url.partition("?")
    return f"{start.rpartition('/')[0]}/{name}{mark}{query}"


@asynccontextmanager
async def opened_archive(
    folder: Path, url: str, offload: Offload, **overrides: object
) -> AsyncIterator[Factory]:
    """Open an archive on a database of its own, migrated."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        await migrate(engine)
        settings = settings_in(folder, database_url=url, **overrides)
        yield an_archive(settings, make_sessions(engine), engine, offload)
    finally:
        await engine.dispose()


async def everything(archive: Factory, token: str) -> dict[str, Any]:
    """Ask an archive for all that it has, as one of its users does."""
    async with a_client(archive, Authorization=f"Token {token}") as client:
        frames = (await client.get("/frames/?limit=1000")).json()
        found: dict[str, Any] = {
            "frames": [_without_links(one) for one in frames["results"]],
            "profile": (await client.get("/profile/")).json(),
            "ingest": (await client.get("/ingest/")).json(),
        }
        for frame in frames["results"]:
            number = frame["id"]
            headers = await client.get(f"/frames/{number}/headers/")
            found[f"headers {number}"] = headers.json()
            found[f"bytes {number}"] = await _digest(client, f"/frames/{number}/download/")
            for version in frame["version_set"]:
                url = version["url"]
                found[f"version {version['key']}"] = await _digest(client, url)
    return found


async def _digest(client: httpx.AsyncClient, url: str) -> str:
    answer = await client.get(url)
    assert answer.status_code == 200, (url, answer.text)
    return hashlib.sha256(answer.content).hexdigest()


def _without_links(value: Any) -> Any:  # noqa: ANN401  # JSON
    """Leave signed links out: they hold the time at which they were made."""
    if isinstance(value, dict):
        return {
            name: _without_links(one) for name, one in value.items() if "url" not in name.lower()
        }
    if isinstance(value, list):
        return [_without_links(one) for one in value]
    return value
