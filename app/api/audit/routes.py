"""Routes of the audit, in the merged root dialect."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.api.audit.wire import AuditLineOut, AuditLinesOut
from app.api.deps import Services, Staff
from app.api.paging import RootWindow, page_response
from app.api.problem_docs import problem_responses
from app.api.validation import Given, Text
from app.audit.models import AuditQuery

TAGS = [{"name": "audit", "description": "Who did what to the archive, when and why."}]

router = APIRouter(prefix="/audit", tags=["audit"])


@router.head("/", include_in_schema=False)
@router.get(
    "/",
    summary="Read the audit",
    description="Newest first. A superuser reads all lines, other staff those of what they did"
    " themselves.",
    responses=problem_responses(400, 401, 403, 503),
    response_model=AuditLinesOut,
)
async def list_lines(
    caller: Staff,
    request: Request,
    services: Services,
    window: RootWindow,
    subject: Annotated[
        Given[Text], Query(description="Part of the subject, whatever its case.")
    ] = None,
    who: Annotated[Given[Text], Query(description="Name of a user, exactly.")] = None,
    action: Annotated[Given[Text], Query(description="What was done, exactly.")] = None,
) -> Response:
    query = AuditQuery(subject=subject, who=who, action=action)
    page = await services.audit.list(query, caller, window)
    results = [AuditLineOut.of(each).model_dump() for each in page.items]
    return page_response(request, count=page.count, window=window, results=results)
