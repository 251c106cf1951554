"""Thumbnails as the LCO thumbnail service gives them: found, composed, each rendered once."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.core.errors import NotFoundError
from app.core.identity import Caller
from app.core.offload import Offload, Task
from app.core.paging import Window
from app.frames.models import Frame, FrameNotFoundError, FrameQuery, Version
from app.frames.service import FrameService
from app.frames.versions import stored_file
from app.previews.cache import FileCache, Rendered
from app.previews.thumbnail_models import ThumbnailSpec
from app.storage.protocol import Store

RENDER_GREY: Final = Task[..., bytes]("app.previews.thumbnail_render:render_thumbnail")
RENDER_COLOR: Final = Task[..., bytes]("app.previews.colour:render_color")

CHANNEL_FILTERS: Final = (("R", "rp"), ("V",), ("B",))
"""Filters of red, green and blue (THU-30)."""
REDUCED: Final = 91
"""Reduction level of the frames that colour is composed of (THU-30)."""

_MOST_DIGITS = 18
"""Longer ids are out of the range of the catalogue's numbers."""


class ChannelMissingError(NotFoundError):
    """A request has no frame in one of the three filters, or the caller sees none."""

    title = "Channel missing"


class ThumbnailService:
    """Renders in child processes and keeps the results on disk.

    Parameters
    ----------
    folder
        Of the cache; whatever is in it may be removed at any time.
    frames
        The catalogue.
    store
        The archived bytes.
    offload
        Child processes.
    """

    def __init__(self, folder: Path, frames: FrameService, store: Store, offload: Offload) -> None:
        self._folder = folder
        self._frames = frames
        self._store = store
        self._offload = offload
        self._cache = FileCache(folder)

    async def find(self, name: str, caller: Caller) -> Frame:
        """Find the frame that a client names (THU-1, THU-2).

        Parameters
        ----------
        name
            A number is an id; else the basename, or a part of exactly one.
        caller
            Who asks.

        Returns
        -------
        Frame
            The only one.

        Raises
        ------
        FrameNotFoundError
            If the caller sees none, or several that fit in part.
        """
        if name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS:
            return await self._frames.get(int(name), caller)
        parts = [FrameQuery(basename=name), FrameQuery(basename_part=name)]
        for query in [] if name.isdigit() else parts:
            frame = await self._only(query, caller)
            if frame is not None:
                return frame
        raise FrameNotFoundError(f"there is no frame {name[:100]!r}, nor a single one like it")

    async def channels(self, frame: Frame, caller: Caller) -> tuple[Frame, Frame, Frame]:
        """Choose what a picture in colour is composed of (THU-30).

        Parameters
        ----------
        frame
            Of a request.
        caller
            Who asks.

        Returns
        -------
        tuple of Frame
            The newest reduced frames in red, green and blue that the caller sees.

        Raises
        ------
        ChannelMissingError
            If there is none in one of them.
        """
        red, green, blue = [
            await self._newest(frame, filters, caller) for filters in CHANNEL_FILTERS
        ]
        if red is None or green is None or blue is None:
            raise ChannelMissingError("RVB frames not found")
        return red, green, blue

    async def picture(self, versions: Sequence[Version], spec: ThumbnailSpec) -> Rendered:
        """Give a picture, rendered now if it is not in the cache.

        Parameters
        ----------
        versions
            One, or those of red, green and blue.
        spec
            The wish.

        Returns
        -------
        Rendered
            A JPEG, the same for the same versions and the same wish.

        Raises
        ------
        MissingFileError
            If the bytes of a version are not here.
        TimedOutError
            If it took too long.
        InvalidError
            If there is no image, or the pixels cannot be read.
        StorageUnavailableError
            If the disk refuses.
        """
        keys = [stored_file(version).key for version in versions]  # cached ones are refused, too

        async def render(draft: Path) -> None:
            paths = [await asyncio.to_thread(self._store.path, key) for key in keys]
            if spec.color:
                made = await self._offload.call(RENDER_COLOR, paths, spec, scratch=self._folder)
            else:
                made = await self._offload.call(RENDER_GREY, *paths, spec, scratch=self._folder)
            await asyncio.to_thread(draft.write_bytes, made)

        return await self._cache.get(_cache_name(versions, spec), ".jpg", render)

    async def _newest(self, frame: Frame, filters: Sequence[str], caller: Caller) -> Frame | None:
        """Find the newest reduced frame of a request in one of some filters."""
        found: list[Frame] = []
        for filter_name in filters:
            query = FrameQuery(
                request=str(frame.facts.request_id),
                reduction_level=REDUCED,
                filter_name=filter_name,
                window=Window(limit=1),
            )
            found.extend((await self._frames.search(query, caller)).items)
        return max(found, key=_observed, default=None)

    async def _only(self, query: FrameQuery, caller: Caller) -> Frame | None:
        """Give the one frame of a query; None for none or several."""
        page = await self._frames.search(query, caller)
        return page.items[0] if page.count == 1 else None


def _observed(frame: Frame) -> tuple[float, int]:
    """Order frames by time; those without one come first."""
    observed_at = frame.facts.observed_at
    return (observed_at.timestamp() if observed_at else float("-inf")), frame.id


def _cache_name(versions: Sequence[Version], spec: ThumbnailSpec) -> str:
    """Name a picture, the same in every process and on every machine (THU-23)."""
    keys = hashlib.sha256(",".join(version.key for version in versions).encode()).hexdigest()
    return f"{keys[:32]}-{spec.cache_key()}"
