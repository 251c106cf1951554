"""Files that are made once and kept on disk; whatever is in the cache may be removed any time."""

import asyncio
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.previews.trimming import make_room
from app.storage.errors import StorageFullError, translated

_ROOM_BYTES = 256 * 1024**2
"""How much of the cache is given up at once where its disk is full [byte]."""

_NOTED_EVERY_S = 3600.0
"""How exactly is kept when a file was used last [s]."""


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


class FileCache:
    """Files in a folder, each made by whoever asks first.

    Parameters
    ----------
    folder
        Of the cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._under_way: dict[Path, asyncio.Task[None]] = {}

    async def get(
        self, name: str, extension: str, make: Callable[[Path], Awaitable[None]]
    ) -> Rendered:
        """Give a file; whoever asks while it is being made waits for it.

        Parameters
        ----------
        name
            Names the content: the same name is never made again.
        extension
            Of the file, with its dot.
        make
            Writes the file where it is told.

        Returns
        -------
        Rendered
            The file.

        Raises
        ------
        ArchiveError
            Whatever `make` raises.
        StorageUnavailableError
            If the disk refuses.
        """
        file = self._folder / name[:2] / f"{name}{extension}"
        size_bytes = await asyncio.to_thread(_use, file)
        if size_bytes is None:
            task = self._under_way.get(file)
            if task is None:
                task = asyncio.create_task(self._made(file, make))
                self._under_way[file] = task
                task.add_done_callback(lambda done: self._forget(file, done))
            await asyncio.shield(task)
            with translated(file.name):
                size_bytes = (await asyncio.to_thread(file.stat)).st_size
        return Rendered(file, name, size_bytes)

    async def _made(self, file: Path, make: Callable[[Path], Awaitable[None]]) -> None:
        """Make a file; where the disk is full, other files go, and it is made once more.

        Raises
        ------
        StorageFullError
            If there are no others.
        """
        try:
            await _made(file, make)
        except StorageFullError:
            trimmed = await asyncio.to_thread(make_room, self._folder, _ROOM_BYTES)
            if not trimmed.removed:
                raise
            await _made(file, make)

    def _forget(self, file: Path, done: asyncio.Task[None]) -> None:
        """Let go of what is made; its error counts as seen, though everybody may have gone."""
        self._under_way.pop(file, None)
        if not done.cancelled():
            done.exception()


async def _made(file: Path, make: Callable[[Path], Awaitable[None]]) -> None:
    """Make a file, whole or not at all."""
    draft = file.with_name(f".{uuid.uuid4().hex}")
    with translated(file.name):
        await asyncio.to_thread(file.parent.mkdir, parents=True, exist_ok=True)
        try:
            await make(draft)
            await asyncio.to_thread(draft.replace, file)
        finally:
            await asyncio.to_thread(draft.unlink, missing_ok=True)


def _use(file: Path) -> int | None:
    """Give the size of a file of the cache [byte], None if it is not there; note its use."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    now_s = time.time()
    if now_s - max(found.st_atime, found.st_mtime) > _NOTED_EVERY_S:
        with suppress(OSError):  # read-only, or gone just now: it is served all the same
            os.utime(file, ns=(int(now_s * 1e9), found.st_mtime_ns))
    return found.st_size
