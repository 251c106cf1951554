"""Routes of files that are made of archived ones; the root has them under the same paths."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.deps import Reader, Services
from app.api.frames.access import newest_version
from app.api.frames.files import served_response
from app.api.frames.openapi import file_responses
from app.api.problem_docs import problem_responses
from app.api.validation import RowId
from app.frames.versions import choose_version

router = APIRouter(tags=["frames"])

_OCTETS = "application/octet-stream"


@router.head("/frame-funpack/{frame_id:row_id}/funpack/", include_in_schema=False)
@router.get(
    "/frame-funpack/{frame_id:row_id}/funpack/",
    summary="Fetch the file unpacked",
    description="The newest version as plain FITS, whatever it is stored as.",
    response_class=Response,
    responses=file_responses(_OCTETS) | problem_responses(400, 401, 404, 429, 503),
)
async def funpack(
    caller: Reader, request: Request, services: Services, frame_id: RowId
) -> Response:
    """Answer with the newest version unpacked (ARC-43)."""
    frame = await services.frames.get(frame_id, caller)
    file = await services.plain.plain(await newest_version(services, frame))
    return served_response(request, services, frame, file, content_type=_OCTETS)


@router.head("/frame-catalog/{frame_id:row_id}/catalog/", include_in_schema=False)
@router.get(
    "/frame-catalog/{frame_id:row_id}/catalog/",
    summary="Fetch the source catalogue as FITS",
    description="The header of the science HDU in a primary HDU without data, then the table named"
    " CAT. 404 for a frame without one.",
    response_class=Response,
    responses=file_responses("image/fits") | problem_responses(400, 401, 404, 429, 503),
)
async def catalog(
    caller: Reader, request: Request, services: Services, frame_id: RowId
) -> Response:
    """Answer with the catalogue of the newest version (ARC-44)."""
    frame = await services.frames.get(frame_id, caller)
    frame = await services.announcing.with_bytes(frame)
    file = await services.plain.catalog(frame, choose_version(frame))
    return served_response(request, services, frame, file, content_type=file.content_type)
