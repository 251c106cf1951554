"""Downloads over a real server: resuming, and clients that go away."""

import asyncio
import hashlib
import io
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response
from typing_extensions import override

from app.api.middleware import install_middleware
from app.api.problems import install_problem_handlers
from app.api.streaming import bundle_response, file_response
from app.api.tables import columns_of
from app.api.tables.responses import Rows, table_response
from app.api.tables.wishes import Format
from app.bundles.layout import Member, plan_zip
from app.core.errors import UnavailableError
from app.core.slots import Slots
from app.settings import Settings

SIZE_BYTES = 64 * 1024**2
MODIFIED = datetime(2026, 11, 20, tzinfo=UTC)


class Watched(io.FileIO):
    """A file that counts how many of its kind are open, and were ever opened."""

    opened = 0
    ever_opened = 0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        Watched.opened += 1
        Watched.ever_opened += 1

    @override
    def close(self) -> None:
        Watched.opened -= not self.closed
        super().close()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "stored"
    block = os.urandom(1024**2)
    with path.open("wb") as file:
        for index in range(SIZE_BYTES // len(block)):
            file.write(index.to_bytes(4) + block[4:])
    return path


class Item(BaseModel):
    name: str


async def broken(batches: int) -> Rows:
    for _ in range(batches):
        yield [{"name": "a" * 100}] * 1000
    raise UnavailableError("the database went away")


def make_app(path: Path) -> FastAPI:
    app = FastAPI()
    body = path.read_bytes()
    sha256, crc32 = hashlib.sha256(body).hexdigest(), zlib.crc32(body)

    @app.api_route("/file/", methods=["GET", "HEAD"])
    async def file(request: Request) -> Response:
        return file_response(
            request,
            path,
            filename="frame.fits",
            content_type="image/fits",
            etag=sha256,
            last_modified=MODIFIED,
            size_bytes=SIZE_BYTES,
        )

    def open_member(index: int) -> BinaryIO:
        return Watched(path if index < 3 else path.with_name("gone"))

    @app.api_route("/zip/{count}/", methods=["GET", "HEAD"])
    async def bundle(request: Request, count: int) -> Response:
        members = [Member(f"{index}.fits", SIZE_BYTES, crc32, MODIFIED) for index in range(count)]
        layout = plan_zip(members)
        return bundle_response(request, layout, open_member, filename="x.zip", etag=str(count))

    @app.get("/table/{form}/{batches}/")
    async def table(form: Format, batches: int) -> Response:
        slots = Slots(1, wait_s=1, what="tables")
        columns = columns_of(Item)
        return table_response(lambda: broken(batches), columns, form, name="x", slots=slots)

    @app.post("/upload/")
    async def upload(request: Request) -> int:
        return len(await request.body())

    install_problem_handlers(app)
    settings = Settings.model_construct(max_upload_bytes=1000)
    install_middleware(app, settings, dialects=(), upload_paths=())
    return app


@asynccontextmanager
async def served(app: FastAPI, http: str) -> AsyncIterator[httpx.AsyncClient]:
    config = uvicorn.Config(app, port=0, http=http, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn offers no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        await task


@pytest.mark.asyncio
@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_resumed_download_is_whole(stored: Path, http: str) -> None:
    async with served(make_app(stored), http) as client:
        head = await client.head("/file")
        assert int(head.headers["content-length"]) == SIZE_BYTES
        got = b""
        async with client.stream("GET", "/file") as response:
            async for chunk in response.aiter_raw():
                got += chunk
                if len(got) > 5_000_000:
                    break
        asked = {"Range": f"bytes={len(got)}-", "If-Range": head.headers["etag"]}
        rest = await client.get("/file", headers=asked)
        assert rest.status_code == 206
        assert hashlib.sha256(got + rest.content).hexdigest() == head.headers["etag"].strip('"')


@pytest.mark.asyncio
@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_reading_ends_when_the_client_goes_away(stored: Path, http: str) -> None:
    before = Watched.ever_opened
    async with served(make_app(stored), http) as client:
        async with client.stream("GET", "/zip/3") as response:
            async for _ in response.aiter_raw():
                assert Watched.opened == 1
                break
        async with asyncio.timeout(5):
            while Watched.opened:  # noqa: ASYNC110  # closing happens in the server
                await asyncio.sleep(0.01)
    assert Watched.ever_opened == before + 1


@pytest.mark.asyncio
@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_lost_member_breaks_the_connection(stored: Path, http: str) -> None:
    async with served(make_app(stored), http) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/zip/4")
        assert Watched.opened == 0
        assert (await client.head("/zip/4")).status_code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("http", ["httptools", "h11"])
@pytest.mark.parametrize("form", [Format.CSV, Format.VOTABLE, Format.PARQUET])
async def test_a_table_that_fails_on_the_way_breaks_the_connection(
    stored: Path, http: str, form: Format
) -> None:
    async with served(make_app(stored), http) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"/table/{form}/3")
        at_first = await client.get(f"/table/{form}/0")
        assert (at_first.status_code, at_first.headers["retry-after"]) == (503, "5")


@pytest.mark.asyncio
@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_too_large_upload_is_answered(stored: Path, http: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield bytes(10_000)

    async with served(make_app(stored), http) as client:
        declared = await client.post("/upload", content=bytes(2_000_000))
        assert declared.status_code == 413
        streamed = await client.post("/upload", content=endless())
        assert streamed.status_code == 413
        assert streamed.headers["content-type"] == "application/problem+json"
