"""Routes of the LCO archive that write: what its ingester posts (contract: LCO archive §7)."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from app.api.archive.wire import FrameOut
from app.api.archive.wire_writing import FrameIn
from app.api.archive.writing_errors import known_versions, refused_fields
from app.api.deps import Services, Superuser
from app.api.frames.wire_items import FrameView
from app.api.json_bodies import json_response
from app.api.mounts import base_url
from app.api.problem_docs import json_refusal, problem_responses
from app.api.problem_forms import MEDIA_TYPE
from app.api.validation import RowId
from app.frames.announced import KnownVersionError

router = APIRouter(tags=["frames"])

mount_router = APIRouter(tags=["frames"])
"""What the root has otherwise."""

REFUSED_FIELDS = json_refusal(400, {"type": "object"}, beside=MEDIA_TYPE)
"""Texts by field at every mount, those of a version in its place; what is no JSON is a problem."""

JsonObject = Annotated[dict[str, Any], Body()]
"""Parameter of a route: a JSON object, validated by the route."""


def posted_schema(shape: type[BaseModel]) -> dict[str, Any]:
    """Describe the body of a post for the OpenAPI document.

    Parameters
    ----------
    shape
        Model of the body.

    Returns
    -------
    dict
        For ``openapi_extra``.
    """
    schema = shape.model_json_schema()
    versions = schema.pop("$defs")["VersionIn"]
    schema["properties"]["version_set"]["items"] = versions
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def plain_view(request: Request, services: Services) -> FrameView:
    """Give what writes frames."""
    return FrameView(http_root=base_url(request), links=services.links)


View = Annotated[FrameView, Depends(plain_view)]
"""Parameter of a route: what writes frames."""


@router.post(
    "/frames/",
    summary="Announce a frame",
    description="Adds a frame, or changes the one of its basename, and adds its versions. Their"
    " bytes are copied from where the client's file store puts them, below the folder of that store"
    " (`SKYSHELF_FILESTORE_DIR`): `<site>/<instrument>/<day>/<raw or processed>/<file>`. Where they"
    " are not there yet,"
    " the version waits for them. Names of related frames that are not known become frames without"
    " a version.",
    status_code=201,
    response_model=FrameOut,
    responses=problem_responses(401, 403, 413, 415, 429, 503) | REFUSED_FIELDS,
    openapi_extra=posted_schema(FrameIn),
)
async def create_frame(
    caller: Superuser, services: Services, view: View, sent: JsonObject
) -> Response:
    """Take a frame that an ingester announces (ARC-70 to ARC-73)."""
    try:
        frame_id = await services.announcing.announce(
            FrameIn.model_validate(sent).posted(sent), caller
        )
    except ValidationError as error:
        return refused_fields(error, sent)
    except KnownVersionError as error:
        return known_versions(error)
    frame = await services.frames.get_any(frame_id, caller)
    return json_response(view.strict_item(frame), status=201)


@mount_router.delete(
    "/frames/{frame_id:row_id}/",
    summary="Delete a frame",
    description="The frame, all its versions and thumbnails, and their files.",
    status_code=204,
    response_class=Response,
    responses=problem_responses(401, 403, 404, 429, 503),
)
async def delete_frame(caller: Superuser, services: Services, frame_id: RowId) -> Response:
    """Delete a frame (ARC-76)."""
    await services.removal.remove(frame_id, caller)
    return Response(status_code=204)
