"""Downloads: files and bundles, whole or in pieces, in constant memory.

What can fail is checked before the first byte. What fails later breaks the connection, so that a
client sees a short body and never wrong bytes.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Literal

import structlog
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.api.conditional import Span, Validators, precondition, requested_spans
from app.api.download_headers import content_disposition
from app.api.problem_forms import Problem, refuse
from app.api.sources import CHUNK_BYTES, BrokenStreamError, BundleSource, FileSource, Source
from app.bundles.layout import ZipLayout

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

DOWNLOAD_COOKIE = "fileDownload=true; Path=/"
"""Tells a page's script that the download it asked for has begun. Contract: PYO-34, ARC-61."""

_KEPT_WHEN_NOT_MODIFIED = {"cache-control", "content-location", "expires", "vary"}


@dataclass(frozen=True, slots=True)
class Download:
    """What is sent, apart from its bytes.

    Attributes
    ----------
    filename
        Name under which the client shall keep it.
    content_type
        Media type.
    size_bytes
        Length of the whole [byte].
    validators
        Entity tag and date.
    disposition
        ``attachment``, or ``inline`` for what a browser shall show.
    extra
        Further headers.
    """

    filename: str
    content_type: str
    size_bytes: int
    validators: Validators
    disposition: Literal["attachment", "inline"]
    extra: Mapping[str, str]

    def headers(self) -> dict[str, str]:
        """Write the headers that every answer with a body has.

        Returns
        -------
        dict
            Headers by name, without length and content type.
        """
        cookie = {"Set-Cookie": DOWNLOAD_COOKIE} if self.disposition == "attachment" else {}
        return {
            "Accept-Ranges": "bytes",
            "Content-Disposition": content_disposition(self.filename, self.disposition),
            **self.validators.headers(),
            **cookie,
            **self.extra,
        }


