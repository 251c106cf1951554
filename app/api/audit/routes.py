"""Routes of the audit, in the merged root dialect."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.api.audit.wire import AuditLineOut, AuditLinesOut
from app.api.deps import Services, Staff
from app.api.paging import RootWindow, page_response
from app.api.problem_docs import problem_responses
from app.api.tables import Tabular, columns_of, items_table, table_responses, written
from app.api.validation import Given, Text
from app.audit.models import AuditLine, AuditQuery

TAGS = [{"name": "audit", "description": "Who did what to the archive, when and why."}]

COLUMNS = columns_of(AuditLineOut)
"""What a list of lines can be made of."""

router = APIRouter(prefix="/audit", tags=["audit"])


@router.head("/", include_in_schema=False)
@router.get(
    "/",
    summary="Read the audit",
    description="Newest first. A superuser reads all lines, other staff those of what they did"
    " themselves.",
    responses=table_responses() | problem_responses(400, 401, 403, 503),
    response_model=AuditLinesOut,
)
async def list_lines(
    caller: Staff,
    request: Request,
    services: Services,
    window: RootWindow,
    table: Tabular,
    subject: Annotated[
        Given[Text], Query(description="Part of the subject, whatever its case.")
    ] = None,
    who: Annotated[Given[Text], Query(description="Name of a user, exactly.")] = None,
    action: Annotated[Given[Text], Query(description="What was done, exactly.")] = None,
) -> Response:
    query = AuditQuery(subject=subject, who=who, action=action)
    columns = table.columns(COLUMNS)
    if table.is_table:
        found = partial(services.audit.stream, query, caller, table.window)
        return items_table(
            services, table, lambda: written(found(), _item), columns=columns, what="audit"
        )
    page = await services.audit.list(query, caller, window)
    results = table.chosen(map(_item, page.items), COLUMNS)
    return page_response(request, count=page.count, window=window, results=results)


def _item(line: AuditLine) -> dict[str, Any]:
    return AuditLineOut.of(line).model_dump()
