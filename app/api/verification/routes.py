"""Routes of the verification area."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.deps import Services, Staff
from app.api.paging import RootWindow, page_response
from app.api.problem_docs import problem_responses
from app.api.verification.wire import FindingOut, RunOut, VerificationOut
from app.verification.models import NoVerificationError

TAGS = [
    {
        "name": "verification",
        "description": "Whether what is stored is what was received.",
    }
]

router = APIRouter(prefix="/verification", tags=["verification"])


@router.head("/", include_in_schema=False)
@router.get(
    "/",
    summary="Show the last verification",
    description="The newest run, at its end or under way, and what it found; what is not mended"
    " comes first.",
    response_model=VerificationOut,
    responses=problem_responses(400, 401, 403, 429, 503),
)
async def show_verification(
    _: Staff, request: Request, services: Services, window: RootWindow
) -> Response:
    try:
        run = await services.verification.last()
    except NoVerificationError:
        return page_response(request, count=0, window=window, results=[], run=None)
    page = await services.verification.findings(run.id, window)
    results = [FindingOut.of(each).model_dump() for each in page.items]
    left = await services.verification.count_open(run.id)
    shown = RunOut.of(run, left).model_dump()
    return page_response(request, count=page.count, window=window, results=results, run=shown)
