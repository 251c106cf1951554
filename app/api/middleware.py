"""What every request passes through, before and around the routes. Pure ASGI.

From the outside in: request log, mounts, security headers, CORS, last resort, clean text, slashes,
body limit. `install_middleware` puts them in this order.
"""

import re
import secrets
import time
from collections.abc import Collection, Sequence
from http import HTTPStatus
from urllib.parse import unquote_plus, unquote_to_bytes

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.mounts import Dialect, Mounts
from app.api.problem_forms import Problem, refuse
from app.api.problems import answer
from app.api.security_headers import SecurityHeaders
from app.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

MAX_BODY_IN_MEMORY_BYTES = 16 * 1024**2
"""Largest body that is no upload [byte]: JSON and forms are read into memory whole."""

SECRET_PARAMETERS = frozenset(
    {"signature", "auth_token", "token", "password", "csrfmiddlewaretoken"}
)
"""Names whose values in a query string never reach a log, in whatever case they are written."""

UNSLASHED_PATHS = ("/docs", "/openapi.json")
"""Ends of paths that are declared without a final slash."""

CORS_REQUEST_HEADERS = ("Authorization", "If-None-Match", "If-Range", "Range", "X-Request-ID")
CORS_ANSWER_HEADERS = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Repr-Digest",
    "Retry-After",
    "X-Request-ID",
)

_CLIENT_GONE = 499
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_FILE_NAME = re.compile(r".*\.[A-Za-z][A-Za-z0-9]{0,9}", re.ASCII)


class RequestLog:
    """Give each request an identifier and write one line about it when it is over.

    The identifier is the client's ``X-Request-ID`` if that is sane, goes back in the same header,
    and stands in every log entry that is made on the way.

    Parameters
    ----------
    app
        What the request goes on to.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = _request_id(scope)
        tally = _Tally(send, sent)
        with structlog.contextvars.bound_contextvars(request_id=sent):
            try:
                await self._app(scope, receive, tally.send)
            finally:
                tally.write(scope)


class _Tally:
    """Count what is sent, for the log."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self._start_s = time.perf_counter()
        self._status = _CLIENT_GONE
        self._size_bytes = 0
        self._complete = False

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = self._request_id
        elif message["type"] == "http.response.body":
            self._size_bytes += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
        await self._send(message)

    def write(self, scope: Scope) -> None:
        """Write the line."""
        log.info(
            "request",
            method=scope["method"],
            path=_loggable_path(scope),
            status=int(self._status),
            complete=self._complete,
            duration_ms=round((time.perf_counter() - self._start_s) * 1000, 1),
            size_bytes=self._size_bytes,
        )


def _request_id(scope: Scope) -> str:
    """Return the client's identifier if it is sane, else a new one."""
    given = _header(scope, "x-request-id")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _loggable_path(scope: Scope) -> str:
    """Return path and query as they came, without secrets."""
    path: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query: str = scope["query_string"].decode("latin-1")
    if not query:
        return path
    return f"{path}?{'&'.join(_loggable_part(part) for part in query.split('&'))}"


def _loggable_part(part: str) -> str:
    """Return ``name=value``, the value hidden if it is a secret."""
    name, _, value = part.partition("=")
    meant = unquote_plus(name).strip().removesuffix("[]").lower()
    return f"{name}=***" if value and meant in SECRET_PARAMETERS else part


