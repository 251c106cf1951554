"""What a zip shall hold, and for whom."""

import asyncio
from typing import Annotated

from fastapi import Depends, Query, Request

from app.api.bodies import body_of
from app.api.deps import Reader, Services
from app.api.frames.wire import ZipIn
from app.api.validation import BIGINT_MAX, Given
from app.bundles.models import BundleFile
from app.core.identity import Caller
from app.core.paging import Window
from app.frames.models import Version
from app.previews.packed import ServedFile, crc32_of

_MAX_FIELDS = 200_000
"""Most fields of a form: more than any zip may have frames, few enough to be read at once."""

_read = body_of(ZipIn)


async def zip_body(request: Request) -> ZipIn:
    """Read which frames are wanted.

    Parameters
    ----------
    request
        With JSON or a form.

    Returns
    -------
    ZipIn
        Checked.
    """
    if "json" not in request.headers.get("content-type", ""):
        # The request keeps the form that is read here; by default it would end at 1,000 fields.
        await request.form(max_files=0, max_fields=_MAX_FIELDS)
    return await _read(request)


Wanted = Annotated[ZipIn, Depends(zip_body)]
"""Parameter of a route: which frames are wanted."""


async def zip_caller(caller: Reader, services: Services, wanted: Wanted) -> Caller:
    """Let the token of the body decide before that of the header (ARC-60, PYO-41).

    Parameters
    ----------
    caller
        By the header.
    services
        Of the process.
    wanted
        The body.

    Returns
    -------
    Caller
        Who asks.

    Raises
    ------
    InvalidTokenError
        If the token of the body is none.
    """  # the service raises it
    if wanted.auth_token is None:
        return caller
    return await services.accounts.caller_for_token(wanted.auth_token)


ZipCaller = Annotated[Caller, Depends(zip_caller)]
"""Parameter of a route: who asks for a zip."""


async def member_of(version: Version, file: ServedFile) -> BundleFile:
    """Make a file of a frame one of a zip.

    Parameters
    ----------
    version
        Of the frame.
    file
        What the zip shall hold of it.

    Returns
    -------
    BundleFile
        With its CRC-32, for which the file is read where that is not known.

    Raises
    ------
    MissingFileError
        If it is gone.
    """  # crc32_of raises it
    known = file.crc32
    return BundleFile(
        name=file.name,
        path=file.path,
        size_bytes=file.size_bytes,
        crc32=await asyncio.to_thread(crc32_of, file) if known is None else known,
        etag=file.etag,
        modified_at=version.created_at,
    )


async def zip_window(
    limit: Annotated[
        Given[int], Query(description="Most frames. Absent, 0 or negative: all that match.")
    ] = None,
    offset: Annotated[
        Given[Annotated[int, Query(le=BIGINT_MAX)]],
        Query(description="Frames to pass over; 0 when absent or negative."),
    ] = None,
) -> Window:
    """Read which part of a selection is wanted.

    Parameters
    ----------
    limit
        As sent; None when absent.
    offset
        As sent; None when absent.

    Returns
    -------
    Window
        Without a limit where none is given: a zip is never silently a part of what was asked for.
    """
    wanted = limit if limit is not None and limit > 0 else BIGINT_MAX
    return Window(limit=min(wanted, BIGINT_MAX), offset=max(offset or 0, 0))


ZipWindow = Annotated[Window, Depends(zip_window)]
"""Parameter of a route: which part of a selection is wanted."""
