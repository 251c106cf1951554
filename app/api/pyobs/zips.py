"""Zips as pyobs-archive makes them: who may have one, and what is in it (PYO-40 to PYO-43)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from app.api.bodies import body_of
from app.api.deps import MissingCredentialsError, Reader, Services
from app.api.frames.wire import ZipIn
from app.api.frames.zips import member_of, zip_body
from app.api.validation import Given, Text
from app.bundles.models import BundleFile
from app.core.identity import Caller
from app.frames.models import Frame, Version
from app.frames.versions import DamagedFileError
from app.previews.packed import PackedFiles, as_stored, is_packed
from app.storage.errors import MissingFileError
from app.storage.protocol import Store

_MAX_TO_PACK: Final = 100
"""More unpacked files than this go into a zip as they are stored: nobody waits so long."""


class _TokenIn(BaseModel):
    """The token of a body, whatever else is in it."""

    auth_token: Given[Text] = None


_read_token = body_of(_TokenIn)


async def zip_user(request: Request, caller: Reader, services: Services) -> Caller:
    """Demand a token, in the body or in the header; that of the body decides (PYO-41).

    Parameters
    ----------
    request
        With JSON or a form.
    caller
        By the header.
    services
        Of the process.

    Returns
    -------
    Caller
        A known one.

    Raises
    ------
    MissingCredentialsError
        If there is no token.
    InvalidTokenError
        If the token of the body is none.
    """  # the service raises the latter
    token = await _token_of_body(request)
    if token is not None:
        return await services.accounts.caller_for_token(token)
    if not caller.is_known:
        raise MissingCredentialsError("Authentication credentials were not provided.")
    return caller


async def _token_of_body(request: Request) -> str | None:
    """Read the token before the rest, so that strangers hear of no other fault."""
    with suppress(RequestValidationError):  # the route says it, to those who may ask
        await zip_body(request)
    try:
        return (await _read_token(request)).auth_token
    except RequestValidationError:
        return None


ZipUser = Annotated[Caller, Depends(zip_user)]
"""Parameter of a route: who asks for a zip of named frames."""


async def zip_wish(_: ZipUser, request: Request) -> ZipIn:
    """Read which frames are wanted, once it is known who asks.

    Parameters
    ----------
    request
        With JSON or a form.

    Returns
    -------
    ZipIn
        Checked.
    """
    return await zip_body(request)


Wanted = Annotated[ZipIn, Depends(zip_wish)]
"""Parameter of a route: which frames are wanted."""


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
    return f"pyobsdata-{now:%Y%m%d}"


class PackedChoice:
    """Chooses packed files for a zip; frames without sound bytes are left out (PYO-42).

    Parameters
    ----------
    packed
        Finds or makes them.
    store
        The archived bytes.
    """

    def __init__(self, packed: PackedFiles, store: Store) -> None:
        self._packed = packed
        self._store = store

    async def __call__(self, frames: Sequence[Frame]) -> list[BundleFile]:
        """Choose the files of frames.

        Parameters
        ----------
        frames
            Of the zip.

        Returns
        -------
        list of BundleFile
            Of those frames whose bytes are here.
        """
        versions = [frame.current for frame in frames if frame.current is not None]
        packs = sum(not is_packed(version) for version in versions) <= _MAX_TO_PACK
        pending = (self._file(version, packs=packs) for version in versions)
        return [file for file in await asyncio.gather(*pending) if file is not None]

    async def _file(self, version: Version, *, packs: bool) -> BundleFile | None:
        try:
            file = await (
                self._packed.packed(version) if packs else as_stored(version, self._store)
            )
        except (MissingFileError, DamagedFileError):
            return None
        return await member_of(version, file)
