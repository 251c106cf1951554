"""The page at the base URL, at which clients of pyobs-archive look for a cookie (PYO-6)."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.api.csrf import set_csrf_cookie

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Frames</title></head>
<body>
<h1>Frames of this observatory</h1>
<p>This address speaks as pyobs-archive does. Use it as the base URL of a client.</p>
<ul>
<li><a href="docs">What can be asked</a></li>
<li><a href="openapi.json">The same for machines</a></li>
</ul>
</body>
</html>
"""


def landing_page(request: Request) -> HTMLResponse:
    """Answer with the page, and let the client have the cookie ``csrftoken``.

    Parameters
    ----------
    request
        The request.

    Returns
    -------
    HTMLResponse
        Links to the documents.
    """
    response = HTMLResponse(_PAGE)
    set_csrf_cookie(request, response)
    return response
