"""Routes of the ingest area."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.api.deps import Services, Staff
from app.api.ingest.wire import ArrivalOut, ArrivalsOut
from app.api.paging import RootWindow, page_response
from app.api.problem_docs import problem_responses
from app.api.tables import (
    Tabular,
    columns_of,
    items_table,
    table_responses,
    written,
)
from app.api.validation import Given, RowId
from app.ingest.models import Arrival, ArrivalState

TAGS = [{"name": "ingest", "description": "Every file that ever came in, and what became of it."}]

COLUMNS = columns_of(ArrivalOut)
"""What a list of arrivals can be made of."""

router = APIRouter(prefix="/ingest", tags=["ingest"])


@router.head("/", include_in_schema=False)
@router.get(
    "/",
    summary="List the files that came in",
    description="Newest first. `state=quarantined` lists what could not be filed, and why.",
    responses=table_responses() | problem_responses(400, 401, 403, 503),
    response_model=ArrivalsOut,
)
async def list_arrivals(
    _: Staff,
    request: Request,
    services: Services,
    window: RootWindow,
    table: Tabular,
    state: Annotated[Given[ArrivalState], Query(description="Only files of this state.")] = None,
) -> Response:
    columns = table.columns(COLUMNS)
    if table.is_table:
        found = partial(services.arrival_streams.arrivals, state, table.window)
        return items_table(
            services, table, lambda: written(found(), _item), columns=columns, what="arrivals"
        )
    page = await services.ingest.list(state, window)
    results = table.chosen(map(_item, page.items), COLUMNS)
    return page_response(request, count=page.count, window=window, results=results)


def _item(arrival: Arrival) -> dict[str, Any]:
    return ArrivalOut.of(arrival).model_dump()


@router.post(
    "/{arrival_id:row_id}/retry/",
    summary="Send a quarantined file in again",
    description="After the cause was mended: a keyword map was extended, a rule was changed.",
    status_code=HTTPStatus.ACCEPTED,
    responses=problem_responses(401, 403, 404, 409, 503),
)
async def retry(_: Staff, services: Services, arrival_id: RowId) -> ArrivalOut:
    return ArrivalOut.of(await services.ingest.retry(arrival_id))
