"""Tokens, who may do what, and the page at the base URL."""

import re
from typing import Any

import httpx
import pytest

from tests.support.pyobs import Pyobs
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio

LOGIN = "/pyobs/api-token-auth/"
CREDENTIALS = {"username": "user", "password": "user has a password"}
NOT_GIVEN = {"detail": "Authentication credentials were not provided."}
READS = [
    "frames/", "frames/aggregate/", "frames/zip/", "frames/1/", "frames/1/related/",
    "frames/1/headers/", "frames/1/preview/", "frames/1/download/", "frames/1/catalog/",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["data", "json", "files"])
async def test_pyo_1_a_token_for_name_and_password(pyobs: Pyobs, kind: str) -> None:
    sent: dict[str, Any] = {name: (None, text) for name, text in CREDENTIALS.items()}
    body: dict[str, Any] = {kind: sent if kind == "files" else CREDENTIALS}
    for path in (LOGIN, LOGIN.rstrip("/")):
        answer = await pyobs.client.post(path, **body)
        assert (answer.status_code, answer.json()) == (200, {"token": pyobs.user})
    assert re.fullmatch("[0-9a-f]{40}", pyobs.user)


async def test_pyo_2_wrong_or_missing_credentials(pyobs: Pyobs) -> None:
    wrong = await pyobs.client.post(LOGIN, data={**CREDENTIALS, "password": "x"})
    text = ["Unable to log in with provided credentials."]
    assert (wrong.status_code, wrong.json()) == (400, {"non_field_errors": text})
    missing = await pyobs.client.post(LOGIN, json={})
    required = ["This field is required."]
    assert missing.status_code == 400
    assert missing.json() == {"username": required, "password": required}
    got = await pyobs.client.get(LOGIN)
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert got.json() == {"detail": 'Method "GET" not allowed.'}


async def ask(pyobs: Pyobs, **headers: str) -> httpx.Response:
    return await pyobs.client.get("/pyobs/frames/", headers=headers)


async def test_pyo_3_headers_that_carry_a_token(pyobs: Pyobs) -> None:
    token, wrong = f"Token {pyobs.user}", "Token " + "0" * 40
    for headers in (
        {"Authorization": token},
        {"Authorization": f"Bearer {pyobs.user}"},
        {"Authentication": token},
        {"Authorization": token, "Authentication": wrong},
    ):
        assert (await ask(pyobs, **headers)).status_code == 200
    both = await ask(pyobs, Authorization=wrong, Authentication=token)
    assert (both.status_code, both.json()) == (401, {"detail": "Invalid token."})


@pytest.mark.parametrize("path", READS)
async def test_pyo_4_every_frame_needs_a_user(pyobs: Pyobs, path: str) -> None:
    answer = await pyobs.client.get(f"/pyobs/{path}")
    assert (answer.status_code, answer.json()) == (401, NOT_GIVEN)
    assert answer.headers["www-authenticate"] == "Token"
    answer = await pyobs.client.get(f"/pyobs/{path}", headers=as_user("0" * 40))
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})
    assert answer.headers["www-authenticate"] == "Token"


async def test_pyo_4_the_user_comes_before_anything_else(pyobs: Pyobs) -> None:
    for path in ("frames/?RLEVEL=x", "frames/?limit=x", "frames/?sort=x", "frames/zip/?night=x"):
        assert (await pyobs.client.get(f"/pyobs/{path}")).json() == NOT_GIVEN
    assert (await pyobs.client.post("/pyobs/frames/create/")).json() == NOT_GIVEN
    assert (await pyobs.client.delete("/pyobs/frames/1/delete/")).json() == NOT_GIVEN


async def test_pyo_4_a_switched_off_user(pyobs: Pyobs) -> None:
    await pyobs.archive.accounts.set_active("user", is_active=False)
    answer = await pyobs.get("frames/")
    assert (answer.status_code, answer.json()) == (401, {"detail": "User inactive or deleted."})


async def test_pyo_5_staff_only(pyobs: Pyobs) -> None:
    denied = {"detail": "You do not have permission to perform this action."}
    made = await pyobs.a_file("kept", b"bytes")
    for answer in (
        await pyobs.post("frames/create/", files={"file": ("a.fits", b"x")}),
        await pyobs.delete(made.id, pyobs.user),
    ):
        assert (answer.status_code, answer.json()) == (403, denied)
    assert await pyobs.found() == ["kept"]


@pytest.mark.parametrize("path", ["/pyobs/", "/pyobs"])
async def test_pyo_6_the_base_url_sets_a_cookie(pyobs: Pyobs, path: str) -> None:
    for answer in (await pyobs.client.get(path), await pyobs.client.head(path)):
        assert (answer.status_code, answer.history) == (200, [])
        assert answer.headers["content-type"].startswith("text/html")
        assert len(answer.cookies["csrftoken"]) >= 32
    assert [name for name in answer.cookies if name.endswith("csrftoken")] == ["csrftoken"]


async def test_pyo_6_a_token_needs_no_csrf_field(pyobs: Pyobs) -> None:
    made = await pyobs.a_file("one", b"bytes", extension=".fits.fz")
    for value in ("wrong", ""):
        form = {"frame_ids[]": str(made.id), "csrfmiddlewaretoken": value}
        assert (await pyobs.post("frames/zip/", data=form)).status_code == 200
