"""Files of images as tile-compressed ones, for clients that expect nothing else.

What is stored packed is served as it is. What is not, since packing comes later or is switched off,
is packed into the cache when it is asked for.
"""

import asyncio
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from app.core.errors import InvalidError
from app.core.offload import Offload, Task
from app.fits.results import PackResult
from app.fits.safe_names import basename_of
from app.frames.models import Version
from app.frames.versions import stored_file
from app.previews.cache import FileCache
from app.storage.errors import translated
from app.storage.protocol import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

PACKED_EXTENSION: Final = ".fits.fz"
PACK_COPY: Final = Task[[Path, Path, Path], PackResult]("app.fits.pack:pack_copy")

_PACKING: Final = 1
"""Grows when the same file is packed into other bytes, so that cached ones are made anew."""
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file that a client gets.

    Attributes
    ----------
    path
        Where it is; only to be read.
    name
        File name as the client sees it.
    content_type, size_bytes
        Of the bytes.
    etag
        Opaque, the same for the same bytes.
    crc32
        Of the bytes; None where it was not computed yet.
    """

    path: Path
    name: str
    content_type: str
    size_bytes: int
    etag: str
    crc32: int | None


class PackedFiles:
    """Finds or makes the packed files of versions.

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
        self._cache = FileCache(folder)
        self._store = store
        self._offload = offload

    async def packed(self, version: Version) -> ServedFile:
        """Give a version as a tile-compressed file, if it holds images that can be packed.

        Parameters
        ----------
        version
            Of a frame that the caller sees.

        Returns
        -------
        ServedFile
            The packed file; the stored one where it is packed already, and where it better stays
            as it is: tables, images that are too large, what is damaged.

        Raises
        ------
        MissingFileError
            If its bytes are gone, or were never here.
        StorageUnavailableError
            If the disk refuses.
        """
        source = await as_stored(version, self._store)
        if is_packed(version):
            return source
        name = f"{source.etag}-packed{_PACKING}"

        async def pack(draft: Path) -> None:
            result = await self._offload.call(PACK_COPY, source.path, draft, self._folder)
            if not result.packed:
                await asyncio.to_thread(draft.touch)  # remembers that it stays as it is

        try:
            made = await self._cache.get(name, PACKED_EXTENSION, pack)
        except InvalidError as error:
            log.warning("not packed", name=source.name, reason=error.message)
            return source
        if made.size_bytes == 0:
            return source
        return ServedFile(
            path=made.path,
            name=basename_of(source.name)[0] + PACKED_EXTENSION,
            content_type="image/fits",
            size_bytes=made.size_bytes,
            etag=made.name,
            crc32=None,
        )


async def as_stored(version: Version, store: Store) -> ServedFile:
    """Give a version as it is stored.

    Parameters
    ----------
    version
        Of a frame that the caller sees.
    store
        The archived bytes.

    Returns
    -------
    ServedFile
        The stored file.

    Raises
    ------
    MissingFileError
        If its bytes are gone, or were never here.
    """  # the store raises it
    stored = stored_file(version)
    return ServedFile(
        path=await asyncio.to_thread(store.path, stored.key),
        name=stored.name,
        content_type=stored.content_type,
        size_bytes=stored.size_bytes,
        etag=stored.sha256,
        crc32=stored.crc32,
    )


def is_packed(version: Version) -> bool:
    """Tell whether a version is stored tile-compressed.

    Parameters
    ----------
    version
        Of a frame.

    Returns
    -------
    bool
        By its name; False where its bytes are not here.
    """
    return version.stored is not None and version.stored.name.endswith(".fz")


def crc32_of(file: ServedFile) -> int:
    """Compute the CRC-32 of a file; blocks while it is read.

    Parameters
    ----------
    file
        That a client gets.

    Returns
    -------
    int
        As of ISO 3309.

    Raises
    ------
    MissingFileError
        If it is gone.
    """  # translated raises it
    crc32 = 0
    with translated(file.name), file.path.open("rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            crc32 = zlib.crc32(chunk, crc32)
    return crc32
