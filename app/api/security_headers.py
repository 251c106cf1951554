"""What browsers and caches are told about every answer."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOT_FRAMED: Final = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

DATA_POLICY: Final = f"default-src 'none'; {_NOT_FRAMED}"
"""Content security policy of everything but pages: whatever a header card or a file name holds, a
browser that is led to it runs and loads nothing."""

PAGE_POLICY: Final = f"default-src 'none'; style-src 'unsafe-inline'; {_NOT_FRAMED}"
"""Content security policy of pages without scripts."""

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": DATA_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""Set on every answer that does not have them already. What one caller may see, and signed links
above all, no cache between may give to another."""

_BY_HTTPS: Final = {"Strict-Transport-Security": "max-age=31536000"}
_CALLER_DECIDES: Final = "Authorization, Cookie"
_INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def scripted_page_policy(page: str) -> str:
    """Write the content security policy of a page with scripts.

    Parameters
    ----------
    page
        HTML; its inline scripts are allowed as they are.

    Returns
    -------
    str
        Value of the header; besides only scripts of the archive itself run.
    """
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page))
    hashes = " ".join(f"'sha256-{base64.b64encode(each).decode('ascii')}'" for each in digests)
    return (
        f"default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline';"
        f" img-src 'self' data: blob:; object-src 'none'; {_NOT_FRAMED}"
    )


class SecurityHeaders:
    """Set `SECURITY_HEADERS`, and say that the answer depends on the caller unless it is public.

    Parameters
    ----------
    app
        What the request goes on to.
    is_https
        Whether clients reach the archive by https; then browsers are told to use nothing else.
    """

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._headers: Mapping[str, str] = SECURITY_HEADERS | (_BY_HTTPS if is_https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if not headers["Cache-Control"].startswith("public"):
                    headers.add_vary_header(_CALLER_DECIDES)
            await send(message)

        await self._app(scope, receive, secured)
