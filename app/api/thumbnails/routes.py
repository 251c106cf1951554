"""Routes of the LCO thumbnail service."""

import html
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from app.api.deps import Anybody, Reader, Services
from app.api.mounts import base_url
from app.api.thumbnails.pictures import choose, opened, picture_response, picture_url, rendered
from app.api.thumbnails.wire import AskedIn, MessageOut, PictureIn, ThumbnailOut
from app.api.validation import RowId

TAGS = [{"name": "thumbnails", "description": "Pictures of frames."}]

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": MessageOut,
        "description": "A value is not allowed, or the frame has no picture",
    },
    401: {"model": MessageOut, "description": "The token is not valid"},
    404: {"model": MessageOut, "description": "No such frame, or no frames of the three colours"},
    502: {"model": MessageOut, "description": "The stored file cannot be read"},
    503: {"model": MessageOut, "description": "Something the archive needs is away"},
    504: {"model": MessageOut, "description": "Rendering took too long"},
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Thumbnails</title></head>
<body>
<h1>Thumbnails</h1>
<p>Ask for <code>{base}/&lt;frame id or basename&gt;/</code>, with
<code>width</code>, <code>height</code>, <code>label</code> or <code>color=true</code>.
See the <a href="{base}/docs">documentation</a>.</p>
</body>
</html>
"""

router = APIRouter()


@router.head("/robots.txt", include_in_schema=False)
@router.get("/robots.txt", include_in_schema=False)
async def robots(caller: Anybody) -> PlainTextResponse:  # noqa: ARG001  # every route names its caller
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


@router.head("/pictures/{frame_id:row_id}.jpg", include_in_schema=False)
@router.get("/pictures/{frame_id:row_id}.jpg", include_in_schema=False)
async def picture(
    caller: Anybody,  # noqa: ARG001  # the link's signature decides
    request: Request,
    services: Services,
    frame_id: RowId,
    link: Annotated[PictureIn, Query()],
) -> Response:
    chosen = await opened(frame_id, link, services)
    made = await rendered(chosen, services)
    return made if isinstance(made, Response) else picture_response(request, chosen, made)


@router.head("/{name}", include_in_schema=False)
@router.get("/{name}", include_in_schema=False)
@router.head("/{name}/", include_in_schema=False)
@router.get(
    "/{name}/",
    tags=["thumbnails"],
    summary="Get the thumbnail of a frame",
    description="Renders a picture of the newest version, row 0 at the bottom, and answers with its"
    " URL, or with 302 to it. `name` is the frame's number, its basename, or a part of exactly one"
    " basename. A frame that the caller does not see is one that does not exist.",
    response_model=ThumbnailOut,
    responses={302: {"description": "With `image`: the picture's URL as Location"}, **_ERRORS},
)
async def thumbnail(
    caller: Reader,
    request: Request,
    services: Services,
    name: str,
    asked: Annotated[AskedIn, Query()],
) -> Response:
    spec = asked.spec(cap_px=services.settings.thumbnail_max_px)
    frame = await services.thumbnails.find(name, caller)
    chosen = await choose(frame, spec, caller, services)
    made = await rendered(chosen, services)
    if isinstance(made, Response):
        return made
    url = picture_url(request, chosen, services)
    if asked.image is not None:
        return Response(status_code=302, headers={"Location": url})
    return JSONResponse({"url": url, "propid": frame.facts.proposal or ""})


@router.head("/", include_in_schema=False)
@router.get(
    "/",
    tags=["thumbnails"],
    summary="Point to the documentation",
    description="A page for people, also at every path that is none of the others.",
    response_class=HTMLResponse,
)
async def explain(caller: Anybody, request: Request) -> HTMLResponse:  # noqa: ARG001  # every route names its caller
    return HTMLResponse(_PAGE.format(base=html.escape(base_url(request))))


@router.head("/{path:path}", include_in_schema=False)
@router.get("/{path:path}", include_in_schema=False)
async def explain_elsewhere(caller: Anybody, request: Request, path: str) -> HTMLResponse:  # noqa: ARG001  # any path
    return await explain(caller, request)
