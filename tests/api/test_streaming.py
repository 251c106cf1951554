"""Downloads, whole and in pieces."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from structlog.testing import capture_logs
from typing_extensions import override

from app.api.download_headers import content_disposition, repr_digest
from app.api.problems import install_problem_handlers
from app.api.sources import CHUNK_BYTES
from app.api.streaming import bundle_response, file_response
from app.bundles.layout import Member, ZipLayout, plan_zip

MODIFIED = datetime(2026, 11, 20, 18, 30, 0, 123_456, tzinfo=UTC)
BODY = bytes(range(256)) * (10 * 1024) + b"the end"  # 2.5 chunks
SHA256 = hashlib.sha256(BODY).hexdigest()


def file_app(path: Path, size_bytes: int = len(BODY)) -> FastAPI:
    app = FastAPI()

    @app.api_route("/file/", methods=["GET", "HEAD"])
    async def file(request: Request) -> Response:
        return file_response(
            request,
            path,
            filename="frame.fits.fz",
            content_type="image/fits",
            etag=SHA256,
            last_modified=MODIFIED,
            size_bytes=size_bytes,
            headers=repr_digest(SHA256) | {"Cache-Control": "private"},
        )

    @app.get("/shown/")
    async def shown(request: Request) -> Response:
        return file_response(
            request,
            path,
            filename="preview.png",
            content_type="image/png",
            etag="x",
            last_modified=None,
            size_bytes=size_bytes,
            disposition="inline",
        )

    install_problem_handlers(app)
    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://archive.test")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "stored"
    path.write_bytes(BODY)
    return path


@pytest_asyncio.fixture
async def client(path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(file_app(path)) as client:
        yield client


@pytest.mark.asyncio
async def test_whole_file(client: httpx.AsyncClient) -> None:
    response = await client.get("/file/")
    assert response.status_code == 200
    assert response.content == BODY
    assert response.headers["content-length"] == str(len(BODY))
    assert response.headers["content-type"] == "image/fits"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["etag"] == f'"{SHA256}"'
    assert response.headers["last-modified"] == "Fri, 20 Nov 2026 18:30:00 GMT"
    assert response.headers["content-disposition"] == "attachment; filename=frame.fits.fz"
    assert response.headers["set-cookie"] == "fileDownload=true; Path=/"
    assert response.headers["repr-digest"].startswith("sha-256=:")


@pytest.mark.asyncio
async def test_head_is_get_without_body(client: httpx.AsyncClient) -> None:
    whole, head = await client.get("/file/"), await client.head("/file/")
    assert head.content == b""
    assert head.headers == whole.headers
    ranged = await client.head("/file/", headers={"Range": "bytes=0-9"})
    assert ranged.status_code == 200
    assert ranged.headers == whole.headers


@pytest.mark.asyncio
async def test_inline_is_no_download(client: httpx.AsyncClient) -> None:
    response = await client.get("/shown/")
    assert response.headers["content-disposition"] == "inline; filename=preview.png"
    assert "set-cookie" not in response.headers
    assert "last-modified" not in response.headers


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("0-0", 0, 1),
        ("10-99", 10, 100),
        (f"{CHUNK_BYTES - 1}-{CHUNK_BYTES}", CHUNK_BYTES - 1, CHUNK_BYTES + 1),
        ("-7", len(BODY) - 7, len(BODY)),
        ("1000-", 1000, len(BODY)),
        ("0-", 0, len(BODY)),
    ],
)
async def test_one_range(client: httpx.AsyncClient, asked: str, start: int, stop: int) -> None:
    response = await client.get("/file/", headers={"Range": f"bytes={asked}"})
    assert response.status_code == 206
    assert response.content == BODY[start:stop]
    assert response.headers["content-length"] == str(stop - start)
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"
    assert response.headers["etag"] == f'"{SHA256}"'
    assert response.headers["content-type"] == "image/fits"


@pytest.mark.asyncio
async def test_several_ranges(client: httpx.AsyncClient) -> None:
    response = await client.get("/file/", headers={"Range": "bytes=-7, 0-9, 5-19"})
    assert response.status_code == 206
    assert len(response.content) == int(response.headers["content-length"])
    assert "content-range" not in response.headers
    kind = response.headers["content-type"].encode()
    parts = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + response.content)
    found = [
        (part["content-type"], part["content-range"], part.get_payload(decode=True))
        for part in parts.walk()
        if not part.is_multipart()
    ]
    size = len(BODY)
    assert found == [
        ("image/fits", f"bytes 0-19/{size}", BODY[:20]),
        ("image/fits", f"bytes {size - 7}-{size - 1}/{size}", b"the end"),
    ]


@pytest.mark.asyncio
async def test_range_outside(client: httpx.AsyncClient) -> None:
    response = await client.get("/file/", headers={"Range": f"bytes={len(BODY)}-"})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(BODY)}"
    assert response.json()["status"] == 416


@pytest.mark.asyncio
async def test_resuming_a_file_that_changed_gives_the_whole(client: httpx.AsyncClient) -> None:
    asked = {"Range": "bytes=100-", "If-Range": f'"{SHA256}"'}
    assert (await client.get("/file/", headers=asked)).status_code == 206
    response = await client.get("/file/", headers=asked | {"If-Range": '"older"'})
    assert response.status_code == 200
    assert response.content == BODY


@pytest.mark.asyncio
async def test_not_modified(client: httpx.AsyncClient) -> None:
    response = await client.get("/file/", headers={"If-None-Match": f'"{SHA256}"'})
    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["etag"] == f'"{SHA256}"'
    assert response.headers["cache-control"] == "private"
    assert not {"content-length", "content-type", "repr-digest"} & set(response.headers)


@pytest.mark.asyncio
async def test_precondition_failed(client: httpx.AsyncClient) -> None:
    response = await client.get("/file/", headers={"If-Match": '"older"'})
    assert response.status_code == 412
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["etag"] == f'"{SHA256}"'


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_missing_file_is_not_found(tmp_path: Path, method: str) -> None:
    async with client_of(file_app(tmp_path / "gone")) as client:
        response = await client.request(method, "/file/")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert str(tmp_path) not in response.text


@pytest.mark.asyncio
async def test_file_of_another_length_is_not_sent(path: Path) -> None:
    async with client_of(file_app(path, len(BODY) + 1)) as client:
        response = await client.get("/file/", headers={"Range": "bytes=0-9"})
    assert response.status_code == 503
    assert "retry-after" in response.headers


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty"
    path.touch()
    return path


@pytest.mark.asyncio
async def test_empty_file(empty: Path) -> None:
    async with client_of(file_app(empty, 0)) as client:
        response = await client.get("/file/")
        assert response.content == b""
        assert response.headers["content-length"] == "0"
        ranged = await client.get("/file/", headers={"Range": "bytes=0-"})
        assert ranged.status_code == 416


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("a.fits.fz", "attachment; filename=a.fits.fz"),
        ("a b.fits", "attachment; filename=\"a b.fits\"; filename*=UTF-8''a%20b.fits"),
        ("é.fits", "attachment; filename=\"e.fits\"; filename*=UTF-8''%C3%A9.fits"),
        ("星", "attachment; filename=\"download\"; filename*=UTF-8''%E6%98%9F"),
        ("../a\r\nb", "attachment; filename=.._a__b"),
        ('a"b%41', "attachment; filename=\"a_b_41\"; filename*=UTF-8''a%22b%2541"),
    ],
)
def test_content_disposition(filename: str, header: str) -> None:
    assert content_disposition(filename) == header


@given(st.text())
def test_content_disposition_is_always_a_header(filename: str) -> None:
    header = content_disposition(filename)
    assert re.fullmatch(r"[\x20-\x7e]+", header)
    assert header.count('"') in {0, 2}


def test_repr_digest() -> None:
    empty = hashlib.sha256(b"").hexdigest()
    assert repr_digest(empty) == {
        "Repr-Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
    }


FILES = [b"first" * 100, b"", bytes(CHUNK_BYTES + 17), b"last"]


def layout_of(files: list[bytes]) -> ZipLayout:
    return plan_zip(
        [
            Member(f"night/{index}.fits", len(body), zlib.crc32(body), MODIFIED)
            for index, body in enumerate(files)
        ]
    )


class Opener:
    """Opens members in memory and remembers what it gave out."""

    def __init__(self, files: list[bytes]) -> None:
        self.files = files
        self.given: list[BinaryIO] = []

    def __call__(self, index: int) -> BinaryIO:
        self.given.append(io.BytesIO(self.files[index]))
        return self.given[-1]


def bundle_app(layout: ZipLayout, open_member: Callable[[int], BinaryIO]) -> FastAPI:
    app = FastAPI()

    @app.api_route("/zip/", methods=["GET", "HEAD", "POST"])
    async def bundle(request: Request) -> Response:
        return bundle_response(request, layout, open_member, filename="night.zip", etag="abc")

    install_problem_handlers(app)
    return app


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_whole_bundle(method: str) -> None:
    opener = Opener(FILES)
    layout = layout_of(FILES)
    async with client_of(bundle_app(layout, opener)) as client:
        response = await client.request(method, "/zip/")
    assert response.headers["content-length"] == str(layout.size_bytes)
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == "attachment; filename=night.zip"
    assert response.headers["set-cookie"] == "fileDownload=true; Path=/"
    assert response.headers["etag"] == '"abc"'
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == FILES
    assert all(file.closed for file in opener.given)


@pytest.mark.asyncio
async def test_bundle_head_and_conditions() -> None:
    opener = Opener(FILES)
    async with client_of(bundle_app(layout_of(FILES), opener)) as client:
        head = await client.head("/zip/")
        assert head.headers["content-length"] == str(layout_of(FILES).size_bytes)
        same = await client.get("/zip/", headers={"If-None-Match": '"abc"'})
        assert same.status_code == 304
    assert opener.given == []


@pytest.mark.asyncio
@given(st.lists(st.binary(max_size=50), max_size=4), st.data())
async def test_any_range_of_a_bundle(files: list[bytes], data: st.DataObject) -> None:
    layout = layout_of(files)
    start = data.draw(st.integers(0, layout.size_bytes - 1))
    last = data.draw(st.integers(start, layout.size_bytes - 1))
    async with client_of(bundle_app(layout, Opener(files))) as client:
        whole = (await client.get("/zip/")).content
        ranged = await client.post("/zip/", headers={"Range": f"bytes={start}-{last}"})
    assert ranged.status_code == 206
    assert ranged.content == whole[start : last + 1]


def vanished(index: int) -> BinaryIO:
    if index == 2:
        raise FileNotFoundError(index)
    return io.BytesIO(FILES[index])


def grown(index: int) -> BinaryIO:
    return io.BytesIO(FILES[index] + b"x" * (index == 2))


def shrunk(index: int) -> BinaryIO:
    return io.BytesIO(FILES[index][: -1 if index == 2 else None])


class Truncated(io.BytesIO):
    """Says it is longer than it is, as a file does that is cut while it is read."""

    @override
    def seek(self, offset: int, whence: int = 0, /) -> int:
        return super().seek(offset, whence) + (whence == io.SEEK_END)


def truncated(index: int) -> BinaryIO:
    return Truncated(FILES[index][:-1]) if index == 2 else io.BytesIO(FILES[index])


@pytest.mark.asyncio
@pytest.mark.parametrize("open_member", [vanished, grown, shrunk, truncated])
async def test_changed_member_breaks_the_connection(
    open_member: Callable[[int], BinaryIO],
) -> None:
    async with client_of(bundle_app(layout_of(FILES), open_member)) as client:
        with capture_logs() as logs, pytest.raises(RuntimeError, match="already started"):
            await client.get("/zip/")
    broken = next(entry for entry in logs if entry["event"] == "download.broken")
    assert "night/2.fits" in broken["reason"]
