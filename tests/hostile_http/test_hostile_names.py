"""Names of files in headers and in zips: whatever they hold, they stay names."""

import io
import re
import unicodedata
import zipfile
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.api.download_headers import content_disposition
from app.bundles.layout import Member, UnsafeMemberError, plan_zip, unique_names
from tests.support.frames import a_frame
from tests.support.hostile_world import World
from tests.support.live_api import LiveApi
from tests.support.raw_http import ask_raw, send_raw

HEADER = re.compile(
    r'attachment; filename=(?:(?P<token>[^";, ]+)|"(?P<quoted>[^"\\]*)")'
    r"(?:; filename\*=UTF-8''(?P<extended>[A-Za-z0-9%._~-]*))?"
)
"""The grammar of RFC 6266, as far as the archive uses it: nothing in quotes is ever escaped."""


def read_back(value: str) -> tuple[str, str | None]:
    """Read a header as clients do: the plain name, and the one in UTF-8 if there is any."""
    match = HEADER.fullmatch(value.replace("inline", "attachment", 1))
    assert match is not None, value
    extended = match["extended"]
    plain = match["token"] or match["quoted"] or ""
    return plain, None if extended is None else unquote(extended, errors="strict")


NAMES = st.text(max_size=300) | st.text(st.sampled_from("a.%;'\"\r\n\0/\\=*é星\u202e\u2028\ud800"))


@given(NAMES)
def test_any_name_in_a_header(name: str) -> None:
    value = content_disposition(name)
    assert value.isascii()
    assert value.isprintable()
    assert value.startswith("attachment; filename=")
    for read in filter(None, read_back(value)):
        assert not set(read) & set("/\\\r\n\0")
        assert not any(unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp"} for each in read)


@pytest.mark.parametrize("name", ["é.fits", "\N{TELESCOPE}.fits", "星 1;2.fits", "a'b\"c%41.fits"])
def test_a_good_name_comes_back_whole(name: str) -> None:
    assert read_back(content_disposition(name))[1] == name


BASENAMES = {
    "quotes": "a'b\"c",
    "semicolon": "a;filename=b",
    "percent": "a%0d%0ab",
    "other script": "星-é",
    "emoji": "\N{TELESCOPE}",
    "long": "x" * 240,
    "formats": "{0}%s$x",
    "html": "<img src=x onerror=alert(1)>",
    "drive": "C:a",
    "blank": "a b",
}


@pytest.fixture(scope="module")
def named(live: LiveApi, world: World) -> dict[str, int]:
    """File frames whose names the catalogue has, whatever way they came."""
    return {
        kind: live.run(
            a_frame(
                live.archive.sessions,
                name,
                store=live.archive.store,
                content=world.frames["public"].content + kind.encode().ljust(2880, b"\0"),
                has_catalog=True,
            )
        ).id
        for kind, name in BASENAMES.items()
    }


@pytest.mark.parametrize("kind", BASENAMES)
def test_answers_about_a_nasty_name(live: LiveApi, named: dict[str, int], kind: str) -> None:
    number = named[kind]
    for path in (b"/frames/%d/download/", b"/archive/frames/%d/download/", b"/frames/%d/preview/"):
        answer = ask_raw(live.port, path % number)
        assert answer.status == 200, answer.raw[:300]
        assert read_back(answer.headers["content-disposition"])
        assert "set-cookie" not in answer.headers or "x=1" not in answer.headers["set-cookie"]
    for path in (b"/frames/%d/", b"/archive/frames/%d/", b"/frames/%d/related/"):
        answer = ask_raw(live.port, path % number)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_zip_of_nasty_names(live: LiveApi, named: dict[str, int]) -> None:
    query = b"&".join(b"frame_ids=%d" % each for each in named.values())
    headers = [(b"Content-Type", b"application/x-www-form-urlencoded")]
    answer = ask_raw(live.port, b"/frames/zip/", b"POST", headers, query)
    assert answer.status == 200, answer.raw[:300]
    with zipfile.ZipFile(io.BytesIO(answer.body)) as opened:
        assert opened.testzip() is None
        names = [member.filename for member in opened.infolist()]
    assert len({name.casefold() for name in names}) == len(named)
    for name in names:
        assert_safe(name)


def assert_safe(name: str) -> None:
    """Demand that unpacking a member stays within the folder."""
    parts = name.split("/")
    assert not name.startswith("/")
    assert not {"", ".", ".."} & set(parts)
    assert "\\" not in name
    assert ":" not in parts[0]
    assert name.isprintable()


def a_member(name: str) -> Member:
    return Member(name, 1, 0, datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/../b",
        "/a",
        "a//b",
        "a\\b",
        "a/./b",
        "",
        "a/",
        "a\nb",
        "a\0b",
        "..",
        "a/..",
        "\x1b",
    ],
)
def test_a_member_that_leaves_its_folder_is_refused(name: str) -> None:
    with pytest.raises(UnsafeMemberError):
        plan_zip([a_member(name)])


