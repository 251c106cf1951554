"""Answers that are files, as pyobs-archive sends them."""

from typing import Final

from fastapi import Request
from starlette.responses import Response

from app.api.frames.access import newest_version
from app.api.frames.files import preview_response
from app.api.streaming import file_response
from app.context import Factory
from app.frames.models import Frame, Version
from app.previews.models import Interval, PreviewSpec
from app.previews.packed import as_stored

_PREVIEW: Final = PreviewSpec(
    width_px=200, interval=Interval.PERCENTILE, lower=5, upper=95, trimmed=True
)
"""Contract: PYO-33."""

_CATALOG_TYPE: Final = "text/comma-separated-values"
_CACHING: Final = {"Cache-Control": "private, no-cache"}


async def download_response(request: Request, services: Factory, frame: Frame) -> Response:
    """Answer with the newest version of a frame, packed where it holds images (PYO-34).

    Parameters
    ----------
    request
        The request.
    services
        Of the process.
    frame
        One that the caller sees.

    Returns
    -------
    Response
        The file, or pieces of it.

    Raises
    ------
    MissingFileError
        If the bytes are gone.
    """  # the service raises it
    file = await services.packed.packed(await newest_version(services, frame))
    return file_response(
        request,
        file.path,
        filename=file.name,
        content_type=file.content_type,
        etag=file.etag,
        last_modified=None,
        size_bytes=file.size_bytes,
        headers=_CACHING,
    )


async def present(services: Factory, frame: Frame) -> Version:
    """Demand that the bytes of a frame are here (PYO-37).

    Parameters
    ----------
    services
        Of the process.
    frame
        One that the caller sees.

    Returns
    -------
    Version
        The newest one.

    Raises
    ------
    MissingFileError
        If they are gone.
    """  # as_stored raises it
    version = await newest_version(services, frame)
    await as_stored(version, services.store)
    return version


async def picture_response(request: Request, services: Factory, frame: Frame) -> Response:
    """Answer with the picture of a frame.

    Parameters
    ----------
    request
        The request.
    services
        Of the process.
    frame
        One that the caller sees.

    Returns
    -------
    Response
        PNG, to be shown inline.

    Raises
    ------
    ArchiveError
        If there is none.
    """  # the services raise it
    await present(services, frame)
    return await preview_response(request, services, frame, _PREVIEW)


async def catalog_response(request: Request, services: Factory, frame: Frame) -> Response:
    """Answer with the source catalogue of a frame (PYO-35).

    Parameters
    ----------
    request
        The request.
    services
        Of the process.
    frame
        One that the caller sees.

    Returns
    -------
    Response
        CSV; empty where there is no catalogue.

    Raises
    ------
    ArchiveError
        If the bytes are gone, or cannot be read.
    """  # the services raise it
    frame = await services.announcing.with_bytes(frame)
    await present(services, frame)
    if not frame.facts.has_catalog:
        return Response(headers={"Content-Type": _CATALOG_TYPE})
    catalog = await services.previews.catalog(frame)
    return file_response(
        request,
        catalog.path,
        filename=f"{frame.basename}-catalog.csv",
        content_type=_CATALOG_TYPE,
        etag=catalog.name,
        last_modified=None,
        size_bytes=catalog.size_bytes,
        headers=_CACHING,
    )
