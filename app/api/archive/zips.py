"""Zips as the LCO archive makes them (ARC-60, ARC-61)."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends

from app.accounts.models import InvalidTokenError
from app.api.deps import Reader, Services
from app.api.frames.zip_choice import Wanted
from app.api.frames.zips import zip_caller as token_of_body
from app.core.errors import NotFoundError
from app.core.identity import Caller


class UnknownTokenError(NotFoundError):
    """The token of a body is none; the LCO archive looks it up like a frame."""

    title = "Not found"


async def zip_caller(caller: Reader, services: Services, wanted: Wanted) -> Caller:
    """Let the token of the body decide before that of the header (ARC-60).

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
    UnknownTokenError
        If the token of the body is none.
    """
    try:
        return await token_of_body(caller, services, wanted)
    except InvalidTokenError as error:
        raise UnknownTokenError("there is no such token: log in again") from error


ZipCaller = Annotated[Caller, Depends(zip_caller)]
"""Parameter of a route: who asks for a zip."""


def zip_stem(now: datetime) -> str:
    """Name a zip, up to the number of its files.

    Parameters
    ----------
    now
        When it is asked for, UTC.

    Returns
    -------
    str
        Also the beginning of the folder in the zip.
    """
    return f"ocs_archive_data-{now:%Y%m%d}"
