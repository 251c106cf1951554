"""Windows into lists and the links beside them."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st

from app.api.paging import RootWindow, page_links
from app.api.problems import install_problem_handlers
from app.core.paging import Window

COUNT = 250


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/frames/")
    async def frames(request: Request, window: RootWindow) -> dict[str, Any]:
        following, previous = page_links(
            request.url.path,
            request.url.query,
            http_root="https://archive.test",
            count=COUNT,
            window=window,
        )
        items = range(COUNT)[window.offset : window.offset + window.limit]
        return {
            "next": following,
            "previous": previous,
            "results": list(items),
            "window": [window.limit, window.offset],
        }

    install_problem_handlers(app)
    return app


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app())
    async with httpx.AsyncClient(transport=transport, base_url="https://archive.test") as client:
        yield client


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "window"),
    [
        ("", [100, 0]),
        ("limit=&offset=", [100, 0]),
        ("limit=7&offset=3", [7, 3]),
        ("limit=1000", [1000, 0]),
        ("limit=1001", [1000, 0]),
        ("limit=99999999999999999999", [1000, 0]),
        ("limit=0", [100, 0]),
        ("limit=-5", [100, 0]),
        ("offset=-5", [100, 0]),
        ("limit=5&limit=6", [6, 0]),
        (f"offset={2**63 - 1}", [100, 2**63 - 1]),
    ],
)
async def test_window(client: httpx.AsyncClient, query: str, window: list[int]) -> None:
    assert (await client.get(f"/frames/?{query}")).json()["window"] == window


@pytest.mark.asyncio
@pytest.mark.parametrize("query", ["limit=all", "offset=x", "limit=1.5", f"offset={2**63}"])
async def test_malformed_window(client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(f"/frames/?{query}")
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [query.partition("=")[0]]


@pytest.mark.asyncio
async def test_pages_joined_are_the_whole(client: httpx.AsyncClient) -> None:
    url = "https://archive.test/frames/?limit=99"
    found: list[int] = []
    while url:
        page = (await client.get(url)).json()
        found += page["results"]
        url = page["next"]
    assert found == list(range(COUNT))


def links(query: str, *, count: int = 250, limit: int = 100, offset: int = 0) -> Any:  # noqa: ANN401
    return page_links(
        "/frames/",
        query,
        http_root="https://x.test/archive/",
        count=count,
        window=Window(limit, offset),
    )


def test_links_keep_other_parameters_as_they_came() -> None:
    following, previous = links("OBJECT=M%2031&a=1&a=2&limit=100&%6Fffset=100&flag&e=", offset=100)
    kept = "https://x.test/archive/frames/?OBJECT=M%2031&a=1&a=2&flag&e=&limit=100"
    assert following == f"{kept}&offset=200"
    assert previous == kept


def test_no_links_beside_a_single_page() -> None:
    assert links("", count=100) == (None, None)
    assert links("", count=0) == (None, None)


def test_previous_from_beyond_the_end_leads_back_to_items() -> None:
    assert links("", count=250, offset=10_000)[1].endswith("limit=100&offset=150")


@given(st.integers(0, 500), st.integers(1, 50), st.integers(0, 600))
def test_links_point_beside_the_window(count: int, limit: int, offset: int) -> None:
    following, previous = links("q=1", count=count, limit=limit, offset=offset)
    assert (following is not None) == (offset + limit < count)
    assert (previous is not None) == (offset > 0)
    for link in filter(None, (following, previous)):
        query = parse_qs(urlsplit(link).query)
        assert query["q"] == ["1"]
        assert query["limit"] == [str(limit)]
