"""Routes of the LCO archive that read, as its strict mount serves them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, Response

from app.api.archive import aggregating
from app.api.archive.query import COLUMNS, ArchiveListing
from app.api.archive.wire import AggregateOut, FrameListOut, FrameOut, HeadersOut
from app.api.archive.zips import ZipCaller, zip_stem
from app.api.bodies import body_schema
from app.api.deps import Anybody, Reader, Services
from app.api.frames.access import OpenedHeader, OpenedVersion
from app.api.frames.files import version_response, zip_response
from app.api.frames.lists import list_response
from app.api.frames.openapi import file_responses
from app.api.frames.pictures import pictured
from app.api.frames.wire import ZipIn
from app.api.frames.wire_headers import headers_out
from app.api.frames.wire_items import FrameView, ShownIn
from app.api.frames.zip_choice import Wanted, choice_of
from app.api.json_bodies import json_response
from app.api.mount_page import mount_page
from app.api.mounts import base_url
from app.api.problem_docs import json_refusal, problem_responses
from app.api.tables import Tabular, frames_response, table_responses
from app.api.validation import RowId

TAGS = [{"name": "frames", "description": "Search frames, read their headers, fetch their files."}]

router = APIRouter(tags=["frames"])

_RANGE_REFUSED = json_refusal(
    400, {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/DetailOut"}]}
)
"""A bare text for a range of time (ARC-52)."""

_GEOMETRY_REFUSED = json_refusal(
    400,
    {
        "anyOf": [
            {"type": "array", "items": {"type": "string"}},
            {"$ref": "#/components/schemas/DetailOut"},
        ]
    },
)
"""A list of one text for a geometry (ARC-33)."""


async def archive_view(
    request: Request, services: Services, shown: Annotated[ShownIn, Query()]
) -> FrameView:
    """Give what writes frames, with the members that are asked for."""
    root = base_url(request)
    return FrameView(http_root=root, links=services.links, picture_root=root).showing(shown)


View = Annotated[FrameView, Depends(archive_view)]


@router.head("/", include_in_schema=False)
@router.get("/", include_in_schema=False)
async def landing(_: Anybody, request: Request) -> HTMLResponse:
    return mount_page(request, upstream="the LCO science archive")


@router.head("/frames/", include_in_schema=False)
@router.get(
    "/frames/",
    summary="Search frames",
    description="The frames that the caller sees and that pass all filters, the newest observation"
    " first. Unknown names and empty values are ignored. `count` is exact.",
    responses=table_responses() | problem_responses(401, 429, 503) | _GEOMETRY_REFUSED,
    response_model=FrameListOut,
)
async def list_frames(
    caller: Reader, request: Request, services: Services, view: View, listing: ArchiveListing
) -> Response:
    return await list_response(request, services, caller, listing, view, FrameView.strict_item)


@router.head("/aggregate/", include_in_schema=False)
@router.head("/frames/aggregate/", include_in_schema=False)
@router.get(
    "/aggregate/",
    summary="List the values of a selection, by its other name",
    description="The same as `/frames/aggregate/`.",
    responses=problem_responses(401, 429, 503) | _RANGE_REFUSED,
)
@router.get(
    "/frames/aggregate/",
    summary="List the values of a selection",
    description="The distinct sites, telescopes, filters and so on of the frames that the caller"
    " sees. With any filter, `start` and `end` are needed, at most 365 days apart.",
    responses=problem_responses(401, 429, 503) | _RANGE_REFUSED,
)
async def aggregate(caller: Reader, services: Services, wanted: aggregating.Wanted) -> AggregateOut:
    facets = await services.frames.facets(wanted.query, caller, statement_s=wanted.statement_s)
    return AggregateOut.of(facets, services.clock())


@router.post(
    "/frames/zip/",
    summary="Fetch named frames as a zip",
    description="As JSON or as a form, in which `frame_ids` (or `frame_ids[]`) is repeated. Frames"
    " that the caller does not see are left out; 404 where none is left.",
    response_class=Response,
    responses=file_responses("application/zip")
    | problem_responses(400, 401, 413, 429, 503)
    | {404: {"description": "The caller sees none of the frames"}},
    openapi_extra=body_schema(ZipIn),
)
async def zip_frames(
    caller: ZipCaller, request: Request, services: Services, wanted: Wanted
) -> Response:
    bundle = await services.bundles.of_visible(
        wanted.frame_ids,
        caller,
        stem=zip_stem(services.clock()),
        choose=choice_of(services, wanted),
    )
    return zip_response(request, bundle)


@router.head("/frames/{frame_id:row_id}/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/",
    summary="Get a frame",
    description="One frame with its versions. A frame that the caller does not see is one that does"
    " not exist.",
    responses=problem_responses(401, 404, 429, 503),
    response_model=FrameOut,
)
async def get_frame(caller: Reader, services: Services, view: View, frame_id: RowId) -> Response:
    frame = await services.frames.get(frame_id, caller)
    view = await pictured(view, services, caller, [frame])
    return json_response(view.strict_item(frame))


@router.head("/frames/{frame_id:row_id}/related/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/related/",
    summary="List the related frames",
    description="The frames that the frame names and those that name it, as far as the caller sees"
    " them.",
    responses=table_responses() | problem_responses(400, 401, 404, 429, 503),
    response_model=list[FrameOut],
)
async def list_related(
    caller: Reader, services: Services, view: View, frame_id: RowId, table: Tabular
) -> Response:
    related = await services.frames.related(frame_id, caller)
    return await frames_response(
        services, table, related, caller, columns=COLUMNS, item=view.strict_item
    )


@router.head("/frames/{frame_id:row_id}/headers/", include_in_schema=False)  # noqa: FAST003  # in OpenedHeader
@router.get(
    "/frames/{frame_id:row_id}/headers/",  # see access
    summary="Read the header",
    description="The cards of the science HDU laid over those of the primary one, by keyword.",
    responses=problem_responses(401, 403, 404, 429, 503),
)
async def get_headers(wanted: OpenedHeader) -> HeadersOut:
    return HeadersOut(data=headers_out(wanted.hdus, wanted.version, ext=None).data)


@router.head("/frames/{frame_id:row_id}/download/", include_in_schema=False)  # noqa: FAST003  # in OpenedVersion
@router.get(
    "/frames/{frame_id:row_id}/download/",  # see access
    summary="Download the file",
    description="The stored bytes of a version, by a signed link from `url` without a token, or by"
    " the token of somebody who sees the frame.",
    response_class=Response,
    responses=file_responses("image/fits") | problem_responses(401, 403, 404, 429, 503),
)
async def download(wanted: OpenedVersion, request: Request, services: Services) -> Response:
    return await version_response(request, services, wanted)
