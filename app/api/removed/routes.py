"""Routes of the area of deleted frames, in the merged root dialect."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from app.api.deps import Services, Staff
from app.api.paging import RootWindow, page_response
from app.api.problem_docs import problem_responses
from app.api.removed.wire import RemovedFrameOut, RemovedFramesOut
from app.api.tables import Tabular, columns_of, items_table, table_responses, written
from app.api.validation import Given, RowId, Text
from app.frames.trash import RemovedFrame, RemovedState

TAGS = [{"name": "removed frames", "description": "Deleted frames, and how they come back."}]

Reason = Annotated[
    Given[Annotated[Text, Field(max_length=1000)]],
    Query(description="Why, in a sentence; it is kept with the deletion and in the audit."),
]
"""Parameter of a route: why something is done; None where nobody says it."""

COLUMNS = columns_of(RemovedFrameOut)
"""What a list of deletions can be made of."""

router = APIRouter(tags=["removed frames"])


@router.delete(
    "/frames/{frame_id:row_id}/delete/",
    summary="Delete a frame, by its other name",
    description="The same as `DELETE /frames/{id}/`, with an empty answer of status 200.",
    response_class=Response,
    responses=problem_responses(400, 401, 403, 404, 503),
)
async def delete_as_pyobs(
    caller: Staff, services: Services, frame_id: RowId, reason: Reason = None
) -> Response:
    await services.removal.remove(frame_id, caller, reason)
    return Response()


@router.delete(
    "/frames/{frame_id:row_id}/",
    summary="Delete a frame",
    description="With all its versions, thumbnails and files. They go to the trash, from where"
    " `POST /removed-frames/{id}/restore/` brings them back until they expire.",
    status_code=204,
    response_class=Response,
    responses=problem_responses(400, 401, 403, 404, 503),
)
async def delete_frame(
    caller: Staff, services: Services, frame_id: RowId, reason: Reason = None
) -> Response:
    await services.removal.remove(frame_id, caller, reason)
    return Response(status_code=204)


@router.head("/removed-frames/", include_in_schema=False)
@router.get(
    "/removed-frames/",
    summary="List deleted frames",
    description="Newest first; those whose frames the caller would see if they were there.",
    responses=table_responses() | problem_responses(400, 401, 403, 503),
    response_model=RemovedFramesOut,
)
async def list_removed(
    caller: Staff,
    request: Request,
    services: Services,
    window: RootWindow,
    table: Tabular,
    state: Annotated[Given[RemovedState], Query(description="Only those of this state.")] = None,
) -> Response:
    columns = table.columns(COLUMNS)
    if table.is_table:
        found = partial(services.restoration.stream, caller, table.window, state)
        return items_table(
            services, table, lambda: written(found(), _item), columns=columns, what="removed-frames"
        )
    page = await services.restoration.list(caller, window, state)
    results = table.chosen(map(_item, page.items), COLUMNS)
    return page_response(request, count=page.count, window=window, results=results)


def _item(removed: RemovedFrame) -> dict[str, Any]:
    return RemovedFrameOut.of(removed).model_dump()


@router.post(
    "/removed-frames/{removal_id:row_id}/restore/",
    summary="Bring a deleted frame back",
    description="As it was: number, versions, headers, relations, owner, bytes. 409 says what is in"
    " the way, such as a frame that came in under the same name; 404 that it has expired.",
    responses=problem_responses(401, 403, 404, 409, 503),
)
async def restore(caller: Staff, services: Services, removal_id: RowId) -> RemovedFrameOut:
    return RemovedFrameOut.of(await services.restoration.restore(removal_id, caller))
