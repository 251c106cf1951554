"""Routes of the LCO archive for versions: its ingester looks MD5s up here (ARC-74)."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.api.archive.query import WindowIn, window_of
from app.api.archive.wire_writing_records import VersionListOut, VersionsIn
from app.api.archive.writing import plain_view
from app.api.deps import Services, Staff
from app.api.frames.wire_items import FrameView, Members, VersionOut
from app.api.json_bodies import json_response
from app.api.paging import page_response
from app.api.problem_docs import problem_responses
from app.api.tables import Tabular, columns_of, items_table, table_responses, written
from app.api.validation import RowId
from app.core.paging import Window
from app.frames.models import Version
from app.frames.versions import VersionNotFoundError

TAGS = [{"name": "versions", "description": "Stored states of frames, by their MD5."}]

COLUMNS = columns_of(VersionOut)
"""What a list of versions can be made of."""

router = APIRouter(tags=["versions"])


async def version_view(caller: Staff, view: Annotated[FrameView, Depends(plain_view)]) -> FrameView:
    """Give what writes versions of all frames: links open them for those only who see all frames.

    Parameters
    ----------
    caller
        Who asks; others need a token for a link, which then decides.
    view
        Of the mount.

    Returns
    -------
    FrameView
        With or without signatures.
    """
    return replace(view, signs=caller.sees_everything)


View = Annotated[FrameView, Depends(version_view)]
"""Parameter of a route: what writes versions."""


@router.head("/versions/", include_in_schema=False)
@router.get(
    "/versions/",
    summary="List versions",
    description="All versions, or those of an MD5: `count` is 1 if it is known, else 0.",
    response_model=VersionListOut,
    responses=table_responses() | problem_responses(400, 401, 403, 429, 503),
)
async def list_versions(
    caller: Staff,  # noqa: ARG001  # checked by the dependency; staff look up all versions
    request: Request,
    services: Services,
    view: View,
    wanted: Annotated[VersionsIn, Query()],
    table: Tabular,
) -> Response:
    """List versions (ARC-74)."""
    md5 = None if wanted.md5 is None else wanted.md5.strip().lower()
    columns = table.columns(COLUMNS)

    def item(version: Version) -> Members:
        return view.version(version.frame_id, version)

    if table.is_table:
        found = partial(services.versions.stream, table.window, md5=md5)
        return items_table(
            services, table, lambda: written(found(), item), columns=columns, what="versions"
        )
    window = window_of(WindowIn(limit=wanted.limit, offset=wanted.offset))
    page = await services.versions.search(window, md5=md5)
    results = table.chosen(map(item, page.items), COLUMNS)
    return page_response(request, count=page.count, window=window, results=results)


@router.head("/versions/{version_id:row_id}/", include_in_schema=False)
@router.get(
    "/versions/{version_id:row_id}/",
    summary="Get a version",
    description="One version.",
    response_model=VersionOut,
    responses=problem_responses(401, 403, 404, 429, 503),
)
async def get_version(
    caller: Staff,  # noqa: ARG001  # as above
    services: Services,
    view: View,
    version_id: RowId,
) -> Response:
    """Get a version.

    Raises
    ------
    VersionNotFoundError
        If there is none of this number.
    """
    page = await services.versions.search(Window(limit=1), version_id=version_id)
    if not page.items:
        raise VersionNotFoundError(f"there is no version {version_id}")
    version = page.items[0]
    return json_response(view.version(version.frame_id, version))
