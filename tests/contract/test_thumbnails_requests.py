"""The LCO thumbnail service: which requests it answers, and to whom (THU §1)."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.frames import FUTURE
from tests.support.serving import Served, as_user, served
from tests.support.thumbnail_frames import a_shown_frame, path_of, ramp, refused, thumbnail

pytestmark = pytest.mark.asyncio

NOT_FOUND = (404, "Not found")


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    hosts = settings_in(tmp_path, dialect_hosts="thumbnails=thumbs.example.org")
    async with served(an_archive(hosts, sessions, engine, offload, lambda: NOW)) as api:
        yield api


async def test_thu_1_a_number_is_a_frame_id(api: Served) -> None:
    made = await a_shown_frame(api, ramp((10, 30)))
    assert (await thumbnail(api, f"/thumbnails/{made.id}/")).size == (30, 10)
    assert refused(await api.get(f"/thumbnails/{made.id + 1000}/")) == NOT_FOUND


async def test_thu_1_digits_are_never_a_basename(api: Served) -> None:
    made = await a_shown_frame(api, basename="20261120")
    assert refused(await api.get("/thumbnails/20261120/")) == NOT_FOUND
    assert (await api.get(f"/thumbnails/{made.id}/")).status_code == 200
    for digits in ("0", "9" * 18, "9" * 19, "9" * 30, "1" * 5000):
        assert refused(await api.get(f"/thumbnails/{digits}/")) == NOT_FOUND


async def test_thu_2_a_basename_is_exact_first(api: Served) -> None:
    await a_shown_frame(api, ramp((10, 30)), "tst1m0-e91")
    await a_shown_frame(api, ramp((10, 40)), "tst1m0-e91-b")
    assert (await thumbnail(api, "/thumbnails/tst1m0-e91/")).size == (30, 10)


async def test_thu_2_else_it_is_contained_in_exactly_one(api: Served) -> None:
    await a_shown_frame(api, ramp((10, 30)), "tst1m0-fa01-e91")
    await a_shown_frame(api, ramp((10, 40)), "tst1m0-fa02-e91")
    assert (await thumbnail(api, "/thumbnails/fa02/")).size == (40, 10)
    assert refused(await api.get("/thumbnails/tst1m0/")) == NOT_FOUND
    assert refused(await api.get("/thumbnails/fa03/")) == NOT_FOUND
    assert refused(await api.get("/thumbnails/fa0_/")) == NOT_FOUND  # no pattern
    assert refused(await api.get("/thumbnails/%25/")) == NOT_FOUND


async def test_thu_2_a_hidden_frame_does_not_count(api: Served) -> None:
    await a_shown_frame(api, basename="tst-a1", public_at=FUTURE, proposal="P1")
    await a_shown_frame(api, ramp((10, 30)), "tst-a2")
    assert (await thumbnail(api, "/thumbnails/tst-a/")).size == (30, 10)


@pytest.mark.parametrize("basename", ["tst-e91", "tst.v1.e91", "tst-e91.fits", "a b", "ü.x"])
async def test_thu_3_with_and_without_final_slash(api: Served, basename: str) -> None:
    made = await a_shown_frame(api, basename=basename)
    for name in (basename, str(made.id)):
        for path in (f"/thumbnails/{name}", f"/thumbnails/{name}/", f"/thumbnails//{name}//"):
            answer = await api.get(path)
            assert answer.status_code == 200, path
            assert path_of(answer.json()["url"]).startswith("/thumbnails/pictures/")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_thu_4_other_methods_are_not_allowed(api: Served, method: str) -> None:
    made = await a_shown_frame(api)
    for path in (
        f"/thumbnails/{made.id}/",
        f"/thumbnails/{made.basename}",
        "/thumbnails/",
        "/thumbnails/a/b/",
    ):
        answer = await api.client.request(method, path)
        assert refused(answer) == (405, f'Method "{method}" not allowed.')
        assert answer.headers["allow"] == "GET, HEAD"


async def test_thu_4_head_is_get_without_a_body(api: Served) -> None:
    made = await a_shown_frame(api)
    answer = await api.client.head(f"/thumbnails/{made.id}/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "path", ["", "/", "/12/34/", "/a/b/c", "/pictures/12/large.jpg", "/a/b.fits"]
)
async def test_thu_5_base_and_deeper_paths_point_to_the_documentation(
    api: Served, path: str
) -> None:
    answer = await api.get(f"/thumbnails{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    (link,) = re.findall(r'href="([^"]+)"', answer.text)
    assert link == "http://archive.test/thumbnails/docs"
    documentation = await api.client.get(link)
    assert documentation.status_code == 200
    assert "swagger" in documentation.text
    described = (await api.get("/thumbnails/openapi.json")).json()
    assert set(described["paths"]) == {"/", "/{name}/", "/api-token-auth/"}


async def test_thu_6_robots_are_kept_out(api: Served) -> None:
    answer = await api.get("/thumbnails/robots.txt")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.split() == ["User-agent:", "*", "Disallow:", "/"]


async def test_thu_1_2_visibility_is_that_of_the_archive(api: Served) -> None:
    made = await a_shown_frame(api, public_at=FUTURE, proposal="P1")
    other = await api.a_user("other", proposals=("P2",))
    member = await api.a_user("member", proposals=("P1",))
    for name in (str(made.id), made.basename):
        path = f"/thumbnails/{name}/"
        assert refused(await api.get(path)) == NOT_FOUND
        assert refused(await api.get(path, other)) == NOT_FOUND
        assert (await thumbnail(api, path, member)).size == (100, 50)
        assert (await api.get(path, member)).json()["propid"] == "P1"


@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
async def test_thu_1_a_bad_token_is_401_even_for_public_frames(api: Served, scheme: str) -> None:
    made = await a_shown_frame(api)
    for path in (f"/thumbnails/{made.id}/", "/thumbnails/nothing/", "/thumbnails/1/?width=no"):
        answer = await api.client.get(path, headers={"Authorization": f"{scheme} {'0' * 40}"})
        assert refused(answer) == (401, "Invalid token.")
        assert answer.headers["www-authenticate"]


async def test_thu_1_any_page_may_ask(api: Served) -> None:
    made = await a_shown_frame(api)
    path, page = f"/thumbnails/{made.id}/", {"Origin": "https://portal.example.org"}
    answer = await api.client.get(path, headers=page)
    assert answer.headers["access-control-allow-origin"] == "*"
    picture = await api.client.get(answer.json()["url"], headers=page)
    assert picture.headers["access-control-allow-origin"] == "*"
    asked = page | {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    assert (await api.client.options(path, headers=asked)).status_code == 200


async def test_thu_1_20_a_host_of_its_own(api: Served) -> None:
    made = await a_shown_frame(api, public_at=FUTURE, proposal="P1")
    member = await api.a_user("member", proposals=("P1",))
    host = {"Host": "thumbs.example.org"}
    answer = await api.client.get(f"/{made.id}/", headers=host | as_user(member))
    url = answer.json()["url"]
    assert url.startswith(f"http://thumbs.example.org/pictures/{made.id}.jpg?")
    assert (await api.client.get(url)).status_code == 200
    assert (await api.client.get(f"/{made.id}/x/", headers=host)).status_code == 200
    assert refused(await api.client.get("/nothing/", headers=host)) == NOT_FOUND
