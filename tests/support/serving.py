"""The whole API over an archive in a temporary folder, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from asgi_lifespan import LifespanManager

from app.context import Factory
from app.main import create_app
from app.settings import Settings


@dataclass(frozen=True)
class Served:
    """An archive and a client of its API."""

    archive: Factory
    client: httpx.AsyncClient

    async def get(self, path: str, token: str | None = None, /, **params: object) -> httpx.Response:
        """Ask for a path."""
        query: Any = params or None
        return await self.client.get(path, params=query, headers=as_user(token))

    async def a_user(
        self,
        name: str,
        *,
        is_staff: bool = False,
        is_superuser: bool = False,
        proposals: tuple[str, ...] = (),
    ) -> str:
        """Make a user and give the token."""
        accounts = self.archive.accounts
        user = await accounts.create_user(
            name, f"{name} has a password", is_staff=is_staff, is_superuser=is_superuser
        )
        for proposal in proposals:
            await self.archive.proposals.add_member(proposal, name)
        return await accounts.token_of(user)


def as_user(token: str | None) -> dict[str, str]:
    """Give the header that carries a token."""
    return {} if token is None else {"Authorization": f"Token {token}"}


@asynccontextmanager
async def served(archive: Factory) -> AsyncIterator[Served]:
    """Serve an archive.

    Parameters
    ----------
    archive
        Put together by `tests.support.archive.an_archive`.
    """

    @asynccontextmanager
    async def open_context(_: Settings) -> AsyncIterator[Factory]:
        yield archive

    app = create_app(archive.settings, open_context=open_context)
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(app=manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
            yield Served(archive, client)
