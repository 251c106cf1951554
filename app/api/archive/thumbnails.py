"""Routes of the LCO archive for thumbnails that its ingester posts (ARC-75)."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.api.archive.query import WindowIn, window_of
from app.api.archive.wire_writing import ThumbnailIn
from app.api.archive.wire_writing_records import (
    ThumbnailListOut,
    ThumbnailOut,
    ThumbnailsIn,
)
from app.api.archive.writing import JsonObject, View, posted_schema
from app.api.archive.writing_errors import refused_fields
from app.api.deps import Reader, Services, Superuser
from app.api.frames.access import LinkIn
from app.api.frames.openapi import file_responses
from app.api.frames.pictures import link_subject, thumbnail_item
from app.api.frames.wire_items import Members
from app.api.json_bodies import json_response
from app.api.paging import page_response
from app.api.problem_docs import problem_responses
from app.api.streaming import file_response
from app.api.tables import Tabular, columns_of, items_table, table_responses, written
from app.api.validation import RowId
from app.context import Factory
from app.core.identity import SYSTEM, Caller
from app.frames.announced import StoredThumbnail, ThumbnailNotFoundError
from app.frames.links import Signature
from app.frames.versions import sound
from app.storage.errors import MissingFileError

TAGS = [{"name": "thumbnails", "description": "Pictures of frames that an ingester posted."}]

COLUMNS = columns_of(ThumbnailOut)
"""What a list of thumbnails can be made of."""

router = APIRouter(tags=["thumbnails"])


@router.head("/thumbnails/", include_in_schema=False)
@router.get(
    "/thumbnails/",
    summary="List thumbnails",
    description="Those of the frames that the caller sees, by number.",
    response_model=ThumbnailListOut,
    responses=table_responses() | problem_responses(400, 401, 429, 503),
)
async def list_thumbnails(
    caller: Reader,
    request: Request,
    services: Services,
    view: View,
    wanted: Annotated[ThumbnailsIn, Query()],
    table: Tabular,
) -> Response:
    """List thumbnails."""
    columns = table.columns(COLUMNS)

    def item(thumbnail: StoredThumbnail) -> Members:
        return thumbnail_item(thumbnail, view.http_root, view.links)

    if table.is_table:
        found = partial(services.thumbnail_records.stream, wanted.query(), table.window, caller)
        return items_table(
            services, table, lambda: written(found(), item), columns=columns, what="thumbnails"
        )
    window = window_of(WindowIn(limit=wanted.limit, offset=wanted.offset))
    page = await services.thumbnail_records.search(wanted.query(), window, caller)
    results = table.chosen(map(item, page.items), COLUMNS)
    return page_response(request, count=page.count, window=window, results=results)


@router.post(
    "/thumbnails/",
    summary="Announce a thumbnail",
    description="Adds a picture of a frame, or replaces the one of its basename. The frame is added"
    " without a version where it is not known. The bytes are copied from the folder of the client's"
    " file store (`SKYSHELF_FILESTORE_DIR`): `<site>/<instrument>/<day>/thumbnails/<file>`.",
    status_code=201,
    response_model=ThumbnailOut,
    responses=problem_responses(400, 401, 403, 413, 415, 429, 503),
    openapi_extra=posted_schema(ThumbnailIn),
)
async def create_thumbnail(
    caller: Superuser, services: Services, view: View, sent: JsonObject
) -> Response:
    """Take a thumbnail that an ingester announces."""
    try:
        posted = ThumbnailIn.model_validate(sent)
    except ValidationError as error:
        return refused_fields(error, sent)
    thumbnail_id = await services.announcing.announce_thumbnail(
        posted.thumbnail(sent), posted.posted(), caller
    )
    thumbnail = await services.thumbnail_records.get(thumbnail_id, caller)
    return json_response(thumbnail_item(thumbnail, view.http_root, view.links), status=201)


@router.head("/thumbnails/{thumbnail_id:row_id}/", include_in_schema=False)
@router.get(
    "/thumbnails/{thumbnail_id:row_id}/",
    summary="Get a thumbnail",
    description="One thumbnail of a frame that the caller sees.",
    response_model=ThumbnailOut,
    responses=problem_responses(401, 404, 429, 503),
)
async def get_thumbnail(
    caller: Reader, services: Services, view: View, thumbnail_id: RowId
) -> Response:
    """Get a thumbnail."""
    thumbnail = await services.thumbnail_records.get(thumbnail_id, caller)
    return json_response(thumbnail_item(thumbnail, view.http_root, view.links))


@router.head("/thumbnails/{thumbnail_id:row_id}/download/", include_in_schema=False)
@router.get(
    "/thumbnails/{thumbnail_id:row_id}/download/",
    summary="Fetch the picture",
    description="By a signed link from `url` without a token, or by the token of somebody who sees"
    " the frame.",
    response_class=Response,
    responses=file_responses("image/jpeg") | problem_responses(401, 403, 404, 429, 503),
)
async def download_thumbnail(
    caller: Reader,
    request: Request,
    services: Services,
    thumbnail_id: RowId,
    link: Annotated[LinkIn, Query()],
) -> Response:
    """Fetch the picture of a thumbnail."""
    entitled = _entitled(thumbnail_id, caller, services, link)
    thumbnail = await services.thumbnail_records.get(thumbnail_id, entitled)
    _check_subject(thumbnail, link)
    thumbnail = await services.announcing.fetch_thumbnail(thumbnail)
    return await _picture(request, services, thumbnail)


async def _picture(request: Request, services: Factory, thumbnail: StoredThumbnail) -> Response:
    """Answer with the bytes of a thumbnail.

    Raises
    ------
    MissingFileError
        If they are not here.
    """
    stored = thumbnail.stored
    if stored is None:
        name = thumbnail.filename
        raise MissingFileError(
            f"{name!r} was announced to this archive, and its bytes are not here", name=name
        )
    path = await asyncio.to_thread(services.store.path, sound(stored).key)
    return file_response(
        request,
        path,
        filename=stored.name,
        content_type=stored.content_type,
        etag=stored.sha256,
        last_modified=thumbnail.created_at,
        size_bytes=stored.size_bytes,
        disposition="inline",
        headers={"Cache-Control": "private, no-cache"},
    )


def _entitled(thumbnail_id: int, caller: Caller, services: Factory, link: LinkIn) -> Caller:
    """Let a valid signature stand in for a token."""
    if caller.is_known or link.signature is None:
        return caller
    given = Signature(link.version or "", link.expires or "", link.signature)
    services.links.check(thumbnail_id, given)
    return SYSTEM


def _check_subject(thumbnail: StoredThumbnail, link: LinkIn) -> None:
    """Refuse a link to another picture: one that was replaced, or the version of a frame.

    Raises
    ------
    ThumbnailNotFoundError
        If the link is one.
    """
    if link.version is not None and link.version != link_subject(thumbnail):
        raise ThumbnailNotFoundError(f"thumbnail {thumbnail.id} is another picture by now")
