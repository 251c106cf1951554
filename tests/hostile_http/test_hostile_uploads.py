"""Uploads that are too large, broken, endless or a bomb: refused, and nothing stays behind."""

import gzip
import json
import socket
import time
import zlib

import pytest

from app.api.frames.uploads import MAX_FILES, MAX_PARTS
from tests.support.hostile_world import World, fits_file
from tests.support.live_api import LiveApi
from tests.support.raw_http import RawAnswer, read_all, request_head, send_raw

PATHS = (b"/frames/create/", b"/pyobs/frames/create/")
BOUNDARY = b"boundary-of-parts"
END = b"\r\n--" + BOUNDARY + b"--\r\n"


def part(
    content: bytes,
    disposition: bytes = b'form-data; name="file"; filename="a.fits"',
    headers: bytes = b"",
) -> bytes:
    """Write one part of a form."""
    head = b"--" + BOUNDARY + b"\r\nContent-Disposition: " + disposition + b"\r\n" + headers
    return head + b"\r\n" + content


def head_of(
    world: World, path: bytes = PATHS[0], boundary: bytes = BOUNDARY, **headers: bytes
) -> bytes:
    """Write the head of an upload by staff."""
    given = [
        (b"Authorization", b"Token " + world.tokens["staff"].encode()),
        (b"Content-Type", b"multipart/form-data; boundary=" + boundary),
        *((name.replace("_", "-").encode(), value) for name, value in headers.items()),
    ]
    return request_head(path, b"POST", given)


