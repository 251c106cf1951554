"""A request finds its mount by path or by host name, and errors have the form of the mount."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, FastAPI, Query, Request

from app.api.middleware import install_middleware
from app.api.mounts import Dialect, address, base_url, mount_prefix
from app.api.problem_forms import write_detail
from app.api.problems import install_problem_handlers
from app.core.errors import NotFoundError
from app.main import mounted_app
from tests.support.archive import settings_in

pytestmark = pytest.mark.asyncio

router = APIRouter()


@router.get("/where/")
async def where(request: Request) -> dict[str, str]:
    return {
        "base": base_url(request),
        "address": address(request),
        "prefix": mount_prefix(request.scope),
    }


@router.get("/lost/")
async def lost() -> None:
    raise NotFoundError("plate 7 is lost")


@router.get("/number/")
async def number(value: Annotated[int, Query()]) -> int:
    return value


@router.get("/broken/")
async def broken() -> None:
    raise ZeroDivisionError


DIALECT = Dialect("archive", "Other", "", (router,), (), write_detail)


def make_app(folder: Path) -> FastAPI:
    settings = settings_in(folder, dialect_hosts="archive=archive-api.test")
    app = FastAPI()
    app.include_router(router)
    app.mount(DIALECT.prefix, mounted_app(DIALECT, app))
    install_problem_handlers(app)
    install_middleware(app, settings, dialects=(DIALECT,), upload_paths=())
    return app


@asynccontextmanager
async def at(app: FastAPI, host: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        yield client


@pytest_asyncio.fixture
async def root(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with at(make_app(tmp_path), "archive.test") as client:
        yield client


@pytest_asyncio.fixture
async def own_host(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with at(make_app(tmp_path), "Archive-API.test:8443") as client:
        yield client


async def test_a_path_leads_to_a_mount(root: httpx.AsyncClient) -> None:
    assert (await root.get("/where/?x=1")).json() == {
        "base": "http://archive.test",
        "address": "http://archive.test/where/",
        "prefix": "",
    }
    for path in ("/archive/where/", "/archive/where", "/archive//where"):
        assert (await root.get(path)).json() == {
            "base": "http://archive.test/archive",
            "address": "http://archive.test/archive/where/",
            "prefix": "/archive",
        }


async def test_a_host_name_leads_to_a_mount(own_host: httpx.AsyncClient) -> None:
    assert (await own_host.get("/where")).json() == {
        "base": "http://archive-api.test:8443",
        "address": "http://archive-api.test:8443/where/",
        "prefix": "/archive",
    }
    assert (await own_host.get("/archive/where/")).json() == {"detail": "Not found."}


@pytest.mark.parametrize(
    "host",
    [
        "archive-api.test:80@elsewhere.test",
        "archive-api.test:",
        "archive-api.test:x",
        "archive-api.test:8443/path?",
        'archive-api.test:1"><script>',
        "archive-api.test:123456",
        "elsewhere.test",
        "me@archive-api.test",
        "[",
        "",
    ],
)
async def test_no_link_leads_to_a_host_that_is_not_ours(root: httpx.AsyncClient, host: str) -> None:
    answer = await root.get("/where/", headers={"Host": host})
    assert answer.json() == {
        "base": "http://archive.test",
        "address": "http://archive.test/where/",
        "prefix": "",
    }


async def test_each_mount_has_its_form_of_errors(root: httpx.AsyncClient) -> None:
    assert (await root.get("/lost/")).json()["detail"] == "plate 7 is lost"
    assert (await root.get("/nothing/")).headers["content-type"] == "application/problem+json"
    for path in ("/archive/lost/", "/archive/nothing/"):
        answer = await root.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"detail": "Not found."}
    answer = await root.get("/archive/number/?value=x")
    assert (answer.status_code, answer.json()) == (400, {"value": ["A valid integer is required."]})
    answer = await root.post("/archive/number/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json() == {"detail": 'Method "POST" not allowed.'}


@pytest.mark.parametrize("path", ["/broken/", "/archive/broken/"])
async def test_what_nobody_foresaw_is_answered_once(tmp_path: Path, path: str) -> None:
    transport = httpx.ASGITransport(make_app(tmp_path))  # raises what goes on to the server
    async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
        answer = await client.get(path)
    assert answer.status_code == 500
    assert answer.json()["detail"] == "The archive failed here; its log says why."


async def test_middleware_refuses_in_the_form_of_the_mount(root: httpx.AsyncClient) -> None:
    assert (await root.get("/archive/where/?x=%00")).json().keys() == {"detail"}
    assert (await root.get("/where/?x=%00")).json()["title"] == "Bad Request"


async def test_each_mount_has_a_document_of_its_own(root: httpx.AsyncClient) -> None:
    document = (await root.get("/archive/openapi.json")).json()
    assert "/where/" in document["paths"]
    assert document["servers"] == [{"url": "."}]
    assert (await root.get("/archive/docs")).headers["content-type"].startswith("text/html")
