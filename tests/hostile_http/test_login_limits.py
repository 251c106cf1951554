"""The limits of log-ins: by every door together, and whoever a client says that it is."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from app.core.offload import Offload
from tests.support.archive import settings_in
from tests.support.hostile_world import PASSWORD, a_hostile_world
from tests.support.live_api import LiveApi, live_api

LIMIT = 3
ENDPOINTS = ("/login/", "/api-token-auth/", "/pyobs/login/", "/archive/api-token-auth/")


@pytest.fixture
def strict(
    database_url: str, offload: Offload, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveApi]:
    """Serve an archive whose log-ins are limited."""
    settings = settings_in(
        tmp_path_factory.mktemp("strict"),
        login_rate_per_user=f"{LIMIT}/hour",
        login_rate_per_address=f"{2 * LIMIT}/hour",
    )
    with live_api(settings, database_url, offload) as live:
        live.run(a_hostile_world(live.archive))
        yield live


def log_in(live: LiveApi, path: str, name: str, password: str, **headers: str) -> httpx.Response:
    data = {"username": name, "password": password}
    return httpx.post(live.url + path, data=data, headers=headers, timeout=60)


def test_attempts_at_once_and_by_every_door_count_together(strict: LiveApi) -> None:
    async def attempts() -> list[int]:
        async with httpx.AsyncClient(base_url=strict.url, timeout=60) as client:
            posts = [
                client.post(
                    ENDPOINTS[number % len(ENDPOINTS)],
                    json={"username": "staff", "password": f"guess {number}"},
                    headers={
                        "X-Forwarded-For": f"10.0.0.{number}",
                        "Forwarded": f"for=10.0.1.{number}",
                        "X-Real-IP": f"10.0.2.{number}",
                    },
                )
                for number in range(4 * LIMIT)
            ]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    statuses = asyncio.run(attempts())
    assert statuses.count(400) == LIMIT
    assert set(statuses) == {400, 429}
    answer = log_in(strict, "/login/", "STAFF", PASSWORD)
    assert answer.status_code == 429  # whatever the case, and though the password is right
    assert int(answer.headers["retry-after"]) > 0


def test_another_name_at_each_attempt_ends_at_the_limit_of_the_address(strict: LiveApi) -> None:
    statuses = [
        log_in(
            strict, "/login/", f"name-{n}", "x", **{"X-Forwarded-For": f"10.9.8.{n}"}
        ).status_code
        for n in range(2 * LIMIT + 3)
    ]
    assert statuses == [400] * (2 * LIMIT) + [429] * 3