@given(st.lists(st.text(st.sampled_from("aAéÉbß/."), min_size=1, max_size=4), max_size=6))
@example(["A", "a", "a_2"])
def test_members_are_told_apart_whatever_their_case(names: list[str]) -> None:
    unique = unique_names(names)
    assert len({unicodedata.normalize("NFC", each).casefold() for each in unique}) == len(names)


@given(st.text(max_size=40))
def test_what_passes_as_a_member_is_safe(name: str) -> None:
    try:
        plan_zip([a_member(f"folder/{name}")])
    except UnsafeMemberError:
        return
    assert_safe(f"folder/{name}")


TRAVERSALS: list[bytes] = [
    b"/../../etc/passwd", b"/..%2f..%2fetc%2fpasswd", b"/%2e%2e/%2e%2e/etc/passwd",
    b"/..\\..\\etc\\passwd", b"/%5c..%5c..%5cetc%5cpasswd", b"//etc/passwd", b"/./../etc/passwd",
    b"/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", b"/%e0%80%ae%e0%80%ae/etc/passwd",
    b"/%252e%252e/%252e%252e/etc/passwd", b"/swagger/../../../etc/passwd",
    b"/swagger/%2e%2e/%2e%2e/%2e%2e/__init__.py", b"/swagger/..%2f..%2f__init__.py",
    b"/swagger//etc/passwd", b"/swagger/%00", b"/swagger/..%5c..%5c__init__.py",
    b"/pyobs/swagger/../../../../etc/passwd", b"/frames/../../etc/passwd/download/",
    b"/thumbnails/..%2f..%2fetc%2fpasswd/", b"/thumbnails/%2e%2e%2f/", b"/frames/%2e%2e/",
    b"/thumbnails/hostile-public%00.jpg/", b"/frames/1%00/", b"/frames/%01/",
]  # fmt: skip


@pytest.mark.parametrize("target", TRAVERSALS)
@pytest.mark.parametrize("where", [b"", b"http://archive.test", b"http://elsewhere.test:1"])
def test_a_path_never_leads_out(live: LiveApi, target: bytes, where: bytes) -> None:
    answer = ask_raw(live.port, where + target)
    is_page_of_mount = b"/thumbnails/..%2f" in target  # as for any path with slashes there
    assert answer.status in ({200} if is_page_of_mount else {400, 401, 404, 405}), answer.raw[:200]
    assert b"root:" not in answer.body
    assert b"import" not in answer.body


@pytest.mark.parametrize("target", [b"*", b"", b"/?", b"?", b"#", b"/#/frames/", b"//", b"/;/"])
@pytest.mark.parametrize("method", [b"GET", b"OPTIONS"])
def test_odd_targets(live: LiveApi, target: bytes, method: bytes) -> None:
    answer = ask_raw(live.port, target, method)
    assert answer.status in {200, 400, 404, 405}, answer.raw[:200]


@pytest.mark.parametrize(
    "host",
    [
        b"evil.test", b"archive.test@evil.test", b"archive.test:80@evil.test", b"", b"a\tb",
        b"archive.test/../x", b"<script>", b"[::1]:80", b"a" * 5000, b"\xff", b"evil.test\\x",
    ],
)  # fmt: skip
def test_links_never_lead_to_the_host_that_was_sent(live: LiveApi, host: bytes) -> None:
    for path in (b"/frames/?limit=1", b"/archive/frames/?limit=1", b"/", b"/pyobs/"):
        answer = ask_raw(live.port, path, headers=[(b"Host", host), (b"X-Forwarded-Host", host)])
        assert answer.status in {200, 400, 401}, answer.raw[:200]
        assert b"evil" not in answer.raw
        assert b"<script>a" not in answer.raw


def test_two_hosts_and_no_host(live: LiveApi) -> None:
    two: list[Any] = [(b"Host", b"archive.test"), (b"Host", b"evil.test")]
    answer = ask_raw(live.port, b"/archive/frames/?limit=1", headers=two)
    assert b"evil" not in answer.raw
    none = send_raw(live.port, b"GET /health/ HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert none.status in {200, 400}
