"""Ask an application without a client library: for tests that ask thousands of times."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    def json(self) -> Any:  # noqa: ANN401  # whatever was sent
        """The body as JSON."""
        return json.loads(self.content)


class Asker:
    """Asks an application.

    Parameters
    ----------
    app
        Which has been started.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def ask(
        self,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        token: str | None = None,
    ) -> Answer:
        """Send a GET, or a POST of JSON where there is a body."""
        sent: list[Message] = []
        content = b"" if body is None else json.dumps(body).encode()

        unread = [content]

        async def receive() -> Message:
            if not unread:  # the client stays until it has everything
                await asyncio.Event().wait()
            return {"type": "http.request", "body": unread.pop(), "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(_scope(path, query or {}, content, token), receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(
            sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:])
        )


def _scope(
    path: str, query: Mapping[str, object], content: bytes, token: str | None
) -> dict[str, Any]:
    headers = [(b"host", b"archive.test")]
    if token is not None:
        headers.append((b"authorization", f"Token {token}".encode()))
    if content:
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST" if content else "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(query).encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("archive.test", 80),
        "state": {},
    }