class LastResort:
    """Answer what nobody foresaw with a problem document.

    FastAPI would do so outside of all middleware, where the answer no longer gets its identifier,
    CORS and security headers. Once an answer has begun nothing can be said any more: then the
    exception goes on to the server, which breaks the connection.

    Parameters
    ----------
    app
        What the request goes on to.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = ended = False

        async def watched(message: Message) -> None:
            nonlocal begun, ended
            begun = True
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return  # there is nobody to be answered
        except Exception as error:
            if ended:
                return  # a mount has answered: it raises all the same what it has logged
            if begun:
                raise
            await answer(Request(scope), error)(scope, receive, send)


class CleanText:
    """Refuse a path or query that is not UTF-8 or holds NUL: no name in the archive does.

    Parameters
    ----------
    app
        What the request goes on to.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a clean request on."""
        if scope["type"] == "http" and (flaw := _text_flaw(scope)):
            await refuse(scope, Problem(HTTPStatus.BAD_REQUEST, flaw))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _text_flaw(scope: Scope) -> str | None:
    """Say what is wrong with the text of path and query, None for nothing."""
    parts = {
        "path": scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape"),
        "query string": scope["query_string"],
    }
    for name, raw in parts.items():
        plain = unquote_to_bytes(raw)
        if b"\0" in plain:
            return f"The {name} holds a NUL character; leave it out."
        try:
            plain.decode()
        except UnicodeDecodeError as error:
            return f"The {name} is not UTF-8: {error.reason} at byte {error.start}."
    return None


class Slashes:
    """Serve a path with and without final slash alike, and doubled slashes as one.

    Routes are declared with a final slash, except `UNSLASHED_PATHS` and names with an extension.
    No redirect: it would lose the body of a POST and, in some clients, the credentials.

    Parameters
    ----------
    app
        What the request goes on to.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under its canonical path."""
        if scope["type"] == "http":
            scope = {**scope, "path": canonical_path(scope["path"])}
        await self._app(scope, receive, send)


def canonical_path(path: str) -> str:
    """Bring a path into the form in which routes are declared.

    Parameters
    ----------
    path
        Unescaped path of a request.

    Returns
    -------
    str
        One slash where there were several, and one at the end where routes have it.
    """
    path = re.sub("/{2,}", "/", path)
    bare = path.rstrip("/")
    if bare.endswith(UNSLASHED_PATHS):
        return bare
    if path.endswith("/") or _FILE_NAME.fullmatch(path.rpartition("/")[2]):
        return path
    return f"{path}/"


class BodyLimit:
    """Refuse bodies that are too large: at once if they say so, else where they pass the limit.

    Parameters
    ----------
    app
        What the request goes on to.
    max_body_bytes
        Largest upload [byte]; for anything else also `MAX_BODY_IN_MEMORY_BYTES`.
    upload_paths
        Canonical paths of the operations that take uploads, and write them to disk.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, upload_paths: Collection[str]) -> None:
        in_memory_bytes = min(max_body_bytes, MAX_BODY_IN_MEMORY_BYTES)
        self._upload_paths = upload_paths
        self._upload = RequestBodyLimitMiddleware(app, max_body_bytes)
        self._in_memory = RequestBodyLimitMiddleware(app, in_memory_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless its body is too large."""
        limited = self._upload if scope.get("path") in self._upload_paths else self._in_memory
        if _declared_bytes(scope) > limited.max_body_size:
            problem = Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The request body is larger than {limited.max_body_size} bytes.",
                headers={"Connection": "close"},
            )
            await refuse(scope, problem)(scope, receive, send)
            return
        await limited(scope, receive, send)


def _declared_bytes(scope: Scope) -> int:
    """Return the length that a request declares [byte], 0 if it declares none."""
    declared = _header(scope, "content-length")[:20]
    return int(declared) if declared.isdecimal() else 0


def _header(scope: Scope, name: str) -> str:
    """Return a header of a request; empty if it is not there, or if this is no request."""
    return Headers(scope=scope).get(name, "") if scope["type"] == "http" else ""


def install_middleware(
    app: FastAPI, settings: Settings, *, dialects: Sequence[Dialect], upload_paths: Collection[str]
) -> None:
    """Put all of this module around an application.

    Parameters
    ----------
    app
        The application; its router's own slash redirects are switched off.
    settings
        Of the process.
    dialects
        All that have a mount.
    upload_paths
        Paths of the operations that take uploads.
    """
    max_body_bytes = settings.max_upload_bytes
    app.router.redirect_slashes = False
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_body_bytes=max_body_bytes, upload_paths=upload_paths)
    app.add_middleware(Slashes)
    app.add_middleware(CleanText)
    app.add_middleware(LastResort)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        # Credentials are never taken along, so that a page elsewhere can do no more than any script
        # with the same token: ask for one, search, fetch a zip.
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=CORS_REQUEST_HEADERS,
        expose_headers=CORS_ANSWER_HEADERS,
    )
    is_https = settings.public_url.startswith("https:")
    app.add_middleware(SecurityHeaders, is_https=is_https)
    app.add_middleware(
        Mounts,
        dialects=dialects,
        public_url=settings.public_url,
        hosts=settings.host_dialects,
    )
    app.add_middleware(RequestLog)
