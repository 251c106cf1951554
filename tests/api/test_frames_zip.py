"""Zips over HTTP: of named frames and of selections."""

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.frames import FUTURE, Made, a_frame
from tests.support.serving import Served, as_user, served

pytestmark = pytest.mark.asyncio

FOLDER = "skyshelf-20261120"


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    settings = settings_in(tmp_path, max_bundle_frames=40)
    async with served(an_archive(settings, sessions, engine, offload, lambda: NOW)) as api:
        yield api


async def files(api: Served, count: int = 3, **facts: Any) -> list[Made]:  # noqa: ANN401  # of a_frame
    archive = api.archive
    return [await a_frame(archive.sessions, store=archive.store, **facts) for _ in range(count)]


def members(answer: httpx.Response) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-disposition"] == f"attachment; filename={FOLDER}.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        return {name: archive.read(name) for name in archive.namelist()}


def expected(made: list[Made]) -> dict[str, bytes]:
    return {f"{FOLDER}/{each.basename}.fits": each.content for each in made}


@pytest.mark.parametrize("field", ["frame_ids", "frame_ids[]"])
async def test_a_form_names_frames(api: Served, field: str) -> None:
    made = await files(api)
    form = {field: [str(each.id) for each in made], "csrfmiddlewaretoken": "x"}
    assert members(await api.client.post("/frames/zip", data=form)) == expected(made)


async def test_json_names_frames(api: Served) -> None:
    made = await files(api)
    ids = [made[0].id, str(made[2].id), made[0].id]
    answer = await api.client.post("/frames/zip/", json={"frame_ids": ids})
    assert members(answer) == expected([made[0], made[2]])


async def test_a_multipart_form_names_frames(api: Served) -> None:
    made = await files(api, 1)
    answer = await api.client.post("/frames/zip/", files={"frame_ids[]": (None, str(made[0].id))})
    assert members(answer) == expected(made)


async def test_a_selection(api: Served) -> None:
    made = await files(api)
    await files(api, 2, site="tlv")
    answer = await api.get("/frames/zip/", SITE="tst", ordering="id")
    assert list(members(answer).items()) == list(expected(made).items())
    part = await api.get("/frames/zip", SITE="tst", ordering="id", offset=1, limit=1)
    assert members(part) == expected(made[1:2])


async def test_a_selection_is_whole_without_a_limit(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: NOW)
    async with served(archive) as api:
        made = await files(api, 120)
        assert len(members(await api.get("/frames/zip/"))) == len(made)


async def test_a_zip_resumes(api: Served) -> None:
    await files(api)
    whole = await api.get("/frames/zip/")
    ranged = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    rest = await api.client.get("/frames/zip/", headers=ranged)
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    head = await api.client.head("/frames/zip/")
    assert head.headers["content-length"] == str(len(whole.content))


async def test_who_may_zip_what(api: Served) -> None:
    (public,) = await files(api, 1)
    (hidden,) = await files(api, 1, proposal="P-7", public_at=FUTURE)
    member = await api.a_user("member", proposals=("P-7",))
    user = await api.a_user("user")
    both = {"frame_ids": [public.id, hidden.id]}
    for token in (None, user):
        answer = await api.client.post("/frames/zip/", json=both, headers=as_user(token))
        assert answer.status_code == 404
        assert str(hidden.id) in answer.json()["detail"]
        assert members(await api.get("/frames/zip/", token)) == expected([public])
    answer = await api.client.post("/frames/zip/", json=both, headers=as_user(member))
    assert members(answer) == expected([public, hidden])
    assert len(members(await api.get("/frames/zip/", member))) == 2


async def test_the_token_of_the_body_decides(api: Served) -> None:
    (hidden,) = await files(api, 1, proposal="P-7", public_at=FUTURE)
    member, user = await api.a_user("member", proposals=("P-7",)), await api.a_user("user")
    form = {"frame_ids[]": str(hidden.id), "auth_token": member}
    assert members(await api.client.post("/frames/zip/", data=form, headers=as_user(user)))
    form["auth_token"] = "0" * 40
    answer = await api.client.post("/frames/zip/", data=form, headers=as_user(member))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Token")
    form["auth_token"] = ""
    assert members(await api.client.post("/frames/zip/", data=form, headers=as_user(member)))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"frame_ids": []}, 400),
        ({"frame_ids": ["x"]}, 400),
        ({"frame_ids": [0]}, 400),
        ({"frame_ids": [2**63]}, 400),
        ({"frame_ids": 7}, 400),
        ({"frame_ids": [2**63 - 1]}, 404),
        ({"frame_ids": list(range(1, 42))}, 413),
    ],
)
async def test_bad_ids(api: Served, body: dict[str, Any], status: int) -> None:
    answer = await api.client.post("/frames/zip/", json=body)
    assert answer.status_code == status
    if status != 404:
        assert "frame_ids" in answer.json()


async def test_thousands_of_ids_in_a_form(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, max_bundle_frames=50_000)
    async with served(an_archive(settings, sessions, engine, offload, lambda: NOW)) as api:
        made = await files(api, 2)
        ids = [str(each.id) for each in made] * 20_000
        assert len(members(await api.client.post("/frames/zip/", data={"frame_ids[]": ids}))) == 2
        many = {"frame_ids": [str(number) for number in range(1, 40_000)]}
        answer = await api.client.post("/frames/zip/", data=many)
        assert answer.status_code == 404
        assert len(answer.json()["detail"]) < 1000


async def test_selections_of_nothing_and_of_too_much(api: Served) -> None:
    assert (await api.get("/frames/zip/", SITE="nowhere")).status_code == 400
    for _ in range(41):
        await a_frame(api.archive.sessions)
    answer = await api.get("/frames/zip/")
    assert answer.status_code == 413
    assert "41 frames are selected, at most 40" in answer.json()["detail"]


async def test_a_member_that_is_gone(api: Served) -> None:
    await a_frame(api.archive.sessions)
    answer = await api.get("/frames/zip/")
    assert (answer.status_code, answer.json()["title"]) == (404, "File missing")
