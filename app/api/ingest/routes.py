"""Routes of the ingest area."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.api.deps import Services, Staff
from app.api.ingest.wire import ArrivalOut, ArrivalsOut
from app.api.paging import RootWindow, links_beside
from app.api.problem_docs import problem_responses
from app.api.validation import Given, RowId
from app.ingest.models import ArrivalState

TAGS = [{"name": "ingest", "description": "Every file that ever came in, and what became of it."}]

router = APIRouter(prefix="/ingest", tags=["ingest"])


@router.head("/", include_in_schema=False)
@router.get(
    "/",
    summary="List the files that came in",
    description="Newest first. `state=quarantined` lists what could not be filed, and why.",
    responses=problem_responses(400, 401, 403, 503),
)
async def list_arrivals(
    _: Staff,
    request: Request,
    services: Services,
    window: RootWindow,
    state: Annotated[Given[ArrivalState], Query(description="Only files of this state.")] = None,
) -> ArrivalsOut:
    page = await services.ingest.list(state, window)
    following, previous = links_beside(request, count=page.count, window=window)
    results = [ArrivalOut.of(arrival) for arrival in page.items]
    return ArrivalsOut(count=page.count, next=following, previous=previous, results=results)


@router.post(
    "/{arrival_id:row_id}/retry/",
    summary="Send a quarantined file in again",
    description="After the cause was mended: a keyword map was extended, a rule was changed.",
    status_code=HTTPStatus.ACCEPTED,
    responses=problem_responses(401, 403, 404, 409, 503),
)
async def retry(_: Staff, services: Services, arrival_id: RowId) -> ArrivalOut:
    return ArrivalOut.of(await services.ingest.retry(arrival_id))
