"""FITS files made of archived ones: unpacked, or the source catalogue alone."""

from pathlib import Path
from typing import Final

from app.core.offload import Offload, Task
from app.fits.safe_names import basename_of
from app.frames.models import Frame, Version
from app.previews.cache import FileCache, Rendered
from app.previews.packed import ServedFile, as_stored
from app.previews.service import NoCatalogError
from app.storage.protocol import Store

UNPACK: Final = Task[..., None]("app.fits.unpack:unpack")
WRITE_CATALOG: Final = Task[..., bool]("app.fits.table:write_catalog_fits")

_CONTENT_TYPE: Final = "image/fits"

_UNPACKING: Final = 1
_CATALOG_FORMAT: Final = 1
"""Both grow when the same file gives other bytes, so that cached ones are made anew."""

_WRAPPED: Final = (".fz", ".gz", ".bz2")


class PlainFiles:
    """Makes plain FITS files in child processes and keeps them on disk.

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

    async def plain(self, version: Version) -> ServedFile:
        """Give a version with every image plain, not wrapped.

        Parameters
        ----------
        version
            Of a frame that the caller sees.

        Returns
        -------
        ServedFile
            Called after the frame, with the extension ``.fits``; the stored file where it is plain.

        Raises
        ------
        MissingFileError
            If the bytes are gone, or were never here.
        InvalidError
            If the file cannot be unpacked.
        StorageUnavailableError
            If the disk refuses.
        """
        source = await as_stored(version, self._store)
        if not source.name.endswith(_WRAPPED):
            return source

        async def unpack(draft: Path) -> None:
            await self._offload.call(UNPACK, source.path, draft, scratch=self._folder)

        made = await self._cache.get(f"{source.etag}-plain{_UNPACKING}", ".fits", unpack)
        return _served(made, f"{basename_of(source.name)[0]}.fits")

    async def catalog(self, frame: Frame, version: Version) -> ServedFile:
        """Give the source catalogue of a frame: science header, then the table named CAT.

        Parameters
        ----------
        frame
            One that the caller sees.
        version
            Its newest.

        Returns
        -------
        ServedFile
            FITS of two HDUs, ``<basename>-catalog.fits``.

        Raises
        ------
        NoCatalogError
            If it has none.
        MissingFileError
            If the bytes are gone, or were never here.
        InvalidError
            If the table cannot be read.
        StorageUnavailableError
            If the disk refuses.
        """
        missing = f"frame {frame.id} has no source catalogue (a table named CAT)"
        source = await as_stored(version, self._store)
        if not frame.facts.has_catalog:
            raise NoCatalogError(missing)

        async def write(draft: Path) -> None:
            made = await self._offload.call(WRITE_CATALOG, source.path, draft, scratch=self._folder)
            if not made:
                raise NoCatalogError(missing)

        made = await self._cache.get(f"{source.etag}-catalog{_CATALOG_FORMAT}", ".fits", write)
        return _served(made, f"{frame.basename}-catalog.fits")


def _served(made: Rendered, name: str) -> ServedFile:
    """Give a cached file to a client."""
    return ServedFile(
        path=made.path,
        name=name,
        content_type=_CONTENT_TYPE,
        size_bytes=made.size_bytes,
        etag=made.name,
        crc32=None,
    )
