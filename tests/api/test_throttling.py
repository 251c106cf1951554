"""Who asks, or fails to log in, too often."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from asgi_lifespan import LifespanManager
from fastapi import Request
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.accounts.throttle import Throttle
from app.api.throttling import client_address
from app.context import Factory
from app.core.errors import InvalidError, ThrottledError
from app.core.offload import Offload
from app.core.rates import Rate, parse_rate
from app.db.engine import Sessions, transaction
from app.db.tables import ThrottleCounterRow
from app.main import create_app
from app.serving import serve
from app.settings import Settings, load_settings
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.clocks import MovingClock
from tests.support.serving import as_user

PASSWORD = "correct horse"  # noqa: S105  # of a test

Maker = Callable[..., Factory]


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest_asyncio.fixture
async def make_archive(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload, clock: MovingClock
) -> Maker:
    def make(**settings: object) -> Factory:
        return an_archive(settings_in(tmp_path, **settings), sessions, engine, offload, clock)

    return make


@asynccontextmanager
async def a_client_from(archive: Factory, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an archive to a client of an address."""

    @asynccontextmanager
    async def open_context(_: Settings) -> AsyncIterator[Factory]:
        yield archive

    app = create_app(archive.settings, open_context)
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
            yield client


@pytest.mark.asyncio
async def test_by_default_requests_are_not_counted(make_archive: Maker, sessions: Sessions) -> None:
    async with a_client_from(make_archive(), "10.0.0.1") as client:
        for _ in range(20):
            assert (await client.get("/frames/?limit=0")).status_code == 200
    async with transaction(sessions) as session:
        assert await session.scalar(select(func.count()).select_from(ThrottleCounterRow)) == 0


@pytest.mark.asyncio
async def test_anonymous_requests_are_counted_by_address(
    make_archive: Maker, clock: MovingClock
) -> None:
    archive = make_archive(throttle_anonymous="3/hour")
    async with a_client_from(archive, "10.0.0.1") as one, a_client_from(archive, "10.0.0.2") as two:
        for _ in range(3):
            assert (await one.get("/frames/?limit=0")).status_code == 200
        clock.now += timedelta(minutes=20)
        refused = await one.get("/frames/?limit=0")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "2400"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["detail"] == (
            "Request was throttled. Expected available in 2400 seconds."
        )
        assert (await two.get("/frames/?limit=0")).status_code == 200
        assert (await one.get("/health/live/")).status_code == 200
        clock.now += timedelta(minutes=40)
        assert (await one.get("/frames/?limit=0")).status_code == 200


@pytest.mark.asyncio
async def test_users_have_a_limit_of_their_own_and_staff_has_none(make_archive: Maker) -> None:
    archive = make_archive(throttle_anonymous="1/day", throttle_users="2/day")
    async with a_client_from(archive, "10.0.0.1") as client:
        statuses: dict[str, list[int]] = {}
        for name in ("ada", "bob", "sam"):
            user = await archive.accounts.create_user(name, PASSWORD, is_staff=name == "sam")
            headers = as_user(await archive.accounts.token_of(user))
            answers = [await client.get("/profile/", headers=headers) for _ in range(4)]
            statuses[name] = [each.status_code for each in answers]
    assert statuses["ada"] == statuses["bob"] == [200, 200, 429, 429]
    assert statuses["sam"] == [200] * 4


@pytest.mark.asyncio
async def test_a_mount_says_it_in_its_own_form(make_archive: Maker) -> None:
    archive = make_archive(throttle_users="1/minute")
    user = await archive.accounts.create_user("ada", PASSWORD)
    headers = as_user(await archive.accounts.token_of(user))
    async with a_client_from(archive, "10.0.0.1") as client:
        assert (await client.get("/pyobs/frames/", headers=headers)).status_code == 200
        refused = await client.get("/pyobs/frames/", headers=headers)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    assert refused.json() == {"detail": "Request was throttled. Expected available in 60 seconds."}


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/api-token-auth/", "/login/"])
async def test_failed_logins_to_one_account_are_limited(
    make_archive: Maker, clock: MovingClock, path: str
) -> None:
    archive = make_archive(login_rate_per_user="3/15 minutes")
    await archive.accounts.create_user("ada", PASSWORD, email="ada@example.org")
    right = {"username": "ada", "password": PASSWORD}
    async with a_client_from(archive, "10.0.0.1") as client:
        for name in ("ada", "ADA", "ada@example.org"):
            wrong = {"username": name, "password": "no"}
            assert (await client.post(path, json=wrong)).status_code == 400
        refused = await client.post(path, json=right)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "900"
        assert "log-ins have failed" in refused.json()["detail"]
        clock.now += timedelta(minutes=15)
        assert (await client.post(path, json=right)).status_code == 200


