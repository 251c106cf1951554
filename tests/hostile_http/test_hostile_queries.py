"""Queries that are absurd, huge or meant for another language than that of a list of frames."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.frames import a_frame
from tests.support.hostile_world import World
from tests.support.live_api import LiveApi
from tests.support.raw_http import RawAnswer, ask_raw

LISTS = ("/frames/", "/pyobs/frames/", "/archive/frames/")
Get = Callable[..., RawAnswer]


@pytest.fixture(scope="module")
def get(live: LiveApi, world: World) -> Get:
    """Ask for a path as a user."""
    headers = [(b"Authorization", b"Token " + world.tokens["user"].encode())]

    def ask(path: str, query: object = None) -> RawAnswer:
        text = query if isinstance(query, str) else urlencode(query or {}, doseq=True)  # type: ignore[arg-type]
        return ask_raw(live.port, f"{path}?{text}".encode(), headers=headers)

    return ask


def names(answer: RawAnswer) -> set[str]:
    assert answer.status == 200, answer.raw[:500]
    return {each["basename"] for each in json.loads(answer.body)["results"]}


PATTERNS = (
    "a%b",
    "a_b",
    "a\\b",
    "a%",
    "100%_\\",
    "(a+)+$",
    "[a-z]*",
    "a.b",
    "^a",
    "'; --",
    '"',
    "$$",
)


@pytest.fixture(scope="module")
def patterned(live: LiveApi, world: World) -> list[str]:
    """File frames whose names are patterns, and others that such patterns would match."""
    assert world.frames
    found = [f"pat-{text}" for text in PATTERNS] + [
        "pat-axb",
        "pat-aXXb",
        "pat-a",
        "pat-aaaaaaaaaaaa!",
    ]
    for name in found:
        live.run(a_frame(live.archive.sessions, name))
    return found


@pytest.mark.parametrize("text", PATTERNS)
@pytest.mark.parametrize(
    ("path", "parameter"),
    [("/frames/", "basename"), ("/pyobs/frames/", "basename"), ("/archive/frames/", "basename")],
)
def test_a_part_of_a_name_is_taken_literally(
    get: Get, patterned: list[str], text: str, path: str, parameter: str
) -> None:
    answer = get(path, {parameter: f"pat-{text}", "limit": 100})
    assert names(answer) <= {name for name in patterned if text.lower() in name.lower()}
    if path == "/frames/":
        assert f"pat-{text}" in names(answer)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "limit=1000000000", "limit=-1", "limit=1.5", "limit=1e9", "limit=0", "limit=" + "9" * 400,
        "offset=-1", "offset=999999999", "offset=1e3", "offset=" + "9" * 30,
        "offset=9223372036854775807", "limit=9223372036854775807&offset=9223372036854775807",
        "limit=%C2%B2", "limit=0x10", "ordering=password", "ordering=id%3Bdrop",
        "ordering=__class__", "ordering=-", "ordering=--id", "ordering=" + "id," * 3000,
        "ordering=%00", "sort=id%20desc", "sort=(select%201)", "order=asc%3B", "cursor=x",
        "cursor=" + "A" * 10_000, "cursor=%ff", "cursor=bnVsbA", "cursor=W10", "cursor=W1tbXV1d",
        "RA=1e308&DEC=0&radius=1", "RA=nan&DEC=nan", "RA=0&DEC=90&radius=1e9", "RA=-1e400&DEC=0",
        "RA=0&DEC=0&radius=-1", "RA=0&DEC=0&radius=inf", "start=0000-01-01", "start=99999-01-01",
        "start=2026-02-30", "end=9999-12-31T23:59:59.999999%2B23:59", "start=-4713-01-01",
        "night=2026-11-31", "covers=POINT(1e400%200)", "covers=POLYGON(())",
        "intersects=POLYGON((0%200))", "header.X=" + "a" * 5000, "header.%00=1", "header.=1",
        "header.X__=1", "header.X__regex=(a%2B)%2B", "header.X__in=" + "1," * 5000,
        "header.X__range=1", "header.X__isnull=maybe", "header.X__lt=NaN", "header.'%20OR%201=1",
        "q=%F0%28%8C%28", "basename=%ED%A0%80", "basename=%C0%80", "basename=%00",
        "basename=" + "%25" * 10_000, "a=" + "b" * 50_000, "&" * 50_000, "=" * 5000,
        "limit=1&" * 5000, "fields=" + "id," * 5000, "columns=__dict__",
        "format=../../etc/passwd", "format=html", "EXPTIME=1e400", "RLEVEL=1e2",
        "reduction_level=99999999999999999999", "public=maybe", "SITEID[]=1&SITEID[$gt]=",
        "include=..%2f..", "id=1;2", "id=1%20or%201=1",
    ],
)  # fmt: skip
def test_an_absurd_query_is_answered_or_refused(get: Get, path: str, query: str) -> None:
    answer = get(path, query)
    assert answer.status in {200, 400, 404}, (query[:80], answer.raw[:500])
    assert "json" in answer.headers["content-type"]
    if answer.status == 200:
        assert len(json.loads(answer.body)["results"]) <= 1000


@pytest.mark.parametrize("path", LISTS)
def test_what_is_not_utf_8_is_refused(get: Get, path: str) -> None:
    for query in ("q=%F0%28%8C%28", "q=%ED%A0%80", "q=%C0%80", "q=%00", "%00=1", "q=a%00b"):
        assert get(path, query).status == 400, query


def polygon(count: int) -> str:
    """Write a polygon with many corners."""
    corners = [f"{index * 10 / count:.7f} {(index % 2) * 0.001:.4f}" for index in range(count)]
    return f"POLYGON(({', '.join([*corners, '10 5', corners[0]])}))"


@pytest.mark.parametrize("path", ["/frames/", "/archive/frames/"])
def test_a_polygon_of_many_corners(get: Get, path: str) -> None:
    assert get(path, {"intersects": polygon(100_000)}).status == 431
    answer = get(path, {"intersects": polygon(2000)})
    assert answer.status in {200, 400}, answer.raw[:300]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_an_altered_cursor_is_a_place_or_refused(get: Get, data: st.DataObject) -> None:
    link = json.loads(get("/frames/", "limit=2&cursor=").body)["next"]
    cursor = bytearray(link.partition("cursor=")[2].partition("&")[0].encode())
    if data.draw(st.booleans()) and cursor:
        place = data.draw(st.integers(0, len(cursor) - 1))
        cursor[place] = data.draw(st.sampled_from(b"AZaz09-_=."))
    else:
        values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
        content = data.draw(
            st.lists(values | st.dictionaries(st.text(max_size=1), values), max_size=5)
        )
        cursor = bytearray(base64.urlsafe_b64encode(json.dumps(content).encode()))
    answer = get("/frames/", {"limit": 2, "cursor": bytes(cursor)})
    assert answer.status in {200, 400}, answer.raw[:300]


BODIES: dict[str, bytes] = {
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"frame_ids":' * 50_000,
    "a huge number": b'{"frame_ids": [' + b"9" * 100_000 + b"]}",
    "a huge exponent": b'{"frame_ids": [1e999999]}',
    "NaN": b'{"frame_ids": [NaN, Infinity, -Infinity]}',
    "duplicate keys": b'{"frame_ids": [1], "frame_ids": "x"}',
    "half a pair": b'{"frame_ids": [1], "auth_token": "\\ud800"}',
    "NUL": b'{"frame_ids": ["\\u0000"], "username": "\\u0000", "password": "\\u0000"}',
    "10 MB": b'{"frame_ids": [' + b"1," * 5_000_000 + b"1]}",
    "too many": json.dumps({"frame_ids": list(range(1, 60_000))}).encode(),
    "not UTF-8": b'{"frame_ids": ["\xff\xfe"]}',
    "UTF-16": '{"frame_ids": [1]}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"frame_ids": [1]}',
    "null": b"null",
    "a number": b"1",
    "nothing": b" ",
    "a negative id": b'{"frame_ids": [-1, 0, 9223372036854775808]}',
    "fractions": b'{"frame_ids": [1.5, "1e0", true, null, {}, []]}',
    "wrong names": b'{"__proto__": {"a": 1}, "constructor": 1, "frame_ids": {"$gt": ""}}',
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "path", ["/frames/zip/", "/archive/frames/zip/", "/pyobs/frames/zip/", "/login/", "/frames/"]
)
def test_a_hostile_body(live: LiveApi, world: World, name: str, path: str) -> None:
    headers = [
        (b"Authorization", b"Token " + world.tokens["superuser"].encode()),
        (b"Content-Type", b"application/json"),
    ]
    answer = ask_raw(live.port, path.encode(), b"POST", headers, BODIES[name])
    assert answer.status in {400, 404, 409, 413, 200}, answer.raw[:300]
    if name in {"too many", "10 MB"}:
        assert answer.status in {400, 413, 404}, answer.raw[:300]
    if name in {"deep lists", "deep objects", "NaN", "not UTF-8", "null", "a number"}:
        assert answer.status in {400, 413}, answer.raw[:300]


def test_a_zip_has_a_limit(live: LiveApi, world: World) -> None:
    limit = live.archive.settings.max_bundle_frames
    ids: list[Any] = list(range(1, limit + 2))
    for path in (b"/frames/zip/", b"/archive/frames/zip/"):
        headers = [(b"Content-Type", b"application/json")]
        answer = ask_raw(live.port, path, b"POST", headers, json.dumps({"frame_ids": ids}).encode())
        assert answer.status == 413, answer.raw[:300]
        assert str(limit).encode() in answer.body
    assert world.frames


@pytest.mark.parametrize("name", ["", "nobody'--", "\u202e", "a" * 10_000])
def test_a_name_of_a_thumbnail(get: Get, name: str) -> None:
    answer = get(f"/thumbnails/{quote(name)}/", "")
    assert answer.status in {200, 400, 404, 414, 431}, answer.raw[:300]
