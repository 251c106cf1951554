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
