"""HTTP byte by byte: requests that no client library would send."""

import contextlib
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RawAnswer:
    """What came back until the connection was closed."""

    raw: bytes

    @property
    def status(self) -> int:
        """The status; 0 where the connection was closed without an answer."""
        return int(self.raw.split(b" ", 2)[1]) if self.raw.startswith(b"HTTP/") else 0

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by name in lower case, the last one of a name."""
        lines = self.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        pairs = (line.decode("latin-1").partition(": ") for line in lines)
        return {name.lower(): value for name, _, value in pairs}

    @property
    def body(self) -> bytes:
        """What follows the head."""
        return self.raw.partition(b"\r\n\r\n")[2]


def send_raw(port: int, *pieces: bytes, timeout_s: float = 20) -> RawAnswer:
    """Send bytes and read until the server closes; it may do so before all is sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        return RawAnswer(read_all(connection))


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


def request_head(
    target: bytes, method: bytes = b"GET", headers: Iterable[tuple[bytes, bytes]] = ()
) -> bytes:
    """Write the head of a request after which the server closes; `Host` unless it is given."""
    given = list(headers)
    if not any(name.lower() == b"host" for name, _ in given):
        given.insert(0, (b"Host", b"archive.test"))
    lines = [b"%s: %s" % pair for pair in (*given, (b"Connection", b"close"))]
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, target), *lines, b"", b""])


def ask_raw(
    port: int,
    target: bytes,
    method: bytes = b"GET",
    headers: Iterable[tuple[bytes, bytes]] = (),
    body: bytes = b"",
) -> RawAnswer:
    """Send one request with exactly this target."""
    given = list(headers)
    if body:
        given.append((b"Content-Length", str(len(body)).encode()))
    return send_raw(port, request_head(target, method, given), body)