@pytest.mark.asyncio
async def test_a_right_password_wipes_the_slate(make_archive: Maker) -> None:
    archive = make_archive(login_rate_per_user="2/day", login_rate_per_address="3/day")
    await archive.accounts.create_user("ada", PASSWORD)
    async with a_client_from(archive, "10.0.0.1") as client:
        for password in (*["no", PASSWORD] * 2, *[PASSWORD] * 5):
            body = {"username": "ada", "password": password}
            answer = await client.post("/api-token-auth/", json=body)
            assert answer.status_code == (200 if password == PASSWORD else 400)


@pytest.mark.asyncio
async def test_failed_logins_from_one_address_are_limited(make_archive: Maker) -> None:
    archive = make_archive(login_rate_per_address="3/day", login_rate_per_user="off")
    async with a_client_from(archive, "10.0.0.1") as one, a_client_from(archive, "10.0.0.2") as two:
        statuses = []
        for number in range(5):
            body = {"username": f"nobody{number}", "password": "no"}
            statuses.append((await one.post("/api-token-auth/", json=body)).status_code)
        assert statuses == [400, 400, 400, 429, 429]
        body = {"username": "nobody", "password": "no"}
        assert (await two.post("/api-token-auth/", json=body)).status_code == 400


@pytest.mark.asyncio
async def test_no_name_that_was_typed_is_stored(make_archive: Maker, sessions: Sessions) -> None:
    archive = make_archive()
    async with a_client_from(archive, "10.0.0.1") as client:
        body = {"username": "my secret password", "password": "no"}
        await client.post("/api-token-auth/", json=body)
    async with transaction(sessions) as session:
        subjects = set(await session.scalars(select(ThrottleCounterRow.subject)))
    assert len(subjects) == 2
    assert "log-in from 10.0.0.1" in subjects
    assert "secret" not in str(subjects)


@pytest.mark.asyncio
async def test_many_at_once_are_not_let_through_together(
    committed_sessions: Sessions,
) -> None:
    throttles = [Throttle(committed_sessions, lambda: NOW) for _ in range(4)]

    async def hit(number: int) -> bool:
        try:
            await throttles[number % 4].hit("x", Rate(10, 60))
        except ThrottledError:
            return False
        return True

    assert sum(await asyncio.gather(*(hit(number) for number in range(40)))) == 10


@pytest.mark.asyncio
async def test_counts_that_are_over_are_forgotten(sessions: Sessions, clock: MovingClock) -> None:
    throttle = Throttle(sessions, clock)
    for number in range(5):
        await throttle.hit(f"old {number}", Rate(1, 60))
    clock.now += timedelta(seconds=60)
    await throttle.hit("new", Rate(1, 60))
    async with transaction(sessions) as session:
        assert list(await session.scalars(select(ThrottleCounterRow.subject))) == ["new"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("testclient", "testclient"),
        (None, None),
    ],
)
def test_what_a_client_is_to_the_network(host: str | None, address: str | None) -> None:
    scope: dict[str, Any] = {"type": "http", "headers": [], "client": host and (host, 1)}
    assert client_address(Request(scope)) == address


@pytest.mark.asyncio
async def test_a_forwarded_address_is_believed_of_trusted_proxies_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[dict[str, object]] = []
    monkeypatch.setattr("app.serving.uvicorn.run", lambda *_, **given: asked.append(given))
    monkeypatch.setattr("app.serving.configure_logs", lambda **_: None)
    monkeypatch.setenv("SKYSHELF_DATABASE_URL", "")
    base = settings_in(tmp_path).with_database("postgresql+asyncpg://host/name")
    serve(base)
    serve(base.model_copy(update={"trusted_proxies": ("10.0.0.0/8",)}))
    assert asked[0]["proxy_headers"] is False
    assert asked[1]["proxy_headers"] is True
    assert await _seen_by(asked[1]["forwarded_allow_ips"], "10.0.0.9") == "1.2.3.4"
    assert await _seen_by(asked[1]["forwarded_allow_ips"], "192.168.0.9") == "192.168.0.9"


async def _seen_by(trusted: Any, peer: str) -> str | None:  # noqa: ANN401  # of a dict
    """Say who a client is behind uvicorn's middleware."""
    seen: list[str | None] = []

    async def app(scope: Any, *_: object) -> None:  # noqa: ANN401  # ASGI
        seen.append(client_address(Request(scope)))

    scope: Any = {
        "type": "http",
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", b"6.6.6.6, 1.2.3.4")],
    }
    middleware: Any = ProxyHeadersMiddleware(app, trusted_hosts=trusted)
    await middleware(scope, None, None)
    return seen[0]


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1000/day", Rate(1000, 86_400)),
        ("10/15 minutes", Rate(10, 900)),
        (" 5 / Hour ", Rate(5, 3600)),
        ("1/2seconds", Rate(1, 2)),
        ("OFF", None),
    ],
)
def test_rates(text: str, rate: Rate | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "0/day", "1/0 days", "-1/day", "1/week", "many", "1000", "9" * 5000]
)
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(InvalidError, match="1000/day"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [("throttle_users", "many"), ("login_rate_per_user", ""), ("trusted_proxies", "proxy.local")],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidError, match=f"SKYSHELF_{name.upper()}"):
        load_settings(_env_file=None, **{name: value})
