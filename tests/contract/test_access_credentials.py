"""Who somebody is, in every dialect alike: tokens, sessions, and what is wrong with them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, a_frame
from tests.support.serving import Served, as_user, served
from tests.support.thumbnail_frames import file_of, ramp

pytestmark = pytest.mark.asyncio

MOUNTS = ["", "/pyobs", "/archive"]
READS = ["/frames/", "/pyobs/frames/", "/archive/frames/", "/thumbnails/secret/"]
LOGIN = {"username": "ada", "password": "ada has a password"}


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload)
    async with served(archive) as opened:
        await a_frame(
            sessions,
            "secret",
            content=file_of(ramp()),
            store=archive.store,
            proposal="P1",
            public_at=FUTURE,
        )
        yield opened


@pytest_asyncio.fixture
async def token(api: Served) -> str:
    return await api.a_user("ada", proposals=("P1",))


def said(answer: httpx.Response) -> str:
    """Give the text of a refusal, in whatever form."""
    refusal = answer.json()
    return str(refusal.get("detail") or refusal["message"])


@pytest.mark.parametrize("path", READS)
async def test_pyo_3_arc_2_shr_2_one_token_opens_every_dialect(
    api: Served, token: str, path: str
) -> None:
    for headers in (
        {"Authorization": f"Token {token}"},
        {"Authorization": f"Bearer {token}"},
        {"Authentication": f"Token {token}"},
    ):
        answer = await api.client.get(path, headers=headers)
        assert answer.status_code == 200
        assert "secret" in answer.text or "url" in answer.json()


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Token " + "0" * 40, "Invalid token."),
        ("Bearer \xe4", "Invalid token."),
        ("Token", "Invalid token header. No credentials provided."),
        ("Token a b", "Invalid token header. Token string should not contain spaces."),
    ],
)
async def test_arc_2_a_wrong_token_is_refused_everywhere(
    api: Served, path: str, value: str, text: str
) -> None:
    answer = await api.client.get(path, headers=[(b"Authorization", value.encode("latin-1"))])
    assert (answer.status_code, said(answer)) == (401, text)
    assert answer.headers["www-authenticate"] == "Token"


@pytest.mark.parametrize("path", READS)
async def test_pyo_3_arc_2_of_two_headers_authorization_decides(
    api: Served, token: str, path: str
) -> None:
    right, wrong = f"Token {token}", "Token " + "0" * 40
    both = {"Authorization": right, "Authentication": wrong}
    assert (await api.client.get(path, headers=both)).status_code == 200
    both = {"Authorization": wrong, "Authentication": right}
    assert (await api.client.get(path, headers=both)).status_code == 401
    twice = [("Authorization", right), ("Authorization", right)]
    answer = await api.client.get(path, headers=twice)
    assert answer.status_code == 401
    assert said(answer).startswith("Invalid token header. ")


@pytest.mark.parametrize("path", READS)
async def test_pyo_4_arc_2_a_disabled_user_is_refused(api: Served, token: str, path: str) -> None:
    await api.archive.accounts.set_active("ada", is_active=False)
    answer = await api.get(path, token)
    assert (answer.status_code, said(answer)) == (401, "User inactive or deleted.")


@pytest.mark.parametrize("path", READS)
async def test_pyo_3_a_session_opens_every_dialect(api: Served, token: str, path: str) -> None:
    assert len(token) == 40
    assert (await api.client.get(path)).status_code != 200 or "secret" not in (
        await api.client.get(path)
    ).text
    assert (await api.client.post("/login/", data=LOGIN)).status_code == 200
    answer = await api.client.get(path)
    assert answer.status_code == 200
    assert "secret" in answer.text or "url" in answer.json()


@pytest.mark.parametrize("mount", [*MOUNTS, "/thumbnails"])
async def test_pyo_1_arc_1_a_token_is_the_same_at_every_mount(
    api: Served, token: str, mount: str
) -> None:
    path = f"{mount}/api-token-auth/"
    for arguments in ({"data": LOGIN}, {"json": LOGIN}, {"headers": as_user(token)}):
        answer = await api.client.post(path, **arguments)  # type: ignore[arg-type]  # of httpx
        assert (answer.status_code, answer.json()) == (200, {"token": token})
    wrong = await api.client.post(path, data={**LOGIN, "password": "no"})
    assert wrong.status_code == 400
    text, told = "Unable to log in with provided credentials.", wrong.json()
    assert told == {"message": text} or told["non_field_errors"] == [text]


@pytest.mark.parametrize("mount", ["", "/archive"])
async def test_arc_6_shr_2_a_revoked_token_opens_nothing(
    api: Served, token: str, mount: str
) -> None:
    anonymous = await api.client.post(f"{mount}/revoke_token/")
    assert anonymous.status_code == 401
    assert said(anonymous) == "Authentication credentials were not provided."
    answer = await api.client.post(f"{mount}/revoke_token/", headers=as_user(token))
    assert (answer.status_code, answer.json()) == (200, {"message": "API token revoked."})
    for path in READS:
        refused = await api.get(path, token)
        assert (refused.status_code, said(refused)) == (401, "Invalid token.")
    new = (await api.client.post(f"{mount}/api-token-auth/", data=LOGIN)).json()["token"]
    assert new != token
    assert (await api.get("/pyobs/frames/", new)).status_code == 200


@pytest.mark.parametrize("mount", ["", "/archive"])
async def test_arc_90_a_profile(api: Served, token: str, mount: str) -> None:
    answer = await api.get(f"{mount}/profile/", token)
    assert answer.json() == {
        "username": "ada",
        "profile": {"proposals": ["P1"]},
        "is_staff": False,
    }
    anonymous = await api.get(f"{mount}/profile/")
    assert anonymous.json() == {"username": "", "profile": {}, "is_staff": False}


@pytest.mark.parametrize("path", [*READS, "/archive/health/"])
async def test_arc_7_other_sites_may_read_without_cookies(
    api: Served, token: str, path: str
) -> None:
    origin = {"Origin": "https://elsewhere.test"}
    answer = await api.client.get(path, headers=origin | as_user(token))
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    for method in ("GET", "POST"):
        asked = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        assert (await api.client.options(path, headers=origin | asked)).status_code == 200


@pytest.mark.parametrize("mount", MOUNTS)
async def test_pyo_41_arc_60_a_zip_by_session_or_by_the_token_in_the_form(
    api: Served, token: str, mount: str
) -> None:
    secret = await api.archive.frames.get_by_name(
        "secret", await api.archive.accounts.caller_for_token(token)
    )
    path, ids = f"{mount}/frames/zip/", {"frame_ids[]": [str(secret.id)]}
    assert (await api.client.post(path, data=ids)).status_code in {401, 404}
    by_token = await api.client.post(path, data=ids | {"auth_token": token})
    assert by_token.status_code == 200
    await api.client.post("/login/", data=LOGIN)
    assert (await api.client.post(path, data=ids)).status_code == 403
    csrf = {"csrfmiddlewaretoken": api.client.cookies["csrftoken"]}
    by_session = await api.client.post(path, data=ids | csrf)
    assert by_session.status_code == 200
    assert by_session.headers["content-type"] == "application/zip"


@pytest.mark.parametrize("path", ["/", "/pyobs/", "/pyobs"])
async def test_pyo_6_the_base_url_sets_csrftoken(api: Served, path: str) -> None:
    answer = await api.client.get(path)
    assert answer.status_code == 200
    assert len(answer.cookies["csrftoken"]) >= 32


async def test_pyo_6_a_token_needs_no_csrf_value(api: Served) -> None:
    staff = await api.a_user("sam", is_staff=True)
    await api.client.get("/pyobs/")
    form = {"csrfmiddlewaretoken": "whatever"}
    answer = await api.client.post("/pyobs/frames/create/", data=form, headers=as_user(staff))
    assert answer.status_code == 200
    assert answer.json()["created"] == 0


async def test_pyo_5_arc_5_rights_are_asked_of_sessions_too(api: Served, token: str) -> None:
    await api.client.post("/login/", data=LOGIN)
    csrf = {"X-CSRFToken": api.client.cookies["csrftoken"]}
    for path in ("/pyobs/frames/create/", "/frames/create/", "/archive/frames/"):
        answer = await api.client.post(path, headers=csrf)
        assert (answer.status_code, said(answer)) == (
            403,
            "You do not have permission to perform this action.",
        )
        answer = await api.client.post(path)
        assert answer.status_code == 403
        assert said(answer).startswith("CSRF Failed")
    assert (await api.get("/archive/versions/", token)).status_code == 403
