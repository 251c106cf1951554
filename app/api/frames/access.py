"""Who may fetch the file of a frame: whoever sees the frame, or has a signed link to a version."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import Reader, Services
from app.api.validation import Given, RowId, Text
from app.context import Factory
from app.core.identity import SYSTEM, Caller
from app.frames.links import Signature
from app.frames.models import Frame, HeaderOfHdu, Version
from app.frames.versions import choose_version


class LinkIn(BaseModel):
    """What a link to a version carries."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: Annotated[Given[Text], Field(examples=["0c1f5c7e9a3d4b62b1f0a7d8e6c5b4a3"])] = None
    """Key of a version, as in `version_set`; default: the newest."""
    expires: Given[Text] = None
    """When a signed link lapses [s since 1970, UTC]."""
    signature: Given[Text] = None
    """Of a signed link; such a link needs no token. Where a token is sent, the token decides."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A version that the caller may fetch, and its frame."""

    frame: Frame
    version: Version


async def opened(
    frame_id: RowId, caller: Reader, services: Services, link: Annotated[LinkIn, Query()]
) -> Opened:
    """Open a version of a frame.

    Parameters
    ----------
    frame_id
        The frame.
    caller
        Who asks.
    services
        Of the process.
    link
        What the URL carries.

    Returns
    -------
    Opened
        The version of the link, else the newest.

    Raises
    ------
    InvalidLinkError
        If a signature was altered or has expired, and no token is sent.
    FrameNotFoundError
        If the caller does not see the frame.
    VersionNotFoundError
        If the frame has no such version.
    """  # the services raise them
    frame = await services.frames.get(frame_id, _entitled(frame_id, caller, services, link))
    version = choose_version(frame, link.version)
    return Opened(frame, await services.announcing.fetch(version))


OpenedVersion = Annotated[Opened, Depends(opened)]
"""Parameter of a route: the version that is to be fetched."""


@dataclass(frozen=True, slots=True)
class OpenedCards:
    """The header of a version, or the one that a client posted of a frame that has no version."""

    hdus: tuple[HeaderOfHdu, ...]
    version: Version | None


async def opened_header(
    frame_id: RowId, caller: Reader, services: Services, link: Annotated[LinkIn, Query()]
) -> OpenedCards:
    """Open the header of a frame.

    Parameters
    ----------
    frame_id, caller, services, link
        As of `opened`.

    Returns
    -------
    OpenedCards
        Of the version of the link, else of the newest; of a frame without versions as it was posted
        (ARC-70).

    Raises
    ------
    InvalidLinkError
        If a signature was altered or has expired, and no token is sent.
    FrameNotFoundError
        If the caller does not see the frame.
    VersionNotFoundError
        If the frame has no such version, or none at all and no header was posted.
    """  # the services raise them
    frame = await services.frames.get(frame_id, _entitled(frame_id, caller, services, link))
    if not frame.versions and link.version is None:
        posted = await services.frames.posted_header(frame.id)
        if posted:
            return OpenedCards(posted, None)
    version = await services.announcing.fetch(choose_version(frame, link.version))
    return OpenedCards(await services.frames.headers(version), version)


OpenedHeader = Annotated[OpenedCards, Depends(opened_header)]
"""Parameter of a route: the header that is to be read."""


async def newest_version(services: Factory, frame: Frame) -> Version:
    """Give the newest version of a frame.

    Parameters
    ----------
    services
        Of the process.
    frame
        One that the caller sees.

    Returns
    -------
    Version
        Looked for once more where a client announced it and its bytes were not here yet.

    Raises
    ------
    VersionNotFoundError
        If the frame has none.
    """  # the chooser raises it
    return await services.announcing.fetch(choose_version(frame))


def _entitled(frame_id: int, caller: Caller, services: Factory, link: LinkIn) -> Caller:
    """Let a valid signature stand in for a token."""
    if caller.is_known or link.signature is None:
        return caller
    services.links.check(
        frame_id, Signature(link.version or "", link.expires or "", link.signature)
    )
    return SYSTEM
