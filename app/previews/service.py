"""Rendered pictures and extracted catalogues, each made once for a version and a wish."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.errors import NotFoundError
from app.core.offload import Offload, Task
from app.frames.models import Frame, Version
from app.frames.versions import choose_version, stored_file
from app.previews.models import PreviewSpec
from app.storage.errors import translated
from app.storage.protocol import Store

RENDER: Final = Task[..., bytes]("app.previews.render:render")
WRITE_CATALOG: Final = Task[[Path, Path], bool]("app.fits.table:write_catalog_csv")

_CATALOG_FORMAT: Final = 1
"""Grows when the same table gives another text, so that cached ones are made anew."""


class NoCatalogError(NotFoundError):
    """The frame has no source catalogue."""

    title = "No catalogue"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file of the cache.

    Attributes
    ----------
    path
        Where it is; only to be read.
    name
        Opaque, the same for the same bytes; fit for an entity tag.
    size_bytes
        Its length [byte].
    """

    path: Path
    name: str
    size_bytes: int


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
        self._under_way: dict[Path, asyncio.Task[None]] = {}

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

        name = f"{version.key}-{spec.cache_key()}"
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

        return await self._cached(version, f"{version.key}-catalog{_CATALOG_FORMAT}", ".csv", write)

    async def _cached(
        self,
        version: Version,
        name: str,
        extension: str,
        make: Callable[[Path, Path], Awaitable[None]],
    ) -> Rendered:
        """Give a file of the cache; whoever asks while it is being made waits for it."""
        file = self._folder / version.key[:2] / f"{name}{extension}"
        size_bytes = await asyncio.to_thread(_size_bytes, file)
        if size_bytes is None:
            task = self._under_way.get(file)
            if task is None:
                task = asyncio.create_task(self._make(version, file, make))
                self._under_way[file] = task
                task.add_done_callback(lambda done: self._forget(file, done))
            await asyncio.shield(task)
            with translated(file.name):
                size_bytes = (await asyncio.to_thread(file.stat)).st_size
        return Rendered(file, name, size_bytes)

    def _forget(self, file: Path, done: asyncio.Task[None]) -> None:
        """Let go of what is made; its error counts as seen, though everybody may have gone."""
        self._under_way.pop(file, None)
        if not done.cancelled():
            done.exception()

    async def _make(
        self, version: Version, file: Path, make: Callable[[Path, Path], Awaitable[None]]
    ) -> None:
        """Make a file of the cache, whole or not at all."""
        source = await asyncio.to_thread(self._store.path, stored_file(version).key)
        draft = file.with_name(f".{uuid.uuid4().hex}")
        with translated(file.name):
            await asyncio.to_thread(file.parent.mkdir, parents=True, exist_ok=True)
            try:
                await make(source, draft)
                await asyncio.to_thread(draft.replace, file)
            finally:
                await asyncio.to_thread(draft.unlink, missing_ok=True)


def _size_bytes(file: Path) -> int | None:
    """Give the size of a file of the cache [byte], None if it is not there."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None
