"""Requests that nobody makes by intent, and what answers must not let out."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.api.frames.wire_filters import FiltersIn
from app.api.middleware import MAX_BODY_IN_MEMORY_BYTES
from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, a_frame
from tests.support.serving import Served, served

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    async with served(an_archive(settings_in(tmp_path), sessions, engine, offload)) as api:
        yield api


@pytest.mark.parametrize("digits", [19, 20, 5000])
@pytest.mark.parametrize("path", ["", "download/", "preview/"])
async def test_a_number_that_no_frame_has(api: Served, digits: int, path: str) -> None:
    answer = await api.get(f"/frames/{'9' * digits}/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "filters",
    [
        {"include_configuration_type": "ALL"},
        {"include_configuration_type": ["BIAS", "ALL"]},
        {"exclude_configuration_type": "ALL"},
        {"exclude_OBSTYPE": "ALL"},
        {"exclude_calibrations": "ALL"},
        {"empty_target_name": "ALL"},
        {"RA": "ALL", "DEC": "ALL", "radius": "ALL"},
        {"covers": "ALL", "intersects": "ALL"},
    ],
)
async def test_all_means_no_filter(
    api: Served, sessions: Sessions, filters: dict[str, Any]
) -> None:
    await a_frame(sessions)
    answer = await api.get("/frames/", **filters)
    assert answer.status_code == 200, answer.text
    assert answer.json()["count"] == 1


@pytest.mark.parametrize("value", ["", " ", "ALL"])
async def test_every_filter_may_be_left_open(api: Served, sessions: Sessions, value: str) -> None:
    await a_frame(sessions)
    for name, field in FiltersIn.model_fields.items():
        answer = await api.get("/frames/", **{field.alias or name: value})
        assert answer.status_code == 200, (name, answer.text)
        assert answer.json()["count"] == 1, name


@pytest.mark.parametrize(
    "path",
    ["/aggregate/", "/frames/aggregate/", "/profile/", "/health/", "/health/ready/", "/docs"],
)
async def test_head_is_answered_wherever_get_is(api: Served, path: str) -> None:
    assert (await api.client.head(path)).status_code == (await api.get(path)).status_code == 200


async def test_head_of_the_arrivals(api: Served) -> None:
    token = await api.a_user("keeper", is_staff=True)
    headers = {"Authorization": f"Token {token}"}
    assert (await api.client.head("/ingest/", headers=headers)).status_code == 200


async def test_no_cache_keeps_what_only_some_may_see(api: Served, sessions: Sessions) -> None:
    made = await a_frame(sessions, public_at=FUTURE, owner_id=None)
    token = await api.a_user("keeper", is_superuser=True)
    item = (await api.get(f"/frames/{made.id}/", token)).json()
    signed_headers = item["url"].replace("/download/", "/headers/")
    for answer in (
        await api.get("/frames/", token),
        await api.get(f"/frames/{made.id}/", token),
        await api.get(f"/frames/{made.id}/"),
        await api.get(signed_headers),
        await api.get("/profile/", token),
    ):
        assert answer.headers["cache-control"] == "private, no-cache", answer.url


@pytest.mark.parametrize("path", ["/api-token-auth/", "/frames/zip/"])
async def test_a_form_of_anybody_does_not_fill_memory_or_disk(api: Served, path: str) -> None:
    large = bytes(MAX_BODY_IN_MEMORY_BYTES + 1)
    answer = await api.client.post(path, files={"username": (None, large)})
    assert answer.status_code == 413
    answer = await api.client.post(path, files={"frame_ids": ("a.fits", b"1"), "username": b"x"})
    assert answer.status_code == 400
    assert "Maximum number of files is 0" in answer.json()["detail"]


async def test_ids_that_are_no_list(api: Served) -> None:
    answer = await api.client.post("/frames/zip/", json={"frame_ids": "5"})
    assert answer.status_code == 400
    assert answer.json()["frame_ids"] == ['Expected a list of items but got type "str".']


@pytest.mark.parametrize(("name", "value"), [("DEC", "nan"), ("DEC", "91"), ("radius", "inf")])
async def test_bounds_of_a_cone(api: Served, name: str, value: str) -> None:
    answer = await api.get("/frames/", **{"RA": 1, "DEC": 1, name: value})
    assert answer.status_code == 400
    assert name in answer.json()["errors"]


async def test_the_document_speaks_json_schema(api: Served) -> None:
    document = (await api.get("/openapi.json")).text
    assert '"maximum":90' in document
    assert '"ge":' not in document
    assert '"le":' not in document
