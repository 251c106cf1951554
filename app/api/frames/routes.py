"""Routes of the frames area, in the merged root dialect."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.api.bodies import body_schema
from app.api.cursors import CursorWish
from app.api.deps import Reader, Services, Staff
from app.api.frames.access import OpenedHeader, OpenedVersion
from app.api.frames.files import (
    catalog_response,
    preview_response,
    version_response,
    zip_name,
    zip_response,
)
from app.api.frames.lists import Listing, list_response
from app.api.frames.openapi import file_responses, upload_schema
from app.api.frames.query import Ordering, Selection
from app.api.frames.uploads import receive, take_in
from app.api.frames.wire import (
    AggregateOut,
    CreatedOut,
    FrameListOut,
    FrameOut,
    ZipIn,
)
from app.api.frames.wire_headers import ExtIn, HeadersOut, headers_out
from app.api.frames.wire_items import FrameView, ShownIn
from app.api.frames.wire_previews import PreviewIn
from app.api.frames.zip_choice import Wanted, choice_of
from app.api.frames.zips import ZipCaller, ZipWindow
from app.api.json_bodies import json_response
from app.api.mounts import base_url
from app.api.paging import RootWindow
from app.api.problem_docs import problem_responses
from app.api.tables import Tabular, frame_columns, frames_response, table_responses
from app.api.validation import RowId

TAGS = [
    {"name": "frames", "description": "Search frames, read their headers, fetch their files."},
    {"name": "upload", "description": "Bring files in."},
]

UPLOAD_PATHS = frozenset({"/frames/create/"})
"""Paths of operations whose bodies go to disk, and may be as large as an upload."""

COLUMNS = frame_columns(FrameOut)
"""What a list of frames can be made of."""

router = APIRouter()


async def frame_view(request: Request, services: Services) -> FrameView:
    """Give what writes frames."""
    root = base_url(request)
    return FrameView(http_root=root, links=services.links, picture_root=f"{root}/archive")


View = Annotated[FrameView, Depends(frame_view)]


async def root_listing(
    selection: Selection, order: Ordering, window: RootWindow, wish: CursorWish, table: Tabular
) -> Listing:
    """Read which list is wanted."""
    return Listing(replace(selection, order=order, window=window), wish, table, COLUMNS)


@router.head("/frames/", include_in_schema=False)
@router.get(
    "/frames/",
    tags=["frames"],
    summary="Search frames",
    description="The frames that the caller sees and that pass all filters, the newest observation"
    " first. Filters have the names of pyobs and of the LCO archive; unknown names, empty values"
    " and `ALL` are ignored. `count` is exact.",
    responses=table_responses() | problem_responses(400, 401, 503),
    response_model=FrameListOut,
)
async def list_frames(
    caller: Reader,
    request: Request,
    services: Services,
    view: View,
    listing: Annotated[Listing, Depends(root_listing)],
    shown: Annotated[ShownIn, Query()],
) -> Response:
    view = view.showing(shown)
    return await list_response(request, services, caller, listing, view, FrameView.item)


@router.head("/aggregate/", include_in_schema=False)
@router.head("/frames/aggregate/", include_in_schema=False)
@router.get(
    "/aggregate/",
    tags=["frames"],
    summary="List the values of a selection, by its other name",
    description="The same as `/frames/aggregate/`.",
    responses=problem_responses(400, 401, 503),
)
@router.get(
    "/frames/aggregate/",
    tags=["frames"],
    summary="List the values of a selection",
    description="The distinct sites, telescopes, filters and so on of the frames that the caller"
    " sees and that pass all filters. Unknown values are left out.",
    responses=problem_responses(400, 401, 503),
)
async def aggregate(caller: Reader, services: Services, selection: Selection) -> AggregateOut:
    return AggregateOut.of(await services.frames.facets(selection, caller), services.clock())


@router.head("/frames/zip/", include_in_schema=False)
@router.get(
    "/frames/zip/",
    tags=["frames"],
    summary="Fetch a selection as a zip",
    description="The frames that the caller sees and that pass all filters, as a zip called"
    " `skyshelf-YYYYMMDD.zip` (UTC) with one folder of the same name. Stored, not deflated, so that"
    " its length is known and ranges of it can be asked for.",
    response_class=Response,
    responses=file_responses("application/zip") | problem_responses(400, 401, 404, 413, 503),
)
async def zip_selection(
    caller: Reader,
    request: Request,
    services: Services,
    selection: Selection,
    order: Ordering,
    window: ZipWindow,
) -> Response:
    query = replace(selection, order=order, window=window)
    name = zip_name(services.clock())
    return zip_response(request, await services.bundles.of_query(query, caller, name=name))


@router.post(
    "/frames/zip/",
    tags=["frames"],
    summary="Fetch named frames as a zip",
    description="As JSON or as a form, in which `frame_ids` (or `frame_ids[]`) is repeated. A frame"
    " that the caller does not see is one that does not exist: 404. The zip is the same as that of"
    " a selection, unless `uncompress` or `catalog_only` asks for other forms of the files.",
    response_class=Response,
    responses=file_responses("application/zip") | problem_responses(400, 401, 404, 413, 503),
    openapi_extra=body_schema(ZipIn),
)
async def zip_frames(
    caller: ZipCaller, request: Request, services: Services, wanted: Wanted
) -> Response:
    name = zip_name(services.clock())
    bundle = await services.bundles.of_frames(
        wanted.frame_ids, caller, name=name, choose=choice_of(services, wanted)
    )
    return zip_response(request, bundle)


@router.post(
    "/frames/create/",
    tags=["upload"],
    summary="Upload files",
    description="Every file part is filed, whatever its name. The answer is 200 even where files"
    " could not be filed: `errors` and `results` say which and why, and such files are kept in"
    " quarantine. Bytes that are in the archive already count as created.",
    responses=problem_responses(400, 401, 403, 413, 415, 503, 507),
    response_model_exclude_unset=True,
    openapi_extra=upload_schema(),
)
async def create_frames(caller: Staff, request: Request, services: Services) -> CreatedOut:
    return await take_in(services, caller, await receive(request, services))


@router.head("/frames/{frame_id:row_id}/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/",
    tags=["frames"],
    summary="Get a frame",
    description="One frame with its versions. A frame that the caller does not see is one that does"
    " not exist.",
    responses=problem_responses(401, 404, 503),
    response_model=FrameOut,
)
async def get_frame(caller: Reader, services: Services, view: View, frame_id: RowId) -> Response:
    return json_response(view.item(await services.frames.get(frame_id, caller)))


@router.head("/frames/{frame_id:row_id}/related/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/related/",
    tags=["frames"],
    summary="List the related frames",
    description="The frames that the frame names in its header and those that name it, as far as"
    " the caller sees them, by number.",
    responses=table_responses() | problem_responses(400, 401, 404, 503),
    response_model=list[FrameOut],
)
async def list_related(
    caller: Reader, services: Services, view: View, frame_id: RowId, table: Tabular
) -> Response:
    related = await services.frames.related(frame_id, caller)
    return await frames_response(services, table, related, caller, columns=COLUMNS, item=view.item)


@router.head("/frames/{frame_id:row_id}/headers/", include_in_schema=False)  # noqa: FAST003  # in OpenedHeader
@router.get(
    "/frames/{frame_id:row_id}/headers/",  # see access
    tags=["frames"],
    summary="Read the header",
    description="The cards of the science HDU laid over those of the primary one, as they came, or"
    " those of one HDU. A signed download link opens its header as well.",
    responses=problem_responses(400, 401, 403, 404, 503),
)
async def get_headers(wanted: OpenedHeader, shown: Annotated[ExtIn, Query()]) -> HeadersOut:
    return headers_out(wanted.hdus, wanted.version, ext=shown.ext)


@router.head("/frames/{frame_id:row_id}/download/", include_in_schema=False)  # noqa: FAST003  # in OpenedVersion
@router.get(
    "/frames/{frame_id:row_id}/download/",  # see access
    tags=["frames"],
    summary="Download the file",
    description="The stored bytes of the newest version, or of the one that is named. Byte ranges,"
    " conditional requests and HEAD work; the entity tag is the sha256. A signed link needs no"
    " token.",
    response_class=Response,
    responses=file_responses("image/fits") | problem_responses(400, 401, 403, 404, 503),
)
async def download(wanted: OpenedVersion, request: Request, services: Services) -> Response:
    return await version_response(request, services, wanted)


@router.head("/frames/{frame_id:row_id}/preview/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/preview/",
    tags=["frames"],
    summary="Show a picture",
    description="A rendering of the newest version, row 0 at the bottom.",
    response_class=Response,
    responses=file_responses("image/png", "image/jpeg", "image/webp")
    | problem_responses(400, 401, 404, 503),
)
async def preview(
    caller: Reader,
    request: Request,
    services: Services,
    frame_id: RowId,
    wish: Annotated[PreviewIn, Query()],
) -> Response:
    spec = wish.spec()
    frame = await services.frames.get(frame_id, caller)
    return await preview_response(request, services, frame, spec)


@router.head("/frames/{frame_id:row_id}/catalog/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/catalog/",
    tags=["frames"],
    summary="Fetch the source catalogue",
    description="The table named CAT of the newest version, as CSV with a line of column names.",
    response_class=Response,
    responses=file_responses("text/csv") | problem_responses(400, 401, 404, 503),
)
async def catalog(
    caller: Reader, request: Request, services: Services, frame_id: RowId
) -> Response:
    return await catalog_response(request, services, await services.frames.get(frame_id, caller))
