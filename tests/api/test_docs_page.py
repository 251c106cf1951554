"""The Swagger page works without the internet."""

import re
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from tests.support.archive import settings_in

pytestmark = pytest.mark.asyncio


async def test_the_swagger_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    app = create_app(settings_in(tmp_path))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://archive.test"
    ) as client:
        page = await client.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        links = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
        assert len(links) >= 3
        for link in links:
            assert link.startswith("swagger/"), link
            assert (await client.get(f"/{link}")).status_code == 200
        document = (await client.get("/openapi.json")).json()
        assert "/frames/" in document["paths"]


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/pyobs/docs", "/pyobs/docs/"])
async def test_the_swagger_page_finds_its_files_with_and_without_slash(
    tmp_path: Path, path: str
) -> None:
    app = create_app(settings_in(tmp_path))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://archive.test"
    ) as client:
        page = await client.get(path)
        links = re.findall(r"""(?:src=|href=|url: )["']([^"']+)["']""", page.text)
        assert len(links) >= 4
        for link in links:
            assert (await client.get(str(page.url.join(link)))).status_code == 200, link


OWN_FORMS = {
    ("", "post", "/frames/", "400"),
    ("/archive", "get", "/frames/", "400"),
    ("/archive", "get", "/frames/aggregate/", "400"),
    ("/archive", "get", "/aggregate/", "400"),
    ("/archive", "post", "/frames/zip/", "404"),
}
"""Refusals in a form of their own: texts by field of an announced frame, and those of the LCO
archive that are a list, a text or nothing (ARC-33, ARC-52, ARC-62)."""


@pytest.mark.parametrize(
    ("mount", "shape", "media_type"),
    [
        ("", "ProblemOut", "application/problem+json"),
        ("/pyobs", "DetailOut", "application/json"),
        ("/archive", "DetailOut", "application/json"),
        ("/thumbnails", "MessageOut", "application/json"),
    ],
)
async def test_the_documents_name_the_errors_as_they_come(
    tmp_path: Path, mount: str, shape: str, media_type: str
) -> None:
    app = create_app(settings_in(tmp_path))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://archive.test"
    ) as client:
        document = (await client.get(f"{mount}/openapi.json")).json()
    assert shape in document["components"]["schemas"]
    expected = {media_type: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            if operation.get("x-caller", "anybody") != "anybody":
                assert {"401", "429"} <= responses.keys(), path
            for status in {"400", "401", "403", "404", "413", "415", "429", "503"} & {*responses}:
                if (mount, method, path, status) not in OWN_FORMS:
                    assert responses[status]["content"] == expected, (path, status)
