"""Rendered pictures and extracted catalogues, each made once for a version and a wish."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from app.core.errors import NotFoundError
from app.core.offload import Offload, Task
from app.frames.models import Frame, Version
from app.frames.versions import choose_version, stored_file
from app.previews.cache import FileCache, Rendered
from app.previews.models import PreviewSpec
from app.storage.protocol import Store

RENDER: Final = Task[..., bytes]("app.previews.render:render")
WRITE_CATALOG: Final = Task[[Path, Path], bool]("app.fits.table:write_catalog_csv")

_CATALOG_FORMAT: Final = 1
"""Grows when the same table gives another text, so that cached ones are made anew."""


class NoCatalogError(NotFoundError):
    """The frame has no source catalogue."""

    title = "No catalogue"


class PreviewService:
    """Renders in child processes and keeps the results on disk.

    Parameters
    ----------
    folder
        Of the cache; whatever is in it may be removed at any time.
    store
        The archived bytes.
    offload
        Child processes.
    """

    def __init__(self, folder: Path, store: Store, offload: Offload) -> None:
        self._folder = folder
        self._store = store
        self._offload = offload
        self._cache = FileCache(folder)

    async def picture(self, version: Version, spec: PreviewSpec) -> Rendered:
        """Give a picture, rendered now if it is not in the cache.

        Parameters
        ----------
        version
            Of a frame.
        spec
            The wish.

        Returns
        -------
        Rendered
            The same for the same pixels and the same wish.

        Raises
        ------
        NoImageError
            If there is nothing to be shown.
        MissingFileError
            If the frame's bytes are gone.
        InvalidError
            If the pixels cannot be read.
        StorageUnavailableError
            If the disk refuses.
        """

        async def render(source: Path, draft: Path) -> None:
            picture = await self._offload.call(RENDER, source, spec, scratch=self._folder)
            await asyncio.to_thread(draft.write_bytes, picture)

        name = f"{version.cache_name}-{spec.cache_key()}"
        return await self._cached(version, name, f".{spec.format}", render)

    async def catalog(self, frame: Frame) -> Rendered:
        """Give the source catalogue of a frame's newest version as CSV.

        Parameters
        ----------
        frame
            One that the caller sees.

        Returns
        -------
        Rendered
            UTF-8, with a line of column names.

        Raises
        ------
        NoCatalogError
            If it has none.
        MissingFileError
            If the frame's bytes are gone.
        InvalidError
            If the table cannot be read.
        StorageUnavailableError
            If the disk refuses.
        """
        missing = f"frame {frame.id} has no source catalogue (a table named CAT)"
        version = choose_version(frame)
        if not frame.facts.has_catalog:
            raise NoCatalogError(missing)

        async def write(source: Path, draft: Path) -> None:
            if not await self._offload.call(WRITE_CATALOG, source, draft):
                raise NoCatalogError(missing)

        name = f"{version.cache_name}-catalog{_CATALOG_FORMAT}"
        return await self._cached(version, name, ".csv", write)

    async def _cached(
        self,
        version: Version,
        name: str,
        extension: str,
        make: Callable[[Path, Path], Awaitable[None]],
    ) -> Rendered:
        """Give a file that is made of a version's bytes; nothing of damaged ones, made or not."""
        stored = stored_file(version)

        async def make_of_bytes(draft: Path) -> None:
            source = await asyncio.to_thread(self._store.path, stored.key)
            await make(source, draft)

        return await self._cache.get(name, extension, make_of_bytes)
