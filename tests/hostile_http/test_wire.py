"""What a client may do to a connection: slowness, size, nonsense."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.api.server_protocol import MAX_HEAD_BYTES, GuardedProtocol
from tests.support.frames import Made, a_frame
from tests.support.hostile_world import World
from tests.support.live_api import LiveApi
from tests.support.raw_http import RawAnswer, ask_raw, read_all, request_head, send_raw

LARGE_BYTES = 24 << 20
WITHIN_S = 15
"""Generous: a period is a fraction of a second here."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "period_s", 0.3)


@pytest.fixture
def connection(live: LiveApi) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", live.port), timeout=WITHIN_S) as connection:
        yield connection


def drip(connection: socket.socket, text: bytes) -> RawAnswer:
    """Send a byte now and then until the server has enough."""
    connection.settimeout(0.1)
    received = b""
    end = time.monotonic() + WITHIN_S
    for at in range(len(text)):
        assert time.monotonic() < end, "the server waits for ever"
        try:
            connection.sendall(text[at : at + 1])
            piece = connection.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            break
        if not piece:
            break
        received += piece
    return RawAnswer(received)


def test_a_head_that_drips_is_cut_off(connection: socket.socket) -> None:
    assert drip(connection, request_head(b"/health/", headers=[(b"X", b"x" * 300)])).status == 408


def test_a_silent_connection_is_closed(connection: socket.socket) -> None:
    assert read_all(connection) == b""


def test_half_a_head_is_cut_off(connection: socket.socket) -> None:
    connection.sendall(b"GET /health/ HTTP/1.1\r\nHost: archive.test\r\n")
    assert RawAnswer(read_all(connection)).status == 408


def test_the_next_head_of_a_connection_is_cut_off_too(connection: socket.socket) -> None:
    connection.sendall(b"GET /health/ HTTP/1.1\r\nHost: archive.test\r\n\r\n")
    first = connection.recv(65536)
    assert first.startswith(b"HTTP/1.1 200")
    while not first.endswith(b"ok"):
        first += connection.recv(65536)
    answer = drip(connection, request_head(b"/health/", headers=[(b"X", b"x" * 300)]))
    assert answer.status == 408


