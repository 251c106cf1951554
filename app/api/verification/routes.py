"""Routes of the verification area."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.deps import Services, Staff
from app.api.paging import RootWindow, page_response
from app.api.problem_docs import problem_responses
from app.api.tables import Tabular, columns_of, items_table, table_responses, written
from app.api.verification.wire import FindingOut, RunOut, VerificationOut
from app.verification.models import Finding, NoVerificationError, Run

TAGS = [
    {
        "name": "verification",
        "description": "Whether what is stored is what was received.",
    }
]

COLUMNS = columns_of(FindingOut)
"""What a list of findings can be made of."""

router = APIRouter(prefix="/verification", tags=["verification"])


@router.head("/", include_in_schema=False)
@router.get(
    "/",
    summary="Show the last verification",
    description="The newest run, at its end or under way, and what it found; what is not mended"
    " comes first.",
    response_model=VerificationOut,
    responses=table_responses() | problem_responses(400, 401, 403, 503),
)
async def show_verification(
    _: Staff, request: Request, services: Services, window: RootWindow, table: Tabular
) -> Response:
    columns = table.columns(COLUMNS)
    run = await _last(services)
    if table.is_table:
        found = partial(services.verification.stream_findings, run.id if run else 0, table.window)
        return items_table(
            services, table, lambda: written(found(), _item), columns=columns, what="findings"
        )
    if run is None:
        return page_response(request, count=0, window=window, results=[], run=None)
    page = await services.verification.findings(run.id, window)
    results = table.chosen(map(_item, page.items), COLUMNS)
    left = await services.verification.count_open(run.id)
    shown = RunOut.of(run, left).model_dump()
    return page_response(request, count=page.count, window=window, results=results, run=shown)


async def _last(services: Services) -> Run | None:
    try:
        return await services.verification.last()
    except NoVerificationError:
        return None


def _item(finding: Finding) -> dict[str, Any]:
    return FindingOut.of(finding).model_dump()
