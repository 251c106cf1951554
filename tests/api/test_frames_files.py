"""Downloads, headers, previews and catalogues over HTTP, with real bytes."""

import base64
import csv
import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio
from PIL import Image
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.fits_files import make_fits, source_table
from tests.support.frames import FUTURE, Made, a_frame, a_header
from tests.support.serving import Served, as_user, served

pytestmark = pytest.mark.asyncio

CONTENT = bytes(range(256)) * 40


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: NOW)
    async with served(archive) as api:
        yield api


async def a_file(api: Served, basename: str | None = None, **wish: Any) -> Made:  # noqa: ANN401  # of a_frame
    """Register a frame with bytes in the store."""
    archive = api.archive
    content = {"content": CONTENT, **wish}
    return await a_frame(archive.sessions, basename, store=archive.store, **content)


async def an_image(api: Served, tmp_path: Path, **wish: Any) -> Made:  # noqa: ANN401  # of a_frame
    """Register a frame with a real image and catalogue."""
    path = make_fits(tmp_path / "made.fits", shape=(30, 40), hdus=[source_table(4)])
    return await a_file(api, content=path.read_bytes(), has_catalog=True, **wish)


async def link_of(api: Served, made: Made, token: str | None = None) -> str:
    url: str = (await api.get(f"/frames/{made.id}/", token)).json()["url"]
    return url


async def test_a_download_is_the_file(api: Served) -> None:
    made = await a_file(api, "tst-1", extension=".fits.fz")
    answer = await api.get(f"/frames/{made.id}/download/")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    digest = hashlib.sha256(CONTENT)
    expected = {
        "content-type": "image/fits",
        "content-length": str(len(CONTENT)),
        "content-disposition": "attachment; filename=tst-1.fits.fz",
        "accept-ranges": "bytes",
        "etag": f'"{digest.hexdigest()}"',
        "repr-digest": f"sha-256=:{base64.b64encode(digest.digest()).decode()}:",
        "cache-control": "public, no-cache",
        "last-modified": "Wed, 01 Jan 2020 00:00:00 GMT",
        "set-cookie": "fileDownload=true; Path=/",
    }
    assert {name: answer.headers[name] for name in expected} == expected


