"""What answers tell browsers and caches, and which pages elsewhere may read them."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.errors import InvalidError
from app.core.offload import Offload
from app.db.engine import Sessions
from app.settings import load_settings
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, Made
from tests.support.serving import Served, as_user, served
from tests.support.thumbnail_frames import a_shown_frame

Serve = Callable[..., AbstractAsyncContextManager[Served]]

PAGE = {"Origin": "https://sky.example.org"}


@pytest_asyncio.fixture
async def serve(tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload) -> Serve:
    @asynccontextmanager
    async def opened(**settings: object) -> AsyncIterator[Served]:
        archive = an_archive(settings_in(tmp_path, **settings), sessions, engine, offload)
        async with served(archive) as api:
            yield api

    return opened


async def paths(api: Served) -> tuple[Made, list[str]]:
    """File a hidden frame, and name ways to it."""
    made = await a_shown_frame(api, public_at=FUTURE, proposal="P1")
    ways = ["/frames/", "/frames/{}/", "/frames/{}/headers/", "/frames/{}/download/"]
    ways += ["/frames/{}/preview/", "/frames/?format=csv", "/frames/zip/?basename={}", "/profile/"]
    ways += ["/archive/frames/", "/archive/frames/{}/", "/archive/frames/{}/download/"]
    ways += ["/pyobs/frames/", "/pyobs/frames/{}/", "/pyobs/frames/{}/preview/"]
    ways += ["/thumbnails/{}/", "/aggregate/", "/nowhere/", "/", "/docs", "/openapi.json"]
    return made, [way.format(made.id) for way in ways]


@pytest.mark.asyncio
async def test_every_answer_says_what_browsers_may_do(serve: Serve) -> None:
    async with serve() as api:
        token = await api.a_user("keeper", is_superuser=True)
        _, ways = await paths(api)
        for path in ways:
            for headers in (as_user(token), {}):
                answer = await api.client.get(path, headers=headers)
                policy = answer.headers["content-security-policy"]
                assert "default-src 'none'" in policy or path == "/docs"
                assert "frame-ancestors 'none'" in policy
                assert "unsafe-eval" not in policy
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["x-frame-options"] == "DENY"
                assert answer.headers["referrer-policy"] == "same-origin"
                assert "strict-transport-security" not in answer.headers
                assert "server" not in answer.headers


@pytest.mark.asyncio
async def test_no_shared_cache_keeps_what_is_proprietary(serve: Serve) -> None:
    async with serve() as api:
        token = await api.a_user("keeper", is_superuser=True)
        public = await a_shown_frame(api)
        _, ways = await paths(api)
        for path in ways:
            answer = await api.client.get(path, headers=as_user(token))
            assert answer.headers["cache-control"].startswith("private"), path
            assert {"Authorization", "Cookie"} <= set(answer.headers["vary"].split(", ")), path
        answer = await api.client.get(f"/frames/{public.id}/download/")
        assert answer.headers["cache-control"] == "public, no-cache"
        assert "Cookie" not in answer.headers.get("vary", "")


@pytest.mark.asyncio
async def test_scripts_of_the_documentation_run_by_their_hashes(serve: Serve) -> None:
    async with serve() as api:
        answer = await api.get("/docs")
        policy = answer.headers["content-security-policy"]
        scripts = policy.partition("script-src ")[2].partition(";")[0]
        assert "'unsafe-inline'" not in scripts
        assert scripts.count("'sha256-") == answer.text.count("<script>") >= 1
        assert not re.search(r"(src|href)=\"?https?://", answer.text)


@pytest.mark.asyncio
async def test_https_is_kept_to_where_it_is_spoken(serve: Serve) -> None:
    async with serve(http_root="https://archive.test") as api:
        await api.a_user("keeper")
        answer = await api.get("/frames/")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        data = {"username": "keeper", "password": "keeper has a password"}
        cookies = (await api.client.post("/login/", data=data)).headers.get_list("set-cookie")
        session = next(each for each in cookies if each.startswith("skyshelf_session"))
        for flag in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
            assert flag in session
        assert all("Secure" in each for each in cookies)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path", ["/<script>alert(1)</script>/", "/frames/?EXPTIME=<script>", "/thumbnails/<b>.html/"]
)
async def test_no_answer_reflects_html(serve: Serve, path: str) -> None:
    async with serve() as api:
        answer = await api.client.get(path, headers={"Accept": "text/html"})
        if "html" in answer.headers["content-type"]:
            assert "<script>alert" not in answer.text
            assert "<b>" not in answer.text


async def preflight(api: Served, origin: str, method: str = "GET") -> tuple[int, str | None]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    answer = await api.client.options("/frames/", headers=asked)
    assert "access-control-allow-credentials" not in answer.headers
    return answer.status_code, answer.headers.get("access-control-allow-origin")


@pytest.mark.asyncio
async def test_any_page_may_read_unless_the_operator_says_otherwise(serve: Serve) -> None:
    async with serve() as api:
        assert await preflight(api, "https://anywhere.test") == (200, "*")
        assert (await preflight(api, "https://anywhere.test", "DELETE"))[0] == 400
        for cookies in ({}, {"Cookie": "skyshelf_session=" + "x" * 43}):
            answer = await api.client.get("/health/", headers=PAGE | cookies)
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.asyncio
async def test_a_list_of_origins(serve: Serve) -> None:
    async with serve(cors_origins="https://sky.example.org, http://localhost:3000") as api:
        assert await preflight(api, PAGE["Origin"]) == (200, PAGE["Origin"])
        assert await preflight(api, "http://localhost:3000") == (200, "http://localhost:3000")
        for origin in (
            "https://evil.test", "https://sky.example.org.evil.test", "http://sky.example.org",
            "https://sky.example.org:444", "null", "https://SKY.example.org@evil.test", "",
        ):  # fmt: skip
            assert await preflight(api, origin) == (400, None), origin
        answer = await api.client.get("/frames/", headers=PAGE)
        assert answer.headers["access-control-allow-origin"] == PAGE["Origin"]
        assert "Origin" in answer.headers["vary"]
        answer = await api.client.get("/frames/", headers={"Origin": "https://evil.test"})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.asyncio
async def test_no_origin_at_all(serve: Serve) -> None:
    async with serve(cors_origins="-") as api:
        assert await preflight(api, PAGE["Origin"]) == (400, None)
        answer = await api.client.get("/frames/", headers=PAGE)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "value",
    ["sky.example.org", "*,https://a.test", "https://a.test/path", "https://*.test", "null"],
)
def test_what_is_no_origin(value: str) -> None:
    with pytest.raises(InvalidError, match="CORS_ORIGINS"):
        load_settings(cors_origins=value, _env_file=None)
