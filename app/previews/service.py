"""Rendered pictures, each made once for a version and a wish."""

import asyncio
import uuid
from pathlib import Path
from typing import Final

from app.core.offload import Offload, Task
from app.frames.models import Version
from app.previews.models import PreviewSpec
from app.storage.errors import translated
from app.storage.protocol import Store

RENDER: Final = Task[[Path, PreviewSpec], bytes]("app.previews.render:render")


class PreviewService:
    """Renders pictures in child processes and keeps them on disk.

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

    def name(self, version: Version, spec: PreviewSpec) -> str:
        """Name a picture, the same for the same pixels and the same wish.

        Parameters
        ----------
        version
            Of the frame.
        spec
            The wish.

        Returns
        -------
        str
            Opaque; fit for an entity tag.
        """
        return f"{version.key}-{spec.cache_key()}"

    async def picture(self, version: Version, spec: PreviewSpec) -> Path:
        """Give the file of a picture, rendered now if it is not in the cache.

        Parameters
        ----------
        version
            Of the frame.
        spec
            The wish.

        Returns
        -------
        Path
            The picture; only to be read.

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
        file = self._folder / version.key[:2] / f"{self.name(version, spec)}.{spec.format}"
        if await asyncio.to_thread(file.exists):
            return file
        task = self._under_way.get(file)
        if task is None:
            task = asyncio.create_task(self._render(version, spec, file))
            self._under_way[file] = task
            task.add_done_callback(lambda _: self._under_way.pop(file, None))
        await asyncio.shield(task)
        return file

    async def _render(self, version: Version, spec: PreviewSpec, file: Path) -> None:
        source = await asyncio.to_thread(self._store.path, version.stored.key)
        picture = await self._offload.call(RENDER, source, spec)
        await asyncio.to_thread(_keep, file, picture)


def _keep(file: Path, picture: bytes) -> None:
    """Write a file of the cache, whole or not at all."""
    with translated(file.name):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{uuid.uuid4().hex}")
        try:
            draft.write_bytes(picture)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