async def test_a_download_resumes(api: Served) -> None:
    made = await a_file(api)
    path = f"/frames/{made.id}/download/"
    first = await api.client.get(path, headers={"Range": "bytes=0-999"})
    assert (first.status_code, len(first.content)) == (206, 1000)
    more = {"Range": "bytes=1000-", "If-Range": first.headers["etag"]}
    rest = await api.client.get(path, headers=more)
    assert rest.headers["content-range"] == f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert first.content + rest.content == CONTENT
    other = await api.client.get(path, headers={**more, "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, CONTENT)
    beyond = await api.client.get(path, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


async def test_head_and_conditional_requests(api: Served) -> None:
    made = await a_file(api)
    path = f"/frames/{made.id}/download/"
    head = await api.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(CONTENT))
    same = await api.client.get(path, headers={"If-None-Match": head.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert (await api.client.get(path, headers={"If-Match": '"x"'})).status_code == 412


async def test_older_versions_stay_reachable(api: Served) -> None:
    first = await a_file(api, "twice", content=b"first", hdus=[a_header(OBJECT="one")])
    await a_file(api, "twice", content=b"second", hdus=[a_header(OBJECT="two")])
    item = (await api.get(f"/frames/{first.id}/")).json()
    newest, oldest = item["version_set"]
    assert (await api.client.get(newest["url"])).content == b"second"
    assert (await api.client.get(oldest["url"])).content == b"first"
    path = f"/frames/{first.id}/download/"
    assert (await api.get(path)).content == b"second"
    assert (await api.get(path, version=oldest["key"])).content == b"first"
    headers = await api.client.get(oldest["url"].replace("download", "headers"))
    assert headers.json()["data"]["OBJECT"] == "one"
    unknown = await api.get(path, version="0" * 32)
    assert (unknown.status_code, unknown.json()["title"]) == (404, "Version not found")


async def test_nobody_knows_since_when_a_file_is_packed(api: Served) -> None:
    made = await a_file(api)
    packed = await a_file(api, received=b"as it came")
    for each, is_dated in ((made, True), (packed, False)):
        answer = await api.get(f"/frames/{each.id}/download/")
        assert ("last-modified" in answer.headers) is is_dated


async def test_a_signed_link_needs_no_token(api: Served) -> None:
    made = await a_file(api, public_at=FUTURE)
    root = await api.a_user("root", is_superuser=True)
    assert (await api.get(f"/frames/{made.id}/download/")).status_code == 404
    link = await link_of(api, made, root)
    answer = await api.client.get(link)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["cache-control"] == "private, no-cache"
    assert (await api.client.head(link)).status_code == 200
    assert (await api.client.get(link, headers={"Range": "bytes=5-6"})).content == CONTENT[5:7]
    headers = await api.client.get(link.replace("download", "headers"))
    assert (headers.status_code, headers.json()["data"]["SIMPLE"]) == (200, True)
    assert (await api.client.get(link.replace("download", "preview"))).status_code == 404


async def altered(api: Served, link: str, **changes: str) -> httpx.Response:
    parts = urlsplit(link)
    return await api.client.get(parts.path, params={**dict(parse_qsl(parts.query)), **changes})


async def test_altered_links_are_refused(api: Served) -> None:
    made = await a_file(api, "a", content=b"one")
    await a_file(api, "a", content=b"two")
    other = await a_file(api)
    item = (await api.get(f"/frames/{made.id}/")).json()
    link = item["url"]
    changes = [
        {"signature": "0" * 64},
        {"signature": "é"},
        {"expires": "9999999999"},
        {"expires": "soon"},
        {"expires": ""},
        {"version": item["version_set"][1]["key"]},
        {"version": ""},
    ]
    assert (await altered(api, link)).status_code == 200
    for change in changes:
        answer = await altered(api, link, **change)
        assert (answer.status_code, answer.json()["title"]) == (403, "Invalid link")
    foreign = link.replace(f"/{made.id}/", f"/{other.id}/")
    assert (await api.client.get(foreign)).status_code == 403
    missing = link.replace(f"/{made.id}/", "/999999/")
    assert (await api.client.get(missing)).status_code == 403


async def test_links_expire(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path)
    today = an_archive(settings, sessions, engine, offload, lambda: NOW)
    made = await a_frame(sessions, content=CONTENT, store=today.store)
    async with served(today) as api:
        link = await link_of(api, made)
    lifetime = timedelta(seconds=settings.link_lifetime_s)
    for age, status in ((lifetime, 200), (lifetime + timedelta(seconds=2), 403)):
        later = an_archive(settings, sessions, engine, offload, partial(NOW.__add__, age))
        async with served(later) as api:
            assert (await api.client.get(link)).status_code == status


async def test_a_token_decides_before_a_signature(api: Served) -> None:
    made = await a_file(api, public_at=FUTURE)
    root, user = await api.a_user("root", is_superuser=True), await api.a_user("user")
    link = await link_of(api, made, root)
    assert (await api.client.get(link, headers=as_user(user))).status_code == 404
    broken = link[:-4] + "0000"
    assert (await api.client.get(broken, headers=as_user(root))).status_code == 200
    assert (await api.client.get(link, headers=as_user("0" * 40))).status_code == 401


@pytest.mark.parametrize("kind", ["download", "headers", "preview", "catalog"])
async def test_who_may_fetch_what(api: Served, tmp_path: Path, kind: str) -> None:
    made = await an_image(api, tmp_path, proposal="P-7", public_at=FUTURE)
    path = f"/frames/{made.id}/{kind}/"
    member = await api.a_user("member", proposals=("P-7",))
    root = await api.a_user("root", is_superuser=True)
    statuses = {None: 404, await api.a_user("user"): 404, member: 200, root: 200}
    for token, status in statuses.items():
        answer = await api.get(path, token)
        assert answer.status_code == status
        assert (await api.client.head(path, headers=as_user(token))).status_code == status
        if status == 200 and kind != "headers":
            assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("kind", ["download", "preview", "catalog"])
async def test_a_file_that_is_gone(api: Served, kind: str) -> None:
    made = await a_frame(api.archive.sessions, has_catalog=True)
    answer = await api.get(f"/frames/{made.id}/{kind}/")
    assert (answer.status_code, answer.json()["title"]) == (404, "File missing")
    assert str(api.archive.settings.archive_dir) not in answer.text


async def test_headers_merge_science_over_primary(api: Served) -> None:
    primary = a_header(NAXIS=0, DATE_OBS="2026-11-18", OBJECT="pointing", BITPIX=8, EXTEND=True)
    science = a_header(1, "SCI", BITPIX=-32, OBJECT="M67", NAXIS=2, NAXIS1=24, GAIN=None)
    comments = replace(science, cards=(*science.cards, ("HISTORY", "x", ""), ("", "y", "")))
    double = replace(comments, cards=(*comments.cards, ("OBJECT", "again", "")))
    made = await a_frame(
        api.archive.sessions, hdus=[primary, double, a_header(2, "CAT", "table")], science_hdu=1
    )
    body = (await api.get(f"/frames/{made.id}/headers/")).json()
    expected = {
        "BITPIX": -32,
        "DATE-OBS": "2026-11-18",
        "GAIN": None,
        "NAXIS": 2,
        "NAXIS1": 24,
        "OBJECT": "M67",
        "XTENSION": "IMAGE",
    }
    cards = [(card["key"], card["value"]) for card in body["results"]]
    assert cards == list(expected.items())
    assert body["data"] == {**expected, "DATE_OBS": "2026-11-18"}
    assert body["hdus"] == [
        {"index": 0, "name": "", "kind": "image"},
        {"index": 1, "name": "SCI", "kind": "image"},
        {"index": 2, "name": "CAT", "kind": "table"},
    ]
    for ext in ("0", "sci", "2"):
        one = (await api.get(f"/frames/{made.id}/headers/", ext=ext)).json()["data"]
        assert ("SIMPLE" in one, "DATE-OBS" in one) == (ext == "0", ext == "0")
    bad = await api.get(f"/frames/{made.id}/headers/", ext="ERR")
    assert (bad.status_code, bad.json()["ext"]) == (
        400,
        ["ext = 'ERR' is no HDU; there are 0, 1 SCI, 2 CAT"],
    )


async def test_a_preview(api: Served, tmp_path: Path) -> None:
    made = await an_image(api, tmp_path, basename="tst-1")
    path = f"/frames/{made.id}/preview/"
    answer = await api.get(path, width=20, stretch="", ext="0")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "inline; filename=tst-1.png"
    assert answer.headers["cache-control"] == "public, no-cache"
    assert Image.open(io.BytesIO(answer.content)).size == (20, 15)
    tag = {"If-None-Match": answer.headers["etag"]}
    again = await api.client.get(path, params={"width": "20", "ext": "0"}, headers=tag)
    assert again.status_code == 304
    webp = await api.get(path, width=20, format="webp", cmap="viridis", interval="minmax")
    assert webp.headers["content-type"] == "image/webp"
    assert webp.headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", "0"), ("width", "x"), ("format", "gif"), ("cmap", "red"), ("ext", "-1")],
)
async def test_a_bad_wish_for_a_preview_is_named(
    api: Served, tmp_path: Path, name: str, value: str
) -> None:
    made = await an_image(api, tmp_path)
    answer = await api.get(f"/frames/{made.id}/preview/", **{name: value})
    assert answer.status_code in {400, 404}
    assert value in answer.json()["detail"]


async def test_what_is_no_image_has_no_preview(api: Served) -> None:
    made = await a_file(api, content=b"no FITS at all" * 300)
    answer = await api.get(f"/frames/{made.id}/preview/")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_catalogue(api: Served, tmp_path: Path) -> None:
    made = await an_image(api, tmp_path, basename="tst-1")
    for _ in range(2):  # made, then from the cache
        answer = await api.get(f"/frames/{made.id}/catalog/")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"].endswith("filename=tst-1-catalog.csv")
        rows = list(csv.reader(io.StringIO(answer.text)))
        assert (rows[0], len(rows)) == (["x", "y", "flux"], 5)
    assert [path.suffix for path in api.archive.settings.previews_dir.rglob("*.*")] == [".csv"]


async def test_no_catalogue(api: Served, tmp_path: Path) -> None:
    without = await a_file(api)
    wrong = await a_file(api, content=make_fits(tmp_path / "a.fits").read_bytes(), has_catalog=True)
    for made in (without, wrong):
        answer = await api.get(f"/frames/{made.id}/catalog/")
        assert (answer.status_code, answer.json()["title"]) == (404, "No catalogue")
    assert list(api.archive.settings.previews_dir.rglob("*.*")) == []
