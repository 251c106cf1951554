"""Pictures: rendered before their URL is given, and fetched by it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import Request
from starlette.responses import Response

from app.api.frames.access import newest_version
from app.api.mounts import base_url
from app.api.problem_forms import LenientJSON
from app.api.streaming import file_response
from app.api.thumbnails.rules import GIVEN_FRAME, check
from app.api.thumbnails.wire import PictureIn
from app.context import Factory
from app.core.errors import ArchiveError, InvalidError, UnavailableError
from app.core.identity import SYSTEM, Caller
from app.core.offload import TimedOutError
from app.frames.links import InvalidLinkError
from app.frames.models import Frame, Version
from app.frames.versions import choose_version
from app.previews.cache import Rendered
from app.previews.thumbnail_links import Pictured, ThumbnailLink
from app.previews.thumbnail_models import ThumbnailSpec
from app.storage.errors import MissingFileError

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

FAILURES: Final[Sequence[tuple[type[ArchiveError], int, str]]] = (
    (TimedOutError, 504, "Timeout while accessing resource"),
    (MissingFileError, 502, "Got error response"),
    (UnavailableError, 502, "Got error response"),
    (InvalidError, 400, GIVEN_FRAME),
)
"""What clients are told when rendering fails; the first that fits (THU §5)."""

CACHED_S: Final = 3600
"""How long a client may keep a picture without asking again [s]."""

_OF = re.compile(r"[0-9]{1,18}\.[0-9a-f]{1,64}(,[0-9]{1,18}\.[0-9a-f]{1,64}){0,2}", re.ASCII)
_EXPIRES = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a picture shows.

    Attributes
    ----------
    frames, versions
        One, or those of red, green and blue; each version is of the frame at its place.
    spec
        What the picture looks like.
    """

    frames: tuple[Frame, ...]
    versions: tuple[Version, ...]
    spec: ThumbnailSpec

    @property
    def pictured(self) -> tuple[Pictured, ...]:
        """The versions, as links name them."""
        return tuple(Pictured(version.frame_id, version.key) for version in self.versions)


async def choose(frame: Frame, spec: ThumbnailSpec, caller: Caller, services: Factory) -> Chosen:
    """Choose what a picture shows.

    Parameters
    ----------
    frame
        The frame that the caller asks for.
    spec
        The wish.
    caller
        Who asks.
    services
        Of the process.

    Returns
    -------
    Chosen
        The newest versions.

    Raises
    ------
    NoThumbnailError
        If the service makes no such picture of this frame.
    ChannelMissingError
        If colour lacks a frame.
    VersionNotFoundError
        If a frame of the three has no file.
    """
    check(frame, color=spec.color)
    frames = await services.thumbnails.channels(frame, caller) if spec.color else (frame,)
    versions = [await newest_version(services, each) for each in frames]
    return Chosen(frames, tuple(versions), spec)


async def opened(frame_id: int, link: PictureIn, services: Factory) -> Chosen:
    """Find what a signed link opens.

    Parameters
    ----------
    frame_id
        The frame of the URL.
    link
        What the URL carries.
    services
        Of the process.

    Returns
    -------
    Chosen
        The versions of the link.

    Raises
    ------
    InvalidLinkError
        If the link was altered or has expired.
    FrameNotFoundError
        If a frame is gone.
    VersionNotFoundError
        If a version is gone.
    """
    spec = link.spec(cap_px=services.settings.thumbnail_max_px)
    if not _OF.fullmatch(link.of) or not _EXPIRES.fullmatch(link.expires):
        raise InvalidLinkError("this link is not complete: ask for a new one")
    pairs = (each.partition(".") for each in link.of.split(","))
    pictured = tuple(Pictured(int(frame), key) for frame, _, key in pairs)
    services.thumbnail_links.check(ThumbnailLink(pictured, spec, int(link.expires)), link.signature)
    if pictured[0].frame_id != frame_id:
        raise InvalidLinkError("this link is that of another frame: ask for a new one")
    frames = tuple([await services.frames.get(each.frame_id, SYSTEM) for each in pictured])
    versions = tuple(
        choose_version(frame, each.version_key)
        for frame, each in zip(frames, pictured, strict=True)
    )
    return Chosen(frames, versions, spec)


async def rendered(chosen: Chosen, services: Factory) -> Rendered | Response:
    """Render a picture.

    Parameters
    ----------
    chosen
        What it shows.
    services
        Of the process.

    Returns
    -------
    Rendered or Response
        The picture, or what clients are told where there can be none.
    """
    try:
        return await services.thumbnails.picture(chosen.versions, chosen.spec)
    except (InvalidError, MissingFileError, UnavailableError) as error:
        status, message = next((s, m) for family, s, m in FAILURES if isinstance(error, family))
        log.warning(
            "thumbnail.failed", frame_id=chosen.frames[0].id, status=status, reason=error.message
        )
        reason = {"reason": error.message} if status == HTTPStatus.BAD_REQUEST else {}
        return LenientJSON({"message": message, **reason}, status)


def picture_url(request: Request, chosen: Chosen, services: Factory) -> str:
    """Give the URL of a picture, which works without a token for a while (THU-20).

    Parameters
    ----------
    request
        The request; its mount is that of the URL.
    chosen
        What the picture shows.
    services
        Of the process.

    Returns
    -------
    str
        Absolute and signed.
    """
    query = services.thumbnail_links.sign(chosen.pictured, chosen.spec)
    return f"{base_url(request)}/pictures/{chosen.frames[0].id}.jpg?{query}"


def picture_response(request: Request, chosen: Chosen, picture: Rendered) -> Response:
    """Answer with a picture.

    Parameters
    ----------
    request
        The request.
    chosen
        What it shows.
    picture
        The file of it.

    Returns
    -------
    Response
        The JPEG, to be shown inline.
    """
    return file_response(
        request,
        picture.path,
        filename=f"{chosen.frames[0].basename}.jpg",
        content_type="image/jpeg",
        etag=picture.name,
        last_modified=None,
        size_bytes=picture.size_bytes,
        disposition="inline",
        headers={"Cache-Control": f"private, max-age={CACHED_S}, immutable"},
    )
