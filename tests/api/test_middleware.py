"""What every request passes through."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
import structlog
from fastapi import FastAPI, Form, Request, UploadFile
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from app.api.middleware import (
    MAX_BODY_IN_MEMORY_BYTES,
    canonical_path,
    install_middleware,
)
from app.api.problems import install_problem_handlers
from app.settings import Settings


def make_app(max_body_bytes: int = 1000) -> FastAPI:
    app = FastAPI()
    add_reading_routes(app)
    add_writing_routes(app)
    add_failing_routes(app)
    install_problem_handlers(app)
    settings = Settings.model_construct(max_upload_bytes=max_body_bytes)
    install_middleware(app, settings, dialects=(), upload_paths={"/upload/"})
    return app


def add_reading_routes(app: FastAPI) -> None:
    @app.get("/")
    async def root() -> str:
        return "root"

    @app.get("/frames/{frame_id}/")
    async def frame(frame_id: str, q: str = "") -> list[str]:
        return [frame_id, q]

    @app.get("/static/app.css")
    async def style() -> str:
        return "style"

    @app.get("/bound/")
    async def bound() -> dict[str, Any]:
        return structlog.contextvars.get_contextvars()


def add_writing_routes(app: FastAPI) -> None:
    @app.post("/echo/")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.post("/form/")
    async def form(text: Annotated[str, Form()]) -> str:
        return text

    @app.post("/upload/")
    async def upload(file: UploadFile) -> int | None:
        return file.size


def add_failing_routes(app: FastAPI) -> None:
    @app.get("/fail/")
    async def fail() -> None:
        raise ZeroDivisionError

    @app.get("/broken/")
    async def broken() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"begun"
            raise ZeroDivisionError

        return StreamingResponse(body())


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
        yield client


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/frames/7/", "/frames/7", "//frames//7", "/frames/7///"])
async def test_slashes_do_not_matter(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"http://archive.test{path}")
    assert response.status_code == 200
    assert response.json() == ["7", ""]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("", 200),
        ("/docs", 200),
        ("/docs/", 200),
        ("/openapi.json", 200),
        ("/openapi.json/", 200),
        ("/static/app.css", 200),
        ("/nowhere", 404),
        ("/echo", 405),
    ],
)
async def test_paths_with_and_without_slash(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    assert (await client.get(path)).status_code == status


@pytest.mark.asyncio
async def test_post_without_final_slash_keeps_its_body(client: httpx.AsyncClient) -> None:
    assert (await client.post("/form", data={"text": "kept"})).json() == "kept"


@given(st.text(st.sampled_from("a/.b"), max_size=12))
def test_canonical_paths_stay_as_they_are(path: str) -> None:
    once = canonical_path(f"/{path}")
    assert canonical_path(once) == once
    assert "//" not in once
    assert once.startswith("/")


@pytest.mark.asyncio
async def test_request_id_is_made(client: httpx.AsyncClient) -> None:
    response = await client.get("/bound/")
    assert re.fullmatch("[0-9a-f]{16}", response.headers["x-request-id"])
    assert response.json() == {"request_id": response.headers["x-request-id"]}
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("given_id", "kept"), [("night-7.a:1", True), ("x" * 65, False), ("a b", False), ("", False)]
)
async def test_request_id_is_taken_if_sane(
    client: httpx.AsyncClient, given_id: str, *, kept: bool
) -> None:
    response = await client.get("/", headers={"X-Request-ID": given_id})
    assert (response.headers["x-request-id"] == given_id) is kept


@pytest.mark.asyncio
async def test_log_line(client: httpx.AsyncClient) -> None:
    with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        response = await client.get("/frames/7?q=1&signature=abc&auth%5Ftoken=geheim&token=")
    (line,) = logs
    assert line["event"] == "request"
    assert line["method"] == "GET"
    assert line["path"] == "/frames/7?q=1&signature=***&auth%5Ftoken=***&token="
    assert line["status"] == 200
    assert line["complete"] is True
    assert line["size_bytes"] == len(response.content)
    assert line["duration_ms"] >= 0
    assert line["request_id"] == response.headers["x-request-id"]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/", "/docs", "/nowhere", "/fail/", "/frames/%00"])
async def test_security_headers_are_on_every_answer(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path, headers={"Origin": "https://elsewhere.test"})).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "Authorization, Cookie" in headers["vary"]
    assert headers["access-control-allow-origin"] == "*"
    assert "x-request-id" in headers


@pytest.mark.asyncio
async def test_cors_is_open_without_credentials(client: httpx.AsyncClient) -> None:
    def asked(method: str) -> dict[str, str]:
        return {
            "Origin": "https://elsewhere.test",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization",
        }

    for method in ("GET", "HEAD", "POST"):
        assert (await client.options("/frames/7", headers=asked(method))).status_code == 200
    assert (await client.options("/frames/7", headers=asked("DELETE"))).status_code == 400
    response = await client.get("/", headers={"Origin": "https://elsewhere.test"})
    assert "access-control-allow-credentials" not in response.headers
    assert "ETag" in response.headers["access-control-expose-headers"]


@pytest.mark.asyncio
async def test_unforeseen_error_is_a_problem_with_the_request_id(client: httpx.AsyncClient) -> None:
    with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        response = await client.get("/fail/")
    assert response.status_code == 500
    assert response.json()["request_id"] == response.headers["x-request-id"]
    failed = next(entry for entry in logs if entry["event"] == "request.failed")
    assert failed["request_id"] == response.headers["x-request-id"]


@pytest.mark.asyncio
async def test_error_after_the_first_byte_goes_to_the_server(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        await client.get("/broken/")
    line = next(entry for entry in logs if entry["event"] == "request")
    assert line["complete"] is False


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url",
    [
        "/frames/a%00b/",
        "/frames/%FF/",
        "/frames/%ED%A0%80",
        "/frames/7?q=%00",
        "/frames/7?%00=1",
        "/frames/7?q=%ff%fe",
    ],
)
async def test_unclean_text_is_a_bad_request(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert "path" in response.json()["detail"] or "query" in response.json()["detail"]


@pytest.mark.asyncio
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="/.\0"), min_size=1))
async def test_clean_text_passes(name: str) -> None:
    transport = httpx.ASGITransport(make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
        response = await client.get(f"/frames/{quote(name, safe='')}?q={quote(name, safe='')}")
    assert response.json() == [name, name]


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(100)


@pytest.mark.asyncio
@pytest.mark.parametrize(("size_bytes", "status"), [(1000, 200), (1001, 413)])
async def test_declared_length(client: httpx.AsyncClient, size_bytes: int, status: int) -> None:
    response = await client.post("/echo/", content=bytes(size_bytes))
    assert response.status_code == status


@pytest.mark.asyncio
async def test_declared_length_is_refused_without_reading() -> None:
    sent = []

    async def receive() -> dict[str, Any]:
        pytest.fail("the body was read")

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/echo/",
        "raw_path": b"/echo/",
        "query_string": b"",
        "headers": [(b"content-length", b"9" * 4000)],
    }
    await make_app()(scope, receive, send)
    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("count", "status"), [(10, 200), (11, 413)])
async def test_streamed_body(client: httpx.AsyncClient, count: int, status: int) -> None:
    response = await client.post("/echo/", content=chunks(count))
    assert response.status_code == status
    if status == 413:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"] == "The request body is larger than 1000 bytes."


@pytest.mark.asyncio
async def test_streamed_upload_is_cut(client: httpx.AsyncClient) -> None:
    async def upload() -> AsyncIterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
        async for chunk in chunks(20):
            yield chunk
        yield b"\r\n--b--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = await client.post("/upload/", content=upload(), headers=headers)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.asyncio
async def test_what_is_read_into_memory_has_a_limit_of_its_own() -> None:
    transport = httpx.ASGITransport(make_app(max_body_bytes=10 * MAX_BODY_IN_MEMORY_BYTES))
    async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
        body = bytes(MAX_BODY_IN_MEMORY_BYTES + 1)
        assert (await client.post("/echo/", content=body)).status_code == 413
        response = await client.post("/upload/", files={"file": ("f", body)})
        assert response.json() == len(body)


@pytest.mark.asyncio
async def test_a_client_that_leaves_is_no_failure() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:  # noqa: ANN401
        pytest.fail(f"sent {message}")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/echo/",
        "raw_path": b"/echo/",
        "query_string": b"",
        "headers": [],
    }
    with capture_logs() as logs:
        await make_app()(scope, receive, send)
    assert [(log["event"], log["status"]) for log in logs] == [("request", 499)]
