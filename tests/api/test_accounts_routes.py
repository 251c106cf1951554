"""Login and profile over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import a_client, an_archive, settings_in

pytestmark = pytest.mark.asyncio

PASSWORD = "correct horse"  # noqa: S105  # of a test


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    factory = an_archive(settings_in(tmp_path), sessions, engine, offload)
    await factory.accounts.create_user("ada", PASSWORD, email="ada@example.org")
    await factory.proposals.add_member("P1", "ada")
    return factory


@pytest_asyncio.fixture
async def client(archive: Factory) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(archive) as opened:
        yield opened


@pytest.mark.parametrize("name", ["ada", "ADA", "ada@example.org"])
@pytest.mark.parametrize("kind", ["data", "json", "multipart"])
async def test_login_gives_the_same_token_again(
    client: httpx.AsyncClient, name: str, kind: str
) -> None:
    body = {"username": name, "password": PASSWORD}
    sent = {"files": {key: (None, value) for key, value in body.items()}}
    arguments = sent if kind == "multipart" else {kind: body}
    first = await client.post("/api-token-auth/", **arguments)
    again = await client.post("/api-token-auth", data=body)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert len(first.json()["token"]) == 40


async def test_wrong_credentials(client: httpx.AsyncClient) -> None:
    for name in ("ada", "nobody"):
        answer = await client.post("/api-token-auth/", data={"username": name, "password": "no"})
        assert answer.status_code == 400
        text = "Unable to log in with provided credentials."
        assert answer.json()["non_field_errors"] == [text]


async def test_missing_fields_are_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api-token-auth/", json={})
    assert answer.status_code == 400
    assert answer.json()["username"] == ["This field is required."]
    assert answer.json()["password"] == ["This field is required."]
    broken = await client.post(
        "/api-token-auth/", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert broken.status_code == 400
    assert broken.json()["detail"].startswith("JSON parse error")


async def test_a_get_is_not_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api-token-auth/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("header", "template"),
    [
        ("Authorization", "Token {}"),
        ("Authorization", "Bearer {}"),
        ("Authorization", "token {}"),
        ("Authentication", "Token {}"),
    ],
)
async def test_the_token_opens_the_profile(
    client: httpx.AsyncClient, header: str, template: str
) -> None:
    body = {"username": "ada", "password": PASSWORD}
    token = (await client.post("/api-token-auth/", data=body)).json()["token"]
    answer = await client.get("/profile/", headers={header: template.format(token)})
    assert answer.json() == {
        "username": "ada",
        "profile": {"proposals": ["P1"]},
        "is_staff": False,
    }


async def test_an_anonymous_profile_is_empty(client: httpx.AsyncClient) -> None:
    answer = await client.get("/profile/")
    assert answer.json() == {"username": "", "profile": {}, "is_staff": False}


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("Token " + "0" * 40, "Invalid token."),
        ("Token", "Invalid token header. No credentials provided."),
        ("Token a b", "Invalid token header. Token string should not contain spaces."),
    ],
)
async def test_a_wrong_token_is_refused_even_for_public_reads(
    client: httpx.AsyncClient, value: str, detail: str
) -> None:
    answer = await client.get("/profile/", headers={"Authorization": value})
    assert answer.status_code == 401
    assert answer.json()["detail"] == detail
    assert answer.headers["www-authenticate"] == "Token"


async def test_a_disabled_user_is_refused(client: httpx.AsyncClient, archive: Factory) -> None:
    body = {"username": "ada", "password": PASSWORD}
    token = (await client.post("/api-token-auth/", data=body)).json()["token"]
    await archive.accounts.set_active("ada", is_active=False)
    answer = await client.get("/profile/", headers={"Authorization": f"Token {token}"})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "User inactive or deleted."


@pytest.mark.parametrize("header", ["Authorization", "Authentication"])
@pytest.mark.parametrize("value", ["Basic eDp5", "", "Digest x", "Key abc"])
async def test_other_schemes_are_not_ours(
    client: httpx.AsyncClient, header: str, value: str
) -> None:
    answer = await client.get("/profile/", headers={header: value})
    assert (answer.status_code, answer.json()["username"]) == (200, "")


async def test_authorization_decides(client: httpx.AsyncClient, archive: Factory) -> None:
    token = await archive.accounts.log_in("ada", PASSWORD)
    right, wrong = f"Token {token}", "Token " + "0" * 40

    async def ask(authorization: str, authentication: str) -> tuple[int, str]:
        headers = {"Authorization": authorization, "Authentication": authentication}
        answer = await client.get("/profile/", headers=headers)
        return answer.status_code, answer.json().get("username", "")

    assert await ask(right, wrong) == (200, "ada")
    assert await ask(wrong, right) == (401, "")
    assert await ask("Basic eDp5", right) == (200, "")
    assert await ask("", right) == (200, "")


@pytest.mark.parametrize("name", ["Authorization", "Authentication"])
async def test_the_same_header_twice_is_refused(
    client: httpx.AsyncClient, archive: Factory, name: str
) -> None:
    value = f"Token {await archive.accounts.log_in('ada', PASSWORD)}"
    answer = await client.get("/profile/", headers=[(name, value), (name, value)])
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("Invalid token header. ")
    joined = await client.get("/profile/", headers={name: f"{value}, {value}"})
    assert joined.status_code == 401


async def test_a_token_is_given_back_without_a_body(
    client: httpx.AsyncClient, archive: Factory
) -> None:
    token = await archive.accounts.log_in("ada", PASSWORD)
    answer = await client.post("/api-token-auth/", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"token": token}
    wrong = await client.post("/api-token-auth/", headers={"Authorization": "Token " + "0" * 40})
    assert (wrong.status_code, wrong.json()["detail"]) == (401, "Invalid token.")
    nothing = await client.post("/api-token-auth/")
    assert nothing.status_code == 400
    assert nothing.json()["username"] == ["This field is required."]


async def test_a_body_counts_more_than_the_header(
    client: httpx.AsyncClient, archive: Factory
) -> None:
    await archive.accounts.create_user("bob", PASSWORD)
    bob = await archive.accounts.log_in("bob", PASSWORD)
    body = {"username": "ada", "password": PASSWORD}
    for old in (bob, "0" * 40):
        headers = {"Authorization": f"Token {old}"}
        answer = await client.post("/api-token-auth/", data=body, headers=headers)
        assert answer.json() == {"token": await archive.accounts.log_in("ada", PASSWORD)}


async def test_a_revoked_token_fails_everywhere(
    client: httpx.AsyncClient, archive: Factory
) -> None:
    token = await archive.accounts.log_in("ada", PASSWORD)
    headers = {"Authorization": f"Token {token}"}
    answer = await client.post("/revoke_token", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"message": "API token revoked."})
    for path in ("/profile/", "/frames/", "/pyobs/frames/"):
        refused = await client.get(path, headers=headers)
        assert (refused.status_code, refused.json()["detail"]) == (401, "Invalid token.")
    assert (await client.post("/revoke_token/")).status_code == 401
    assert (await client.get("/revoke_token/")).status_code == 405
    assert await archive.accounts.log_in("ada", PASSWORD) != token