def chunked(*pieces: bytes) -> bytes:
    """Write pieces of a body without a length."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def upload(live: LiveApi, world: World, body: bytes, **headers: bytes) -> RawAnswer:
    """Send an upload whose length is told."""
    length = str(len(body)).encode()
    return send_raw(live.port, head_of(world, Content_Length=length, **headers), body)


def rows(live: LiveApi, world: World) -> tuple[int, int]:
    """Count frames and arrivals."""
    token = {"Authorization": f"Token {world.tokens['superuser']}"}
    counts = []
    for path in (b"/frames/?limit=1", b"/ingest/?limit=1"):
        pairs = [(name.encode(), value.encode()) for name, value in token.items()]
        answer = send_raw(live.port, request_head(path, headers=pairs))
        counts.append(int(json.loads(answer.body)["count"]))
    return counts[0], counts[1]


def assert_nothing_stays(live: LiveApi) -> None:
    """Wait until nothing is left in the spool."""
    end = time.monotonic() + 15
    while live.spooled() and time.monotonic() < end:
        time.sleep(0.05)
    assert live.spooled() == []


@pytest.mark.parametrize("path", PATHS)
def test_what_says_that_it_is_too_large_is_refused_unread(
    live: LiveApi, world: World, path: bytes
) -> None:
    limit = live.archive.settings.max_upload_bytes
    with socket.create_connection(("127.0.0.1", live.port), timeout=15) as connection:
        connection.sendall(head_of(world, path, Content_Length=b"%d" % (limit + 1)))
        answer = RawAnswer(read_all(connection))  # not one byte of the body was sent
    assert answer.status == 413
    assert str(limit) in json.loads(answer.body)["detail"]
    assert live.spooled() == []


def test_a_client_that_waits_for_100_is_told_413(live: LiveApi, world: World) -> None:
    head = head_of(world, Content_Length=b"999999999", Expect=b"100-continue")
    assert send_raw(live.port, head).raw.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", PATHS)
def test_what_does_not_say_so_is_cut_off(live: LiveApi, world: World, path: bytes) -> None:
    before = rows(live, world)
    piece = bytes(50_000)
    body = [part(b""), *[piece] * 20, END]
    head = head_of(world, path, Transfer_Encoding=b"chunked")
    answer = send_raw(live.port, head, *(chunked(one)[:-5] for one in body), b"0\r\n\r\n")
    assert answer.status in {0, 413}  # 0: reset while we were still sending
    assert_nothing_stays(live)
    assert rows(live, world) == before


BROKEN = {
    "no part": b"",
    "no boundary in it": b"x" * 1000,
    "another boundary": part(b"x").replace(BOUNDARY, b"something-else") + END,
    "no last boundary": part(fits_file("cut")),
    "no head": b"--" + BOUNDARY + b"\r\n",
    "a head without an end": b"--" + BOUNDARY + b"\r\n" + b"X: y\r\n" * 100,
    "a header without a name": b"--" + BOUNDARY + b"\r\n: y\r\n\r\nx" + END,
    "a large header": part(b"x", headers=b"X-Large: " + b"x" * 200_000 + b"\r\n") + END,
    "many headers": part(b"x", headers=b"X: y\r\n" * 10_000) + END,
    "a header named twice": part(b"x", headers=b"Content-Disposition: form-data\r\n" * 2) + END,
    "a NUL in a header": part(b"x", headers=b"X: \0\r\n") + END,
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("path", PATHS)
def test_a_broken_form(live: LiveApi, world: World, name: str, path: bytes) -> None:
    body = BROKEN[name]
    before = rows(live, world)
    head = head_of(world, path, Content_Length=b"%d" % len(body))
    answer = send_raw(live.port, head, body)
    assert answer.status in {200, 400, 413}, answer.raw
    if answer.status == 200:
        assert json.loads(answer.body)["created"] == 0
    assert_nothing_stays(live)
    assert rows(live, world)[0] == before[0]


@pytest.mark.parametrize(
    "boundary", [b"", b'""', b"x" * 71, b'"a b', b"=", b"\xff\xfe", b"a\tb", b";;;", b"'"]
)
def test_a_boundary_that_is_none(live: LiveApi, world: World, boundary: bytes) -> None:
    body = part(b"x") + END
    head = head_of(world, boundary=boundary, Content_Length=b"%d" % len(body))
    assert send_raw(live.port, head, body).status in {400, 415}
    assert_nothing_stays(live)


def test_too_many_parts(live: LiveApi, world: World) -> None:
    files = (part(b"", b'form-data; name="f"; filename="f%d"' % each) for each in range(2500))
    answer = upload(live, world, b"\r\n".join(files) + END)
    assert answer.status == 413
    assert str(MAX_FILES) in json.loads(answer.body)["detail"]
    assert_nothing_stays(live)


def test_too_many_fields(live: LiveApi, world: World) -> None:
    fields = (part(b"1", b'form-data; name="f"') for each in range(MAX_PARTS + 1))
    answer = upload(live, world, b"\r\n".join(fields) + END)
    assert answer.status == 413
    assert_nothing_stays(live)


def test_names_that_are_odd(live: LiveApi, world: World) -> None:
    names = [b"../../etc/passwd", b"..\\..\\x.fits", b"/abs.fits", b"C:\\x.fits", b"", b"..", b"."]
    names += [b"a\x01b.fits", b"x" * 3000 + b".fits", b"\xff\xfe.fits", b"a%00.fits", b".hidden"]
    names += [b"con", b"a\x7f.fits", "\u202egpj.fits".encode(), b"-rf.fits", b"~root", b"$(id)"]
    body = b"\r\n".join(
        part(b"no FITS %d" % place, b'form-data; name="file"; filename="%s"' % name)
        for place, name in enumerate(names)
    )
    answer = upload(live, world, body + END)
    assert answer.status == 200, answer.raw
    results = json.loads(answer.body)["results"]
    assert len(results) == len(names)
    for result in results:
        assert "/" not in result["filename"]
        assert "\\" not in result["filename"]
        assert result["filename"].isprintable()
        assert len(result["filename"].encode()) <= 255
    data = live.archive.settings.data_dir
    outside = [each for each in data.parent.rglob("*passwd*") if not each.is_relative_to(data)]
    assert outside == []
    assert_nothing_stays(live)


def test_files_beside_fields_and_forms_within_forms(live: LiveApi, world: World) -> None:
    inner = b"--inner\r\nContent-Disposition: form-data; filename=i.fits\r\n\r\nx\r\n--inner--"
    body = b"\r\n".join(
        [
            part(b"1", b'form-data; name="before"'),
            part(fits_file("same-field-1")),
            part(fits_file("same-field-2")),
            part(b"2", b'form-data; name="after"'),
            part(inner, headers=b"Content-Type: multipart/mixed; boundary=inner\r\n"),
        ]
    )
    answer = upload(live, world, body + END)
    assert answer.status == 200, answer.raw
    states = [result["state"] for result in json.loads(answer.body)["results"]]
    assert states == ["filed", "filed", "quarantined"]
    assert_nothing_stays(live)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_compressed_body_is_not_unpacked(live: LiveApi, world: World, coding: str) -> None:
    bomb = part(b"") + bytes(20 << 20) + END
    packed = gzip.compress(bomb) if coding.endswith("gzip") else zlib.compress(bomb)
    answer = upload(live, world, packed, Content_Encoding=coding.encode())
    assert answer.status in {400, 415}, answer.raw
    assert_nothing_stays(live)


def test_a_body_that_is_shorter_than_it_says(live: LiveApi, world: World) -> None:
    before = rows(live, world)
    with socket.create_connection(("127.0.0.1", live.port), timeout=15) as connection:
        connection.sendall(head_of(world, Content_Length=b"100000") + part(fits_file("short")))
        connection.shutdown(socket.SHUT_WR)
        assert RawAnswer(read_all(connection)).status in {0, 400}
    assert_nothing_stays(live)
    assert rows(live, world) == before


def test_a_body_that_is_longer_than_it_says(live: LiveApi, world: World) -> None:
    before = rows(live, world)
    body = part(fits_file("long")) + END
    head = head_of(world, Content_Length=b"%d" % (len(body) - 20))
    assert send_raw(live.port, head, body).status == 400
    assert_nothing_stays(live)
    assert rows(live, world) == before


@pytest.mark.parametrize("sent_bytes", [0, 1, 50, 200, 5000])
def test_a_client_that_leaves(live: LiveApi, world: World, sent_bytes: int) -> None:
    before = rows(live, world)
    body = part(fits_file("left")) + END
    with socket.create_connection(("127.0.0.1", live.port), timeout=15) as connection:
        connection.sendall(head_of(world, Content_Length=b"%d" % len(body)) + body[:sent_bytes])
    assert_nothing_stays(live)
    assert rows(live, world) == before
