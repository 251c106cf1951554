"""Answers that are files: a stored version, a picture, a catalogue, a zip."""

import asyncio
from datetime import datetime

from fastapi import Request
from starlette.responses import Response

from app.api.download_headers import repr_digest
from app.api.frames.access import Opened, newest_version
from app.api.streaming import bundle_response, file_response
from app.bundles.models import Bundle
from app.context import Factory
from app.frames.models import Frame, Version
from app.frames.versions import choose_version, stored_file
from app.previews.models import PreviewSpec
from app.previews.packed import ServedFile


async def version_response(request: Request, services: Factory, wanted: Opened) -> Response:
    """Answer with a version of a frame, as it is stored.

    Parameters
    ----------
    request
        The request.
    services
        Of the process.
    wanted
        What the caller may fetch.

    Returns
    -------
    Response
        The file, or pieces of it.

    Raises
    ------
    MissingFileError
        If the bytes are gone.
    """  # the store raises it
    stored = stored_file(wanted.version)
    path = await asyncio.to_thread(services.store.path, stored.key)
    return file_response(
        request,
        path,
        filename=stored.name,
        content_type=stored.content_type,
        etag=stored.sha256,
        last_modified=_modified_at(wanted.version),
        size_bytes=stored.size_bytes,
        headers=repr_digest(stored.sha256) | _caching(wanted.frame, services),
    )


async def preview_response(
    request: Request, services: Factory, frame: Frame, spec: PreviewSpec
) -> Response:
    """Answer with a picture of a frame's newest version.

    Parameters
    ----------
    request
        The request.
    services
        Of the process.
    frame
        One that the caller sees.
    spec
        What it shall look like.

    Returns
    -------
    Response
        The picture, to be shown inline.

    Raises
    ------
    ArchiveError
        If there is none; see `PreviewService.picture`.
    """  # the services raise it
    version = await newest_version(services, frame)
    picture = await services.previews.picture(version, spec)
    return file_response(
        request,
        picture.path,
        filename=f"{frame.basename}.{spec.format}",
        content_type=spec.content_type,
        etag=picture.name,
        last_modified=version.created_at,
        size_bytes=picture.size_bytes,
        disposition="inline",
        headers=_caching(frame, services),
    )


async def catalog_response(request: Request, services: Factory, frame: Frame) -> Response:
    """Answer with the source catalogue of a frame's newest version.

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
        CSV.

    Raises
    ------
    ArchiveError
        If there is none; see `PreviewService.catalog`.
    """  # the service raises it
    frame = await services.announcing.with_bytes(frame)
    catalog = await services.previews.catalog(frame)
    return file_response(
        request,
        catalog.path,
        filename=f"{frame.basename}-catalog.csv",
        content_type="text/csv; charset=utf-8; header=present",
        etag=catalog.name,
        last_modified=choose_version(frame).created_at,
        size_bytes=catalog.size_bytes,
        headers=_caching(frame, services),
    )


def served_response(
    request: Request, services: Factory, frame: Frame, file: ServedFile, *, content_type: str
) -> Response:
    """Answer with a file that was made of a frame's newest version, or with the version itself.

    Parameters
    ----------
    request
        The request.
    services
        Of the process.
    frame
        One that the caller sees.
    file
        Of the frame.
    content_type
        Media type.

    Returns
    -------
    Response
        The file, or pieces of it.
    """
    return file_response(
        request,
        file.path,
        filename=file.name,
        content_type=content_type,
        etag=file.etag,
        last_modified=None,
        size_bytes=file.size_bytes,
        headers=_caching(frame, services),
    )


def zip_response(request: Request, bundle: Bundle) -> Response:
    """Answer with a zip.

    Parameters
    ----------
    request
        The request.
    bundle
        Planned to the byte.

    Returns
    -------
    Response
        The zip, made while it is sent.
    """
    return bundle_response(
        request,
        bundle.layout,
        lambda member: bundle.files[member].open("rb"),
        filename=bundle.name,
        etag=bundle.etag,
        headers={"Cache-Control": "private, no-cache"},
    )


def zip_name(now: datetime) -> str:
    """Name a zip.

    Parameters
    ----------
    now
        When it is asked for, UTC.

    Returns
    -------
    str
        Without extension; also the folder in the zip.
    """
    return f"skyshelf-{now:%Y%m%d}"


def _modified_at(version: Version) -> datetime | None:
    """Say since when the stored bytes are what they are; nobody knows when a file was packed."""
    if version.stored is None or version.received is None:
        return None
    return version.created_at if version.stored.sha256 == version.received.sha256 else None


def _caching(frame: Frame, services: Factory) -> dict[str, str]:
    """Let shared caches keep public frames only; all ask whether there is a newer version."""
    public_at = frame.facts.public_at
    is_public = public_at is not None and public_at <= services.clock()
    return {"Cache-Control": f"{'public' if is_public else 'private'}, no-cache"}
