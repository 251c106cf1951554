"""The page at the root: where everything is. It also hands out the ``csrftoken`` cookie (PYO-6)."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.api.csrf import set_csrf_cookie
from app.api.mounts import Dialect, base_url
from app.api.security_headers import PAGE_POLICY

_PLACES: Final = {
    "docs": ("docs", "API documentation: every operation, to be tried here"),
    "openapi": ("openapi.json", "the same for programs"),
    "frames": ("frames/", "frames: search, headers, previews, downloads"),
    "aggregate": ("frames/aggregate/", "what there is: sites, telescopes, instruments, filters"),
    "token": ("api-token-auth/", "a token for name and password (POST)"),
    "profile": ("profile/", "who you are"),
    "health": ("health/", "whether the archive is well"),
}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 44rem;
         padding: 0 1rem; color-scheme: light dark; }}
  dt {{ font-weight: 600; margin-top: .75rem; }}
  dd {{ margin: 0; }}
</style>
<h1>{title}</h1>
<p>{summary}.</p>
<dl>
{places}
</dl>
</html>
"""


def install_landing_page(app: FastAPI, dialects: Sequence[Dialect]) -> None:
    """Serve the page at the root: a map of names to URLs where JSON is asked for.

    Parameters
    ----------
    app
        The application of the root.
    dialects
        All that have a mount.
    """
    places = _PLACES | {
        each.name: (f"{each.name}/docs", each.description.rstrip(".")) for each in dialects
    }

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def landing(request: Request) -> Response:
        response = (
            _as_json(request, places, dialects) if _wants_json(request) else _page(app, places)
        )
        response.headers["Vary"] = "Accept, Cookie"
        set_csrf_cookie(request, response)
        return response


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _as_json(
    request: Request, places: Mapping[str, tuple[str, str]], dialects: Sequence[Dialect]
) -> Response:
    """Give names and URLs; of a mount the base URL that its clients are told."""
    mounts = {each.name: f"{each.name}/" for each in dialects}
    paths = {name: path for name, (path, _) in places.items()} | mounts
    return JSONResponse({name: f"{base_url(request)}/{path}" for name, path in paths.items()})


def _page(app: FastAPI, places: Mapping[str, tuple[str, str]]) -> Response:
    items = (
        f'<dt><a href="{escape(path)}">{escape(name)}</a></dt><dd>{escape(text)}</dd>'
        for name, (path, text) in places.items()
    )
    text = _PAGE.format(
        title=escape(app.title), summary=escape(app.summary or ""), places="\n".join(items)
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": PAGE_POLICY})
