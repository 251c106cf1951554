"""Routes of the strict mount of pyobs-archive. Contract: pyobs, PYO-1 to PYO-50."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from app.api.bodies import body_schema
from app.api.deps import Anybody, Services, Staff, User
from app.api.frames.files import zip_response
from app.api.frames.openapi import file_responses, upload_schema
from app.api.frames.uploads import receive, take_in
from app.api.frames.wire import ZipIn
from app.api.mount_page import mount_page
from app.api.problem_docs import problem_responses
from app.api.pyobs.files import catalog_response, download_response, picture_response, present
from app.api.pyobs.parameters import Ordering, PageWindow, Selection, ZipWindow
from app.api.pyobs.problems import StrictRoute
from app.api.pyobs.wire import (
    AggregateOut,
    CreatedOut,
    FrameInfo,
    FrameListOut,
    HeadersOut,
    frame_info,
    frame_list,
    json_answer,
    science_headers,
)
from app.api.pyobs.zips import PackedChoice, Wanted, ZipUser, zip_name
from app.api.tables import (
    Tabular,
    frame_columns,
    frame_items,
    frame_table,
    frames_response,
    table_responses,
)
from app.api.validation import RowId
from app.core.paging import Window
from app.frames.models import EMPTY, FrameQuery

TAGS = [
    {"name": "accounts", "description": "Tokens."},
    {"name": "frames", "description": "Search frames, read their headers, fetch their files."},
    {"name": "upload", "description": "Bring files in, and remove them."},
]

UPLOAD_PATHS = frozenset({"/frames/create/"})
"""Paths of operations whose bodies go to disk, and may be as large as an upload."""

COLUMNS = frame_columns(FrameInfo)
"""What a list of frames can be made of."""

router = APIRouter(route_class=StrictRoute)


@router.head("/", include_in_schema=False)
@router.get("/", include_in_schema=False)
async def landing(_: Anybody, request: Request) -> HTMLResponse:
    return mount_page(request, upstream="pyobs-archive")


@router.head("/frames/", include_in_schema=False)
@router.get(
    "/frames/",
    tags=["frames"],
    summary="Search frames",
    description="The frames that the caller sees and that pass all filters, by start of the"
    " exposure. Unknown names, empty values and `ALL` are ignored. `count` is exact.",
    response_model=FrameListOut,
    responses=table_responses() | problem_responses(400, 401, 503),
)
async def list_frames(
    caller: User,
    services: Services,
    selection: Selection,
    order: Ordering,
    window: PageWindow,
    table: Tabular,
) -> Response:
    query = replace(selection, order=order, window=window)
    if table.is_table:
        return await frame_table(services, table, query, caller, columns=COLUMNS, item=frame_info)
    page = await services.frames.search(query, caller)
    items = await frame_items(services, table, page.items, columns=COLUMNS, item=frame_info)
    return frame_list(page.count, items)


@router.head("/frames/aggregate/", include_in_schema=False)
@router.get(
    "/frames/aggregate/",
    tags=["frames"],
    summary="List the values of a selection",
    description="The distinct values of the frames that the caller sees and that pass all filters.",
    responses=problem_responses(400, 401, 503),
)
async def aggregate(caller: User, services: Services, selection: Selection) -> AggregateOut:
    facets = await services.frames.facets(selection, caller)
    bare = replace(selection, also=(FrameQuery(filter_name=EMPTY),), window=Window(limit=0))
    without_filter = await services.frames.search(bare, caller)
    return AggregateOut.of(facets, with_none=without_filter.count > 0)


@router.head("/frames/zip/", include_in_schema=False)
@router.get(
    "/frames/zip/",
    tags=["frames"],
    summary="Fetch a selection as a zip",
    description="The frames that the caller sees and that pass all filters, as a zip called"
    " `pyobsdata-YYYYMMDD.zip` (UTC) with one folder of the same name. Frames whose file is missing"
    " are left out.",
    response_class=Response,
    responses=file_responses("application/zip") | problem_responses(400, 401, 413, 503),
)
async def zip_selection(
    caller: User,
    request: Request,
    services: Services,
    selection: Selection,
    order: Ordering,
    window: ZipWindow,
) -> Response:
    query = replace(selection, order=order, window=window, brief=False)
    name = zip_name(services.clock())
    choose = PackedChoice(services.packed, services.store)
    bundle = await services.bundles.of_query(query, caller, name=name, choose=choose)
    return zip_response(request, bundle)


@router.post(
    "/frames/zip/",
    tags=["frames"],
    summary="Fetch named frames as a zip",
    description="As JSON or as a form, in which `frame_ids[]` (or `frame_ids`) is repeated. The"
    " token may stand in the field `auth_token`. The zip is the same as that of a selection.",
    response_class=Response,
    responses=file_responses("application/zip") | problem_responses(400, 401, 404, 413, 503),
    openapi_extra=body_schema(ZipIn),
)
async def zip_frames(
    caller: ZipUser, request: Request, services: Services, wanted: Wanted
) -> Response:
    name = zip_name(services.clock())
    choose = PackedChoice(services.packed, services.store)
    bundle = await services.bundles.of_frames(wanted.frame_ids, caller, name=name, choose=choose)
    return zip_response(request, bundle)


@router.post(
    "/frames/create/",
    tags=["upload"],
    summary="Upload files",
    description="Every file part is filed, whatever its name. The answer is 200 even where files"
    " could not be filed: `errors` says why.",
    responses=problem_responses(400, 401, 403, 413, 415, 503, 507),
    response_model_exclude_unset=True,
    openapi_extra=upload_schema(),
)
async def create_frames(caller: Staff, request: Request, services: Services) -> CreatedOut:
    done = await take_in(services, caller, await receive(request, services))
    return CreatedOut.model_validate(done.model_dump(exclude={"results"}, exclude_unset=True))


@router.head("/frames/{frame_id:row_id}/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/",
    tags=["frames"],
    summary="Get a frame",
    description="A frame that the caller does not see is one that does not exist.",
    response_model=FrameInfo,
    responses=problem_responses(401, 404, 503),
)
async def get_frame(caller: User, services: Services, frame_id: RowId) -> Response:
    return json_answer(frame_info(await services.frames.get(frame_id, caller)))


@router.head("/frames/{frame_id:row_id}/related/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/related/",
    tags=["frames"],
    summary="List the related frames",
    description="The frames that the frame names in its header, as far as the caller sees them.",
    response_model=list[FrameInfo],
    responses=table_responses() | problem_responses(400, 401, 404, 503),
)
async def list_related(
    caller: User, services: Services, frame_id: RowId, table: Tabular
) -> Response:
    named = await services.frames.named(frame_id, caller)
    filed = [frame for frame in named if frame.versions]
    return await frames_response(services, table, filed, caller, columns=COLUMNS, item=frame_info)


@router.head("/frames/{frame_id:row_id}/headers/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/headers/",
    tags=["frames"],
    summary="Read the header",
    description="The cards of the HDU named SCI, sorted by keyword, without commentary.",
    responses=problem_responses(401, 404, 503),
)
async def get_headers(caller: User, services: Services, frame_id: RowId) -> HeadersOut:
    frame = await services.frames.get(frame_id, caller)
    version = await present(services, frame)
    return science_headers(await services.frames.headers(version), version)


@router.head("/frames/{frame_id:row_id}/preview/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/preview/",
    tags=["frames"],
    summary="Show a picture",
    description="Grey, 200 pixels wide, row 0 at the bottom; the lowest and the highest 5 % of the"
    " pixel values are cut.",
    response_class=Response,
    responses=file_responses("image/png") | problem_responses(400, 401, 404, 503),
)
async def preview(caller: User, request: Request, services: Services, frame_id: RowId) -> Response:
    return await picture_response(request, services, await services.frames.get(frame_id, caller))


@router.head("/frames/{frame_id:row_id}/download/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/download/",
    tags=["frames"],
    summary="Download the file",
    description="The newest version, images tile-compressed. Byte ranges, conditional requests and"
    " HEAD work.",
    response_class=Response,
    responses=file_responses("image/fits") | problem_responses(401, 404, 503),
)
async def download(caller: User, request: Request, services: Services, frame_id: RowId) -> Response:
    return await download_response(request, services, await services.frames.get(frame_id, caller))


@router.head("/frames/{frame_id:row_id}/catalog/", include_in_schema=False)
@router.get(
    "/frames/{frame_id:row_id}/catalog/",
    tags=["frames"],
    summary="Fetch the source catalogue",
    description="The table named CAT as CSV with a line of column names; empty without one.",
    response_class=Response,
    responses=file_responses("text/comma-separated-values") | problem_responses(401, 404, 503),
)
async def catalog(caller: User, request: Request, services: Services, frame_id: RowId) -> Response:
    return await catalog_response(request, services, await services.frames.get(frame_id, caller))


@router.delete(
    "/frames/{frame_id:row_id}/delete/",
    tags=["upload"],
    summary="Delete a frame",
    description="With all its versions and files.",
    response_class=Response,
    responses=problem_responses(401, 403, 404, 503),
)
async def delete_frame(caller: Staff, services: Services, frame_id: RowId) -> Response:
    await services.removal.remove(frame_id, caller)
    return Response()
