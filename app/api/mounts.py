"""Strict mounts: each dialect at a path of its own, or at a host name of its own.

At its mount a dialect answers exactly as its upstream does; at the root all are merged (contract:
shared model §1, §6). A mount is an application of its own, so that it has its own paths, its own
OpenAPI document, and its own form of errors, over the same services.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problem_forms import WRITER, DetailOut, ProblemWriter, write_document

_MOUNT: Final = "skyshelf.mount"
"""Key of an ASGI scope: the `Mounted` that a request came through."""

_HOST: Final = re.compile(r"(?P<name>[a-z0-9.-]+)(:[0-9]{1,5})?", re.ASCII)
"""Nothing else may stand in links: after `name:80@` would come whose host they lead to."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """An upstream system that a mount speaks like.

    Attributes
    ----------
    name
        In settings and documents.
    title, description
        Of the OpenAPI document.
    routers
        Routes below the mount.
    tags
        Of the OpenAPI document.
    write
        The upstream's form of errors.
    upload_paths
        Paths below the mount whose bodies go to disk, and may be as large as an upload.
    error_shape
        What `write` writes, for the OpenAPI document.
    """

    name: str
    title: str
    description: str
    routers: tuple[APIRouter, ...]
    tags: Sequence[dict[str, Any]]
    write: ProblemWriter
    upload_paths: frozenset[str] = frozenset()
    error_shape: type[BaseModel] = DetailOut

    @property
    def prefix(self) -> str:
        """Path of the mount, without a final slash."""
        return f"/{self.name}"


@dataclass(frozen=True, slots=True)
class Mounted:
    """The mount that a request came through.

    Attributes
    ----------
    prefix
        Its path in the scope, without a final slash; empty for the root.
    base_url
        Its URL as the client sees it, without a final slash.
    """

    prefix: str
    base_url: str


class Mounts:
    """Find the mount of a request, by its host name or else by its path.

    Parameters
    ----------
    app
        What the request goes on to.
    dialects
        All that have a mount.
    public_url
        URL of the root as clients see it, without a final slash.
    hosts
        Host name, lower case -> name of the dialect that has it for itself.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        dialects: Sequence[Dialect],
        public_url: str,
        hosts: Mapping[str, str],
    ) -> None:
        self._app = app
        self._dialects = {dialect.name: dialect for dialect in dialects}
        self._public_url = public_url
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its mount in the scope."""
        if scope["type"] == "http":
            scope = self._by_host(scope) or self._by_path(scope)
        await self._app(scope, receive, send)

    def _by_host(self, scope: Scope) -> Scope | None:
        """Lead a request to a dialect's host below its mount; None for any other host."""
        match = _HOST.fullmatch(Headers(scope=scope).get("host", "").lower())
        name = self._hosts.get(match["name"]) if match else None
        if match is None or name is None:
            return None
        host = match[0]
        dialect = self._dialects[name]
        scheme = self._public_url.partition(":")[0]
        inner = {
            **scope,
            "path": dialect.prefix + scope["path"],
            "raw_path": dialect.prefix.encode() + (scope.get("raw_path") or b""),
        }
        return _marked(inner, Mounted(dialect.prefix, f"{scheme}://{host}"), dialect.write)

    def _by_path(self, scope: Scope) -> Scope:
        path = f"/{scope['path'].lstrip('/')}"
        name = path.split("/", 2)[1]
        dialect = self._dialects.get(name)
        if dialect is None:
            return _marked(scope, Mounted("", self._public_url), write_document)
        base_url = self._public_url + dialect.prefix
        return _marked(scope, Mounted(dialect.prefix, base_url), dialect.write)


def _marked(scope: Scope, mounted: Mounted, write: ProblemWriter) -> Scope:
    """Note the mount in a scope."""
    return {**scope, _MOUNT: mounted, WRITER: write}


def mount_prefix(scope: Scope) -> str:
    """Give the path of the mount that a request came through.

    Parameters
    ----------
    scope
        Of the request.

    Returns
    -------
    str
        Without a final slash; empty for the root.
    """
    mounted: Mounted | None = scope.get(_MOUNT)
    return mounted.prefix if mounted else ""


def base_url(request: Request) -> str:
    """Give the URL of the mount that a request came through, as the client sees it.

    Parameters
    ----------
    request
        The request.

    Returns
    -------
    str
        Absolute, without a final slash.
    """
    mounted: Mounted = request.scope[_MOUNT]
    return mounted.base_url


def address(request: Request) -> str:
    """Give the URL of a request as the client sees it, without its query string.

    Parameters
    ----------
    request
        The request.

    Returns
    -------
    str
        Absolute; in its canonical form, see `app.api.middleware.Slashes`.
    """
    return base_url(request) + request.url.path.removeprefix(mount_prefix(request.scope))
