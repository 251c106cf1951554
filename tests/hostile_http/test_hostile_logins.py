"""Log-ins that guess: no hint who exists, no way around the limits, no harm to anybody else."""

import asyncio
import statistics
import threading
import time

import httpx
import pytest
from sqlalchemy import text

from app.accounts import passwords
from app.db.engine import transaction
from tests.support.hostile_world import PASSWORD, World
from tests.support.live_api import LiveApi
from tests.support.long_run import LONG_ONLY

ENDPOINTS = ("/login/", "/archive/api-token-auth/")


def log_in(live: LiveApi, path: str, name: str, password: str) -> httpx.Response:
    data = {"username": name, "password": password}
    return httpx.post(live.url + path, data=data, timeout=60)


class Counted:
    """Counts what is hashed and what is verified."""

    def __init__(self, real: object) -> None:
        self.real = real
        self.calls: list[str] = []
        self.threads: set[str] = set()

    def __getattr__(self, name: str) -> object:
        method = getattr(self.real, name)

        def call(*args: object) -> object:
            self.calls.append(name)
            self.threads.add(threading.current_thread().name)
            return method(*args)

        return call


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted(passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", counted)
    return counted


@pytest.mark.parametrize("path", ENDPOINTS)
def test_each_attempt_costs_one_hash_whoever_is_named(
    live: LiveApi, world: World, counted: Counted, path: str
) -> None:
    assert world.tokens
    live.run(live.archive.accounts.set_active("user", is_active=False))
    try:
        answers = {
            name: log_in(live, path, name, "wrong")
            for name in ("staff", "user", "nobody-has-this-name", "\u202e", "a" * 100)
        }
    finally:
        live.run(live.archive.accounts.set_active("user", is_active=True))
    assert sorted(counted.calls) == ["hash"] * 3 + ["verify_and_update"] * 2
    assert {answer.status_code for answer in answers.values()} == {400}
    texts = {answer.text.replace(answer.headers["x-request-id"], "") for answer in answers.values()}
    assert len(texts) == 1


def test_the_hash_of_nobody_costs_as_much_as_that_of_somebody(live: LiveApi, world: World) -> None:
    assert world.tokens

    async def stored() -> str:
        async with transaction(live.archive.sessions) as session:
            found = await session.scalar(text("SELECT password_hash FROM users LIMIT 1"))
        assert isinstance(found, str)
        return found

    dummy = asyncio.run(passwords.hash_password("x"))
    assert dummy.split("$")[:4] == live.run(stored()).split("$")[:4]


def test_an_inactive_user_is_nobody(live: LiveApi, world: World) -> None:
    token = world.tokens["user"]
    live.run(live.archive.accounts.set_active("user", is_active=False))
    try:
        assert log_in(live, "/login/", "user", PASSWORD).status_code == 400
        headers = {"Authorization": f"Token {token}"}
        assert httpx.get(f"{live.url}/frames/", headers=headers).status_code == 401
    finally:
        live.run(live.archive.accounts.set_active("user", is_active=True))


def test_passwords_have_threads_of_their_own(live: LiveApi, world: World, counted: Counted) -> None:
    """A flood of log-ins, and meanwhile others are served."""
    assert world.tokens

    async def flood() -> list[int]:
        async with httpx.AsyncClient(base_url=live.url, timeout=60) as client:
            data = {"username": "staff", "password": "wrong"}
            logins = [
                asyncio.create_task(client.post("/api-token-auth/", data=data)) for _ in range(12)
            ]
            await asyncio.sleep(0.1)
            others = [await client.get("/health/ready/") for _ in range(5)]
            others.append(await client.get(f"/frames/{world.frames['public'].id}/download/"))
            is_under_way = not all(each.done() for each in logins)
            statuses = [(await each).status_code for each in logins]
            assert set(statuses) == {400}
            assert is_under_way, "the others waited for the log-ins"
            return [each.status_code for each in others]

    assert set(asyncio.run(flood())) <= {200, 503}  # 503: this machine's disk may be full
    assert len(counted.threads) <= passwords.AT_ONCE
    assert all(name.startswith("password") for name in counted.threads)


@pytest.mark.parametrize(
    "value",
    [
        "Token", "Bearer", "Token a b", "Token \u00e9", "Token " + "x" * 5000, "Token " + "0" * 40,
        "token null", "Token '; --", "Token 0", "BEARER x", "Token\tx", "Token ,",
    ],
)  # fmt: skip
def test_an_odd_token_is_refused_everywhere(live: LiveApi, world: World, value: str) -> None:
    assert world.frames
    for path in ("/frames/", "/profile/", "/archive/frames/", "/pyobs/frames/"):
        answer = httpx.get(live.url + path, headers=[(b"Authorization", value.encode())])
        assert answer.status_code == 401, (path, answer.text)
        assert answer.headers["www-authenticate"]
        assert value not in answer.text


def test_a_token_in_the_query_opens_nothing(live: LiveApi, world: World) -> None:
    query = {"auth_token": world.tokens["superuser"], "token": world.tokens["superuser"]}
    hidden = world.frames["proprietary"].id
    for path in (f"/frames/{hidden}/", f"/archive/frames/{hidden}/download/"):
        assert httpx.get(live.url + path, params=query).status_code in {401, 404}


@LONG_ONLY
def test_how_long_log_ins_take(live: LiveApi, world: World) -> None:
    """Print the medians of many log-ins with a wrong password; nothing is asserted of times."""
    assert world.tokens
    names = {"a user": "staff", "nobody": "nobody-has-this-name"}
    took: dict[str, list[float]] = {kind: [] for kind in names}
    with httpx.Client(base_url=live.url, timeout=60) as client:
        for _ in range(50):
            for kind, name in names.items():
                start = time.perf_counter()
                client.post("/login/", data={"username": name, "password": "wrong"})
                took[kind].append((time.perf_counter() - start) * 1000)
    for kind, values in took.items():
        quarter, median, three = statistics.quantiles(values, n=4)
        print(f"{kind}: {median:.1f} ms ({quarter:.1f} to {three:.1f})")  # noqa: T201  # the figure
