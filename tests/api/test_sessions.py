"""Browsers: log-in, cookies, and what another site cannot make them do."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions, transaction
from app.db.tables import CredentialRow
from tests.support.archive import a_client, an_archive, settings_in
from tests.support.clocks import MovingClock
from tests.support.frames import FUTURE, a_frame

pytestmark = pytest.mark.asyncio

PASSWORD = "correct horse"  # noqa: S105  # of a test
COOKIE = "skyshelf_session"
FOREIGN = {"Origin": "https://elsewhere.test"}


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload, clock: MovingClock
) -> Factory:
    factory = an_archive(settings_in(tmp_path), sessions, engine, offload, clock)
    await factory.accounts.create_user("ada", PASSWORD)
    await factory.proposals.add_member("P1", "ada")
    return factory


@pytest_asyncio.fixture
async def browser(archive: Factory) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(archive) as opened:
        yield opened


async def log_in(browser: httpx.AsyncClient, kind: str = "data") -> httpx.Response:
    body = {kind: {"username": "ada", "password": PASSWORD}}
    answer = await browser.post("/login/", **body)  # type: ignore[arg-type]  # data or json
    assert answer.status_code == 200
    return answer


async def whoami(browser: httpx.AsyncClient) -> str:
    answer = await browser.get("/profile/")
    assert answer.status_code == 200
    return str(answer.json()["username"])


@pytest.mark.parametrize("kind", ["data", "json"])
async def test_pyo_3_a_session_cookie_is_as_good_as_a_token(
    browser: httpx.AsyncClient, sessions: Sessions, kind: str
) -> None:
    frame = await a_frame(sessions, proposal="P1", public_at=FUTURE)
    assert (await browser.get(f"/frames/{frame.id}/")).status_code == 404
    answer = await log_in(browser, kind)
    assert answer.json() == {
        "username": "ada",
        "profile": {"proposals": ["P1"]},
        "is_staff": False,
    }
    assert (await browser.get(f"/frames/{frame.id}/")).status_code == 200
    assert await whoami(browser) == "ada"


async def test_the_cookies_are_guarded(browser: httpx.AsyncClient) -> None:
    set_cookies = (await log_in(browser)).headers.get_list("set-cookie")
    session, csrf = sorted(set_cookies, reverse=True)
    assert session.startswith(f"{COOKIE}=")
    attributes = {each.strip().lower() for each in session.split(";")[1:]}
    assert attributes == {"httponly", "max-age=1209600", "path=/", "samesite=lax"}
    assert csrf.startswith("csrftoken=")
    assert "httponly" not in csrf.lower()


async def test_cookies_are_secure_where_the_archive_is(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, http_root="https://archive.test")
    factory = an_archive(settings, sessions, engine, offload)
    await factory.accounts.create_user("ada", PASSWORD)
    async with a_client(factory) as browser:
        for cookie in (await log_in(browser)).headers.get_list("set-cookie"):
            assert "secure" in cookie.lower()


async def test_only_a_hash_of_the_session_is_stored(
    browser: httpx.AsyncClient, sessions: Sessions
) -> None:
    await log_in(browser)
    identifier = browser.cookies[COOKIE]
    async with transaction(sessions) as session:
        row = (await session.scalars(select(CredentialRow))).one()
    assert (row.kind, row.value_encrypted) == ("session", b"")
    assert identifier not in row.value_hash
    answer = await browser.get("/profile/", headers={"Authorization": f"Token {identifier}"})
    assert answer.status_code == 401


async def test_a_token_is_no_session(browser: httpx.AsyncClient, archive: Factory) -> None:
    browser.cookies.set(COOKIE, await archive.accounts.log_in("ada", PASSWORD))
    assert (await browser.get("/profile/")).status_code == 401


async def test_every_login_gives_another_session_and_ends_the_one_before(
    browser: httpx.AsyncClient,
) -> None:
    await log_in(browser)
    first, csrf = browser.cookies[COOKIE], browser.cookies["csrftoken"]
    await log_in(browser)
    assert browser.cookies[COOKIE] != first
    assert browser.cookies["csrftoken"] != csrf
    browser.cookies.set(COOKIE, first, domain="archive.test")
    assert (await browser.get("/profile/")).status_code == 401


async def test_one_user_may_have_several_browsers(archive: Factory) -> None:
    async with a_client(archive) as one, a_client(archive) as other:
        await log_in(one)
        await log_in(other)
        assert await whoami(one) == await whoami(other) == "ada"


async def test_logging_out_ends_the_session(browser: httpx.AsyncClient) -> None:
    await log_in(browser)
    identifier = browser.cookies[COOKIE]
    answer = await browser.post("/logout/", headers={"X-CSRFToken": browser.cookies["csrftoken"]})
    assert (answer.status_code, answer.json()) == (200, {"message": "Logged out."})
    assert COOKIE not in browser.cookies
    assert await whoami(browser) == ""
    assert (await browser.post("/logout/")).status_code == 401
    browser.cookies.set(COOKIE, identifier)
    assert (await browser.get("/profile/")).status_code == 401


async def test_a_lapsed_session_is_refused_once_and_forgotten(
    browser: httpx.AsyncClient, clock: MovingClock
) -> None:
    await log_in(browser)
    clock.now += timedelta(days=14) - timedelta(seconds=1)
    assert await whoami(browser) == "ada"
    clock.now += timedelta(seconds=1)
    answer = await browser.get("/frames/1/download/")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Token"
    assert await whoami(browser) == ""


@pytest.mark.parametrize("end", ["disable", "revoke", "password"])
async def test_what_ends_all_sessions(
    browser: httpx.AsyncClient, archive: Factory, end: str
) -> None:
    await log_in(browser)
    ada = (await archive.accounts.get_user("ada")).as_caller(frozenset())
    match end:
        case "disable":
            await archive.accounts.set_active("ada", is_active=False)
            await archive.accounts.set_active("ada", is_active=True)
        case "revoke":
            await archive.accounts.revoke_token(ada)
        case _:
            await archive.accounts.set_password("ada", "another horse")
    assert (await browser.get("/profile/")).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "a" * 5000, "%00"])
async def test_garbage_is_no_session(browser: httpx.AsyncClient, cookie: str) -> None:
    answer = await browser.get("/profile/", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert answer.status_code == (401 if cookie else 200)


async def test_wrong_credentials_open_no_session(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/login/", json={"username": "ada", "password": "no"})
    assert answer.status_code == 400
    assert COOKIE not in browser.cookies
    assert (await browser.post("/login/", json={})).json()["username"] == [
        "This field is required."
    ]


async def test_an_unsafe_request_by_cookie_needs_the_csrf_value(
    browser: httpx.AsyncClient,
) -> None:
    await log_in(browser)
    value = browser.cookies["csrftoken"]
    for sent in (b"", b"a" * 43, "\u00e4".encode()):
        answer = await browser.post("/revoke_token/", headers=[(b"X-CSRFToken", sent)])
        assert answer.status_code == 403
        assert answer.json()["detail"].startswith("CSRF Failed: CSRF token")
    wrong = await browser.post("/revoke_token/", data={"csrfmiddlewaretoken": "b" * 43})
    assert wrong.status_code == 403
    right = await browser.post("/revoke_token/", data={"csrfmiddlewaretoken": value})
    assert right.json() == {"message": "API token revoked."}


async def test_without_a_csrf_cookie_nothing_fits(browser: httpx.AsyncClient) -> None:
    await log_in(browser)
    browser.cookies.delete("csrftoken")
    answer = await browser.post("/revoke_token/", headers={"X-CSRFToken": ""})
    assert answer.status_code == 403


async def test_a_token_needs_no_csrf_value(browser: httpx.AsyncClient, archive: Factory) -> None:
    await log_in(browser)
    token = await archive.accounts.log_in("ada", PASSWORD)
    answer = await browser.post(
        "/revoke_token/",
        data={"csrfmiddlewaretoken": "wrong"},
        headers={"Authorization": f"Token {token}"},
    )
    assert answer.status_code == 200


async def test_the_csrf_check_leaves_a_form_whole(
    browser: httpx.AsyncClient, sessions: Sessions, archive: Factory
) -> None:
    frame = await a_frame(sessions, store=archive.store, proposal="P1", public_at=FUTURE)
    await log_in(browser)
    form = {"frame_ids[]": [str(frame.id)], "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    answer = await browser.post("/frames/zip/", data=form)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"


async def test_no_cookie_counts_for_another_site(browser: httpx.AsyncClient) -> None:
    await log_in(browser)
    csrf = {"X-CSRFToken": browser.cookies["csrftoken"]}
    for origin in ("https://elsewhere.test", "null", "https://archive.test.evil", "garbage"):
        answer = await browser.get("/profile/", headers={"Origin": origin})
        assert answer.json()["username"] == ""
        assert "access-control-allow-credentials" not in answer.headers
        answer = await browser.post("/revoke_token/", headers={"Origin": origin, **csrf})
        assert answer.status_code == 401
    answer = await browser.get("/profile/", headers={"Origin": "http://archive.test"})
    assert answer.json()["username"] == "ada"


async def test_nobody_can_be_logged_in_from_elsewhere(browser: httpx.AsyncClient) -> None:
    body = {"username": "ada", "password": PASSWORD}
    answer = await browser.post("/login/", data=body, headers=FOREIGN)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("accept", [None, "text/html", "*/*"])
async def test_shr_row_20_the_root_is_a_page_that_sets_csrftoken(
    browser: httpx.AsyncClient, accept: str | None
) -> None:
    answer = await browser.get("/", headers={"Accept": accept} if accept else {})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert len(answer.cookies["csrftoken"]) >= 32
    for link in ("docs", "pyobs/docs", "archive/docs", "thumbnails/docs"):
        assert f'href="{link}"' in answer.text
        assert (await browser.get(f"/{link}")).status_code == 200
    again = await browser.get("/")
    assert again.cookies["csrftoken"] == answer.cookies["csrftoken"]
    assert "http" not in answer.text.replace("http-equiv", "")


async def test_shr_row_20_the_root_is_a_map_for_programs(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/", headers={"Accept": "application/json"})
    places = answer.json()
    assert places["frames"] == "http://archive.test/frames/"
    assert places["pyobs"] == "http://archive.test/pyobs/"
    assert "csrftoken" in answer.cookies
    for name in ("docs", "openapi", "frames", "aggregate", "profile", "health"):
        assert (await browser.get(places[name])).status_code == 200
    assert (await browser.head("/")).status_code == 200
