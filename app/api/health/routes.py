"""Routes of the health area."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from app.api.deps import Anybody, Services
from app.api.health.readiness import judge
from app.api.health.wire import HealthOut, ReadyOut
from app.api.problem_docs import problem_responses

TAGS = [{"name": "health", "description": "For monitors and orchestrators."}]

router = APIRouter(prefix="/health", tags=["health"])


@router.head("/", include_in_schema=False)
@router.get("/", summary="Say ok", response_class=PlainTextResponse)
async def health(_: Anybody) -> str:
    return "ok"


@router.head("/live/", include_in_schema=False)
@router.get("/live/", summary="Say whether the process lives")
async def live(_: Anybody) -> HealthOut:
    return HealthOut()


@router.head("/ready/", include_in_schema=False, response_model=None)
@router.get(
    "/ready/",
    summary="Say whether the service is ready",
    description=(
        "Ready means that the database answers and is at the revision of this program, and that"
        " archive, spool, quarantine, inbox and the embedded database can be written to and have"
        " room left. Otherwise the problem document has the same member `checks`."
    ),
    response_model=ReadyOut,
    responses=problem_responses(409, 503),
)
async def ready(_: Anybody, request: Request, services: Services) -> Response | ReadyOut:
    return await judge(request, services)
