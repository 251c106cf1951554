"""Routes of the health area."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from app.api.deps import Anybody, Services
from app.api.health.wire import HealthOut
from app.api.problem_docs import problem_responses
from app.db.schema import check_revision

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


@router.head("/ready/", include_in_schema=False)
@router.get(
    "/ready/",
    summary="Say whether the service is ready",
    description="Ready means that the database answers and is at the revision of this program.",
    responses=problem_responses(409, 503),
)
async def ready(_: Anybody, services: Services) -> HealthOut:
    await check_revision(services.engine)
    return HealthOut()