def file_response(  # noqa: PLR0913  # each is a header of the answer
    request: Request,
    path: Path,
    *,
    filename: str,
    content_type: str,
    etag: str,
    last_modified: datetime | None,
    size_bytes: int,
    disposition: Literal["attachment", "inline"] = "attachment",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a stored file, or with the pieces of it that are asked for.

    Parameters
    ----------
    request
        The request; its conditional headers, ``Range`` and method count.
    path
        The file.
    filename
        Name under which the client shall keep it.
    content_type
        Media type.
    etag
        Opaque text that changes with every byte, such as the sha256; without quotes.
    last_modified
        When the file became what it is, aware; None when that is not known.
    size_bytes
        Its length by the catalogue [byte].
    disposition
        ``attachment``, or ``inline`` for what a browser shall show.
    headers
        Further headers, such as that of `repr_digest`; None for none.

    Returns
    -------
    Response
        200, 206, 304, 412 or 416. When it is sent, a file that is missing or not of this length
        raises `MissingFileError` or `BrokenStreamError` before the first byte.
    """
    download = Download(
        filename,
        content_type,
        size_bytes,
        Validators(f'"{etag}"', last_modified),
        disposition,
        headers or {},
    )
    return _respond(request, download, FileSource(path, filename, size_bytes))


def bundle_response(
    request: Request,
    layout: ZipLayout,
    open_member: Callable[[int], BinaryIO],
    *,
    filename: str,
    etag: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a zip archive, or with the pieces of it that are asked for.

    Parameters
    ----------
    request
        The request; its conditional headers, ``Range`` and method count.
    layout
        Where every byte of the archive lies.
    open_member
        Opens the file of a member, by its index; called in a thread. The files are closed here.
    filename
        Name under which the client shall keep it.
    etag
        Opaque text that changes with every byte of the archive; without quotes.
    headers
        Further headers; None for none.

    Returns
    -------
    Response
        200, 206, 304, 412 or 416. A member that is gone or has another length when its turn comes
        breaks the connection.
    """
    download = Download(
        filename,
        "application/zip",
        layout.size_bytes,
        Validators(f'"{etag}"', None),
        "attachment",
        headers or {},
    )
    return _respond(request, download, BundleSource(layout, open_member))


def _respond(request: Request, download: Download, source: Source) -> Response:
    """Decide what of a download is sent."""
    status = precondition(request.method, request.headers, download.validators)
    if status == HTTPStatus.NOT_MODIFIED:
        return _not_modified(download)
    if status == HTTPStatus.PRECONDITION_FAILED:
        detail = "The file is no longer the one that the request names; ask for its ETag anew."
        problem = Problem(status, detail, headers=download.validators.headers())
        return refuse(request.scope, problem)
    spans = requested_spans(
        request.method, request.headers, download.validators, download.size_bytes
    )
    if spans is None:
        return _whole(download, source)
    return _partial(download, source, spans) if spans else _not_satisfiable(request, download)


def _not_modified(download: Download) -> Response:
    """Answer that the client's copy is good (RFC 9110, 15.4.5: only what a cache needs)."""
    kept = {
        name: value
        for name, value in download.extra.items()
        if name.lower() in _KEPT_WHEN_NOT_MODIFIED
    }
    return Response(status_code=304, headers=download.validators.headers() | kept)


def _not_satisfiable(request: Request, download: Download) -> Response:
    """Answer that nothing of what is asked for exists."""
    problem = Problem(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        f"No byte of the range is in the file; it has {download.size_bytes} bytes.",
        headers={"Content-Range": f"bytes */{download.size_bytes}"},
    )
    return refuse(request.scope, problem)


def _whole(download: Download, source: Source) -> Response:
    """Send all of it."""
    everything = Span(0, download.size_bytes)
    headers = download.headers() | {"Content-Type": download.content_type}
    return StreamedResponse(source, [everything], HTTPStatus.OK, headers)


def _partial(download: Download, source: Source, spans: Sequence[Span]) -> Response:
    """Send one piece as it is, several as ``multipart/byteranges`` (RFC 9110, 14.6)."""
    headers = download.headers()
    if len(spans) == 1:
        headers["Content-Range"] = _content_range(spans[0], download.size_bytes)
        headers["Content-Type"] = download.content_type
        return StreamedResponse(source, spans, HTTPStatus.PARTIAL_CONTENT, headers)
    boundary = secrets.token_hex(13)
    headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    parts: list[bytes | Span] = []
    for span in spans:
        preamble = (
            f"--{boundary}\r\nContent-Type: {download.content_type}\r\n"
            f"Content-Range: {_content_range(span, download.size_bytes)}\r\n\r\n"
        )
        parts += [preamble.encode("latin-1"), span, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode("ascii"))
    return StreamedResponse(source, parts, HTTPStatus.PARTIAL_CONTENT, headers)


def _content_range(span: Span, size_bytes: int) -> str:
    """Write the place of a piece."""
    return f"bytes {span.start}-{span.stop - 1}/{size_bytes}"


class StreamedResponse(Response):
    """A body of known length that is read while it is sent.

    Parameters
    ----------
    source
        What to read; it is opened before the first byte and closed after the last, also when the
        client goes away.
    parts
        What the body is made of: literal bytes, and pieces of the source.
    status_code
        HTTP status.
    headers
        Headers; the length is added.
    """

    def __init__(
        self,
        source: Source,
        parts: Sequence[bytes | Span],
        status_code: int,
        headers: Mapping[str, str],
    ) -> None:
        self._source = source
        self._parts = parts
        size_bytes = sum(part.size_bytes if isinstance(part, Span) else len(part) for part in parts)
        super().__init__(
            status_code=status_code, headers={**headers, "Content-Length": str(size_bytes)}
        )

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer.

        Parameters
        ----------
        scope
            The request; HEAD gets no body.
        receive
            Tells when the client goes away.
        send
            Where the answer goes.

        Raises
        ------
        ArchiveError
            If there is nothing to read; before the first byte.
        BrokenStreamError
            If a byte cannot be read; the server then breaks the connection.
        """
        try:
            await run_in_threadpool(self._source.open)
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body"})
            else:
                await self._send_body(receive, send)
        finally:
            self._source.close()
        if self.background is not None:
            await self.background()

    async def _send_body(self, receive: Receive, send: Send) -> None:
        """Read in a thread, send, and stop when the client has gone.

        Raises
        ------
        BrokenStreamError
            If a byte cannot be read.
        """
        chunks = _gathered(self._read())
        gone = asyncio.create_task(_disconnected(receive))
        try:
            while chunk := await run_in_threadpool(next, chunks, b""):
                if gone.done():
                    gone.result()
                    return
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body"})
        except BrokenStreamError as error:
            log.error("download.broken", reason=error.message)  # noqa: TRY400  # traceback follows
            raise
        finally:
            gone.cancel()

    def _read(self) -> Iterator[bytes]:
        """Go through the parts in order."""
        for part in self._parts:
            if isinstance(part, Span):
                yield from self._source.read(part)
            else:
                yield part


async def _disconnected(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join small chunks: each one sent costs a change of threads."""
    held: list[bytes] = []
    held_bytes = 0
    for chunk in chunks:
        held.append(chunk)
        held_bytes += len(chunk)
        if held_bytes >= CHUNK_BYTES:
            yield b"".join(held)
            held, held_bytes = [], 0
    if held:
        yield b"".join(held)
