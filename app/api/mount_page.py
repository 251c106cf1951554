"""The page at a mount's base URL, where clients of pyobs-archive look for a cookie (PYO-6)."""

import html

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.api.csrf import set_csrf_cookie
from app.api.mounts import base_url
from app.api.security_headers import PAGE_POLICY

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Frames</title></head>
<body>
<h1>Frames of this observatory</h1>
<p>This address speaks as {upstream} does. Use it as the base URL of a client.</p>
<ul>
<li><a href="{base}/docs">What can be asked</a></li>
<li><a href="{base}/openapi.json">The same for machines</a></li>
</ul>
</body>
</html>
"""


def mount_page(request: Request, *, upstream: str) -> HTMLResponse:
    """Answer with the page, and let the client have the cookie ``csrftoken``.

    Parameters
    ----------
    request
        The request.
    upstream
        Name of the system that the mount speaks as; plain text.

    Returns
    -------
    HTMLResponse
        Links to the documents.
    """
    page = _PAGE.format(upstream=upstream, base=html.escape(base_url(request)))
    response = HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY})
    set_csrf_cookie(request, response)
    return response
