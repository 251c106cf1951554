"""Tokens, who sees what, profile and health at the LCO archive's mount."""

from datetime import timedelta
from typing import Any

import pytest

from app.db.engine import Sessions
from tests.support.archive import NOW
from tests.support.frames import FUTURE, PAST, a_frame
from tests.support.lco import Lco, a_stub
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio

WRONG = {"non_field_errors": ["Unable to log in with provided credentials."]}
LOGIN = {"username": "eva", "password": "eva has a password"}


@pytest.mark.parametrize("path", ["/archive/", "/archive"])
async def test_the_base_url_leads_to_the_documents(lco: Lco, path: str) -> None:
    page = await lco.client.get(path)
    assert (page.status_code, "LCO science archive" in page.text) == (200, True)
    assert 'href="http://archive.test/archive/docs"' in page.text
    assert (await lco.get("docs")).status_code == 200


@pytest.mark.parametrize("kind", ["data", "json", "files"])
async def test_arc_1_a_token_for_name_and_password(lco: Lco, kind: str) -> None:
    token = await lco.served.a_user("eva")
    body: Any = {name: (None, value) for name, value in LOGIN.items()} if kind == "files" else LOGIN
    for _ in range(2):
        answer = await lco.post("api-token-auth/", **{kind: body})
        assert (answer.status_code, answer.json()) == (200, {"token": token})


async def test_arc_1_the_name_may_be_an_address(lco: Lco) -> None:
    accounts = lco.archive.accounts
    user = await accounts.create_user("eva", LOGIN["password"], email="eva@example.org")
    answer = await lco.post("api-token-auth/", json=LOGIN | {"username": "Eva@Example.org"})
    assert answer.json() == {"token": await accounts.token_of(user)}


@pytest.mark.parametrize("change", [{"password": "no"}, {"username": "adam"}])
async def test_arc_1_wrong_credentials(lco: Lco, change: dict[str, str]) -> None:
    await lco.served.a_user("eva")
    answer = await lco.post("api-token-auth", json=LOGIN | change)
    assert (answer.status_code, answer.json()) == (400, WRONG)


async def test_arc_1_fields_are_required(lco: Lco) -> None:
    answer = await lco.post("api-token-auth/", json={"username": ""})
    required = ["This field is required."]
    assert answer.status_code == 400
    assert answer.json() == {"username": ["This field may not be blank."], "password": required}


async def test_arc_1_a_valid_token_gets_itself(lco: Lco) -> None:
    token = await lco.served.a_user("eva")
    answer = await lco.post("api-token-auth/", token)
    assert (answer.status_code, answer.json()) == (200, {"token": token})
    assert (await lco.post("api-token-auth/", "0" * 40)).status_code == 401
    assert (await lco.post("api-token-auth/")).status_code == 400


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
async def test_arc_2_both_schemes(lco: Lco, sessions: Sessions, scheme: str) -> None:
    await a_frame(sessions, "hidden", public_at=FUTURE, proposal="P")
    token = await lco.served.a_user("eva", proposals=("P",))
    headers = {"Authorization": f"{scheme} {token}"}
    answer = await lco.client.get("/archive/frames/", headers=headers)
    assert [item["basename"] for item in answer.json()["results"]] == ["hidden"]


@pytest.mark.parametrize("path", ["frames/", "frames/1/", "profile/", "aggregate/"])
async def test_arc_2_an_unknown_token_is_refused(lco: Lco, path: str) -> None:
    answer = await lco.get(path, "f" * 40)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})
    assert answer.headers["www-authenticate"] == "Token"


async def population(sessions: Sessions) -> None:
    """Make frames of every kind of publicity."""
    await a_frame(sessions, "public", public_at=PAST)
    await a_frame(sessions, "mine", public_at=FUTURE, proposal="P")
    await a_frame(sessions, "other", public_at=FUTURE, proposal="Q")
    await a_frame(sessions, "never", public_at=None, proposal="Q")
    await a_frame(sessions, "soon", public_at=NOW + timedelta(seconds=1))
    await a_frame(sessions, "just", public_at=NOW)


