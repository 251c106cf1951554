"""The wire: uvicorn's HTTP protocol, with bounds on what one connection may cost.

By itself uvicorn waits for ever for a request that never ends, keeps a head of any size in memory,
and holds a connection for a client that reads nothing.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

MAX_HEAD_BYTES: Final = 65_536
"""Longest request line and headers together, and most that may come between two pieces of a body,
such as the extensions of a chunk [byte]."""

PERIOD_S: Final = 20.0
"""How often a connection is looked at [s]. What has not moved on since the last look ends."""

MIN_BYTES_PER_S: Final = 250
"""Slowest pace at which a client may send a body or read an answer [byte/s]."""


class HeadTooLargeError(ValueError):
    """A request has a longer head than anybody needs."""


class _Waiting(Enum):
    """What a connection waits for."""

    FOR_HEAD = auto()
    FOR_BODY = auto()
    FOR_READER = auto()
    FOR_US = auto()


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a connection is: two of the same step differ by the bytes that moved."""

    waiting: _Waiting
    step: int
    moved_bytes: int

    def is_stuck_since(self, before: "_Progress", *, at_least_bytes: float) -> bool:
        """Say whether the client kept the connection waiting."""
        if self.waiting is _Waiting.FOR_US or (self.waiting, self.step) != (
            before.waiting,
            before.step,
        ):
            return False
        return self.moved_bytes - before.moved_bytes < at_least_bytes


class GuardedProtocol(HttpToolsProtocol):
    """One connection of a client; uvicorn makes one for each.

    A head must be complete within one to two periods, bodies and answers must move on. A client
    that is too slow gets 408, one whose head is too large 431. A handler sees either as a client
    that has gone.
    """

    period_s: float = PERIOD_S
    min_bytes_per_s: float = MIN_BYTES_PER_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # uvicorn's own
        super().__init__(*args, **kwargs)
        self._look: asyncio.TimerHandle | None = None
        self._steps = 0
        self._body_bytes = 0
        self._bare_bytes = 0
        self._head_bytes = 0
        self._refusal = HTTPStatus.BAD_REQUEST
        self._before = _Progress(_Waiting.FOR_US, 0, 0)

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look_again()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        self._bare_bytes += len(data)
        super().data_received(data)
        if self._bare_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0

    @override
    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._moved_on()
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        self._bare_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._moved_on()
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        self._moved_on()
        super().on_response_complete()

    @override
    def pause_writing(self) -> None:
        self._steps += 1
        super().pause_writing()

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, and what `_count_head` stopped."""
        self._refuse(self._refusal)

    def _count_head(self, size_bytes: int) -> None:
        """Count the head; trailers after a body are part of it, and land in the same list.

        Raises
        ------
        HeadTooLargeError
            If it is too large; the parser stops at it.
        """
        self._head_bytes += size_bytes
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise HeadTooLargeError

    def _moved_on(self) -> None:
        self._steps += 1
        self._bare_bytes = self._body_bytes = 0

    def _look_again(self) -> None:
        self._look = self.loop.call_later(self.period_s, self._check_pace)

    def _check_pace(self) -> None:
        """End the connection if the client has kept it waiting for a whole period."""
        if self.transport.is_closing():
            return
        before, self._before = self._before, self._progress()
        enough_bytes = self.period_s * self.min_bytes_per_s
        if self._before.is_stuck_since(before, at_least_bytes=enough_bytes):
            self._end()
        else:
            self._look_again()

    def _progress(self) -> _Progress:
        cycle = self._unfinished()
        if self.flow.write_paused:
            unsent_bytes = self.transport.get_write_buffer_size()
            return _Progress(_Waiting.FOR_READER, self._steps, -unsent_bytes)
        if cycle is None:
            return _Progress(_Waiting.FOR_HEAD, self._steps, 0)
        is_ours = self.flow.read_paused or cycle.waiting_for_100_continue
        if is_ours or not cycle.more_body:
            return _Progress(_Waiting.FOR_US, self._steps, 0)
        return _Progress(_Waiting.FOR_BODY, self._steps, self._body_bytes)

    def _unfinished(self) -> RequestResponseCycle | None:
        """Give the request that is being answered."""
        cycles: list[RequestResponseCycle | None] = [self.cycle]  # None before the first request
        return next((each for each in cycles if each and not each.response_complete), None)

    def _end(self) -> None:
        """Say so where that can still be heard."""
        is_silent = self._before.waiting is _Waiting.FOR_HEAD and not self._bare_bytes
        if self._before.waiting is _Waiting.FOR_READER:
            self.transport.abort()
        elif is_silent:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer in place of the application, unless it answers already, and close."""
        cycle = self._unfinished()
        if cycle is None or not cycle.response_started:
            self.transport.write(_answer(status))
        self.transport.close()


def _answer(status: HTTPStatus) -> bytes:
    text = f"{status.phrase}.".encode("ascii")
    head = (
        b"content-type: text/plain; charset=utf-8\r\n"
        b"x-content-type-options: nosniff\r\n"
        b"connection: close\r\n"
        b"content-length: %d\r\n\r\n" % len(text)
    )
    return STATUS_LINE[status] + head + text