@pytest.mark.parametrize("path", [b"/frames/create/", b"/frames/zip/", b"/api-token-auth/"])
def test_a_body_that_drips_is_cut_off(
    live: LiveApi, world: World, connection: socket.socket, path: bytes
) -> None:
    headers = [
        (b"Authorization", b"Token " + world.tokens["staff"].encode()),
        (b"Content-Type", b"multipart/form-data; boundary=b"),
        (b"Content-Length", b"100000"),
    ]
    connection.sendall(request_head(path, b"POST", headers))
    answer = drip(connection, b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.fits"')
    assert answer.status == 408
    assert _settled(live) == []


def _settled(live: LiveApi) -> list[object]:
    """Wait until the spool is empty again, but for what is in quarantine."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end and live.spooled():
        time.sleep(0.05)
    return [*live.spooled()]


def test_a_body_after_its_refusal_does_not_hold_the_connection(
    connection: socket.socket,
) -> None:
    head = request_head(b"/revoke_token/", b"POST", [(b"Content-Length", b"100000")])
    connection.sendall(head.replace(b"Connection: close\r\n", b""))
    assert connection.recv(65536).startswith(b"HTTP/1.1 401")
    connection.settimeout(0.1)
    end = time.monotonic() + WITHIN_S
    is_cut = False
    while not is_cut and time.monotonic() < end:
        try:
            connection.sendall(b"x")
        except ConnectionError:
            is_cut = True
        time.sleep(0.05)
    assert is_cut


@pytest.fixture(scope="module")
def large(live: LiveApi) -> Made:
    content = bytes(LARGE_BYTES)
    made = a_frame(live.archive.sessions, "large", store=live.archive.store, content=content)
    return live.run(made)


def is_open(made: Made) -> bool:
    """Say whether this process has the file of a frame open."""
    names = (link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return any(made.basename in name for name in names)


def test_a_download_that_nobody_reads_lets_go_of_everything(
    live: LiveApi, large: Made, connection: socket.socket
) -> None:
    connection.sendall(request_head(b"/frames/%d/download/" % large.id))
    connection.recv(1000)
    assert live.server.server_state.connections
    assert is_open(large)
    end = time.monotonic() + WITHIN_S
    while is_open(large) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_open(large)
    assert not live.server.server_state.connections


def test_a_download_that_is_read_in_small_sips_is_whole(
    large: Made, connection: socket.socket
) -> None:
    connection.sendall(request_head(b"/frames/%d/download/" % large.id))
    received = 0
    while piece := connection.recv(200_000):
        received += len(piece)
        time.sleep(0.02)
    assert received > LARGE_BYTES


@pytest.mark.parametrize(
    "headers",
    [
        [(b"X-Long", b"x" * (MAX_HEAD_BYTES + 1))],
        [(b"X-%d" % number, b"x" * 60) for number in range(2000)],
        [(b"Cookie", b"a=b; " * 40_000)],
    ],
    ids=["one", "many", "cookies"],
)
def test_a_head_has_a_limit(live: LiveApi, headers: list[tuple[bytes, bytes]]) -> None:
    assert ask_raw(live.port, b"/health/", headers=headers).status == 431


def test_a_target_has_a_limit(live: LiveApi) -> None:
    assert ask_raw(live.port, b"/frames/?q=" + b"x" * MAX_HEAD_BYTES).status == 431
    assert ask_raw(live.port, b"/frames/?limit=1&q=" + b"x" * 20_000).status == 200


def test_an_endless_head_is_not_kept_in_memory(live: LiveApi) -> None:
    start = b"GET /health/ HTTP/1.1\r\nHost: a\r\nX-Endless: "
    answer = send_raw(live.port, start, *[b"x" * 100_000] * 50)
    assert answer.status in {0, 431}  # 0: reset while we were still sending


def test_trailers_and_extensions_have_a_limit(live: LiveApi) -> None:
    headers = [(b"Transfer-Encoding", b"chunked"), (b"Content-Type", b"application/json")]
    head = request_head(b"/api-token-auth/", b"POST", headers)
    trailers = b"0\r\n" + b"X-Trailer: xxxxxxxx\r\n" * 20_000 + b"\r\n"
    extension = b"1;" + b"x" * (4 * MAX_HEAD_BYTES) + b"\r\n{\r\n"
    for body in (trailers, extension):
        assert send_raw(live.port, head, body).status in {0, 400, 408, 431}


@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        (b"GARBAGE\r\n\r\n", {400}),
        (b"\x16\x03\x01\x02\x00\x01\x00", {400}),
        (b"GET /health/ HTTP/9.9\r\nHost: a\r\n\r\n", {400}),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {0, 400}),
        (b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
        (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
        (b"GET /health/ HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", {400}),
        (b"GET /health/ HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n", {400}),
        (b"GET /health/ HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", {400}),
        (b"POST /login/ HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", {400}),
        (b"POST /login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1e3\r\n\r\n", {400}),
        (b"POST /login/ HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n" % (b"9" * 40), {400}),
        (
            b"POST /login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            {400},
        ),
        (
            (
                b"POST /login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            {400},
        ),
        (b"POST /login/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", {400}),
    ],
)
def test_what_is_no_request(live: LiveApi, head: bytes, statuses: set[int]) -> None:
    answer = send_raw(live.port, head)
    assert answer.status in statuses
    assert b"Traceback" not in answer.raw


@pytest.mark.parametrize("method", [b"TRACE", b"PUT", b"PATCH", b"PROPFIND", b"DELETE", b"LINK"])
def test_other_methods(live: LiveApi, method: bytes) -> None:
    for path in (b"/health/", b"/", b"/docs", b"/pyobs/frames/", b"/thumbnails/1/"):
        answer = ask_raw(live.port, path, method)
        assert answer.status == 405, path
        assert answer.headers["allow"]
        assert b"X-Secret" not in ask_raw(live.port, path, method, [(b"X-Secret", b"1")]).body


def test_a_tunnel_is_refused(live: LiveApi) -> None:
    assert ask_raw(live.port, b"archive.test:443", b"CONNECT").status in {400, 404, 405}


def test_an_upgrade_is_not_taken(live: LiveApi) -> None:
    headers = [
        (b"Upgrade", b"websocket"),
        (b"Sec-WebSocket-Key", b"x"),
        (b"Connection", b"upgrade"),
    ]
    head = request_head(b"/health/", headers=headers).replace(b"Connection: close\r\n", b"")
    assert send_raw(live.port, head).status in {200, 400, 408}


def test_pipelined_requests_are_answered_in_order(live: LiveApi) -> None:
    one = b"GET /health/ HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = send_raw(live.port, one * 20 + request_head(b"/health/"))
    assert answer.raw.count(b"HTTP/1.1 200 OK") == 21


def test_no_server_names_itself(live: LiveApi) -> None:
    assert "server" not in ask_raw(live.port, b"/health/").headers