async def test_arc_3_who_sees_what(lco: Lco, sessions: Sessions) -> None:
    await population(sessions)
    member = await lco.served.a_user("member", proposals=("P",))
    staff = await lco.served.a_user("staff", is_staff=True)
    root = await lco.served.a_user("root", is_superuser=True)
    everything = {"public", "mine", "other", "never", "soon", "just"}
    assert set(await lco.found()) == {"public", "just"}
    assert set(await lco.found(member)) == {"public", "just", "mine"}
    assert set(await lco.found(staff)) == {"public", "just"}
    assert set(await lco.found(root)) == everything


async def test_arc_3_internal_frames_are_for_users(lco: Lco, sessions: Sessions) -> None:
    await a_frame(sessions, "internal", public_at=None, is_internal=True)
    assert await lco.found() == []
    assert await lco.found(await lco.served.a_user("eva")) == ["internal"]


SUBPATHS = [
    "frames/{}/",
    "frames/{}/related/",
    "frames/{}/headers/",
    "frames/{}/download/",
    "frame-funpack/{}/funpack/",
    "frame-catalog/{}/catalog/",
]


@pytest.mark.parametrize("path", SUBPATHS)
async def test_arc_4_an_invisible_frame_does_not_exist(
    lco: Lco, sessions: Sessions, path: str
) -> None:
    made = await a_frame(sessions, public_at=FUTURE, proposal="P", has_catalog=True)
    other = await lco.served.a_user("other", proposals=("Q",))
    for number in (made.id, made.id + 999, 2**63 - 1, 2**63, 10**30, "x", "-1", "0"):
        for token in (None, other):
            answer = await lco.get(path.format(number), token)
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


async def test_arc_4_a_related_frame_that_is_invisible(lco: Lco, sessions: Sessions) -> None:
    hidden = await a_frame(sessions, "hidden", public_at=FUTURE)
    made = await a_frame(sessions, related=["hidden"])
    item = (await lco.get(f"frames/{made.id}/")).json()
    assert item["related_frames"] == []
    assert (await lco.get(f"frames/{made.id}/related/")).json() == []
    assert str(hidden.id) not in item["related_frames"]


async def test_arc_6_revoke_token(lco: Lco) -> None:
    token = await lco.served.a_user("eva")
    answer = await lco.post("revoke_token/", token)
    assert (answer.status_code, answer.json()) == (200, {"message": "API token revoked."})
    assert (await lco.get("profile/", token)).json() == {"detail": "Invalid token."}
    renewed = (await lco.post("api-token-auth/", json=LOGIN)).json()["token"]
    assert renewed != token
    assert (await lco.get("profile/", renewed)).json()["username"] == "eva"
    assert (await lco.post("revoke_token")).status_code == 401
    assert (await lco.get("revoke_token/")).headers["allow"] == "POST"


async def test_arc_7_health_and_cors(lco: Lco) -> None:
    answer = await lco.client.get("/archive/health", headers={"Origin": "https://other.example"})
    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["access-control-allow-origin"] == "*"
    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "GET"}
    asked["Access-Control-Request-Headers"] = "authorization"
    answer = await lco.client.options("/archive/frames/", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_arc_90_profile(lco: Lco) -> None:
    answer = await lco.get("profile/")
    assert (answer.status_code, answer.json()) == (
        200,
        {"username": "", "profile": {}, "is_staff": False},
    )
    token = await lco.served.a_user("eva", is_staff=True, proposals=("Q", "P"))
    expected = {"username": "eva", "profile": {"proposals": ["P", "Q"]}, "is_staff": True}
    assert (await lco.get("profile", token)).json() == expected
    assert (await lco.client.get("/profile/", headers=as_user(token))).json() == expected
    adam = await lco.served.a_user("adam")
    assert (await lco.get("profile", adam)).json()["profile"] == {"proposals": []}


async def test_arc_4_a_stub_of_a_name_alone(lco: Lco, sessions: Sessions) -> None:
    root = await lco.served.a_user("root", is_superuser=True)
    stub = await a_stub(sessions, "stub")
    assert (await lco.get(f"frames/{stub}/", root)).status_code == 404
