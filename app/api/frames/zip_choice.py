"""In which form the files of a zip are wanted: as stored, unpacked, or catalogues alone.

Contract: ARC-63, ARC-64.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends

from app.api.frames.wire import ZipIn
from app.api.frames.zips import member_of, zip_body
from app.bundles.models import BundleFile, FileChoice
from app.context import Factory
from app.core.errors import InvalidError
from app.fits.models import ObservationType
from app.frames.models import Frame
from app.frames.versions import DamagedFileError
from app.previews.packed import ServedFile, as_stored
from app.previews.service import NoCatalogError
from app.storage.errors import MissingFileError

MAX_UNPACKED: Final = 10
"""Most frames that are unpacked for one zip. Contract: ARC-63."""

_REDUCED: Final = 91
_AT_ONCE: Final = 16


class TooManyToUnpackError(InvalidError):
    """More frames than are unpacked for one zip."""

    title = "Too many frames"


async def wanted_zip(wanted: Annotated[ZipIn, Depends(zip_body)]) -> ZipIn:
    """Refuse to unpack too many frames.

    Parameters
    ----------
    wanted
        The body.

    Returns
    -------
    ZipIn
        The same.

    Raises
    ------
    TooManyToUnpackError
        If more are to be unpacked than may be.
    """
    if wanted.uncompress and len(wanted.frame_ids) > MAX_UNPACKED:
        raise TooManyToUnpackError(
            f"A maximum of {MAX_UNPACKED} frames can be downloaded with the uncompress flag. Please"
            " try again with fewer frame_ids."
        )
    return wanted


Wanted = Annotated[ZipIn, Depends(wanted_zip)]
"""Parameter of a route: which frames are wanted, and in which form."""


def choice_of(services: Factory, wanted: ZipIn) -> FileChoice | None:
    """Say how the files of frames are chosen.

    Parameters
    ----------
    services
        Of the process.
    wanted
        The body.

    Returns
    -------
    FileChoice or None
        None for the newest versions as they are stored.
    """
    if not wanted.uncompress and not wanted.catalog_only:
        return None
    return _Choice(services, unpacks=bool(wanted.uncompress), catalogs=bool(wanted.catalog_only))


class _Choice:
    """Chooses unpacked files and catalogues, of frames whose bytes are here and sound."""

    def __init__(self, services: Factory, *, unpacks: bool, catalogs: bool) -> None:
        self._services = services
        self._unpacks = unpacks
        self._catalogs = catalogs
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def __call__(self, frames: Sequence[Frame]) -> list[BundleFile]:
        """Choose the files of frames."""
        found = await asyncio.gather(*map(self._file, frames))
        return [file for file in found if file is not None]

    async def _file(self, frame: Frame) -> BundleFile | None:
        async with self._gate:
            try:
                file = await self._served(frame)
            except (NoCatalogError, MissingFileError, DamagedFileError):
                return None
            version = frame.current
            if file is None or version is None:
                return None
            return await member_of(version, file)

    async def _served(self, frame: Frame) -> ServedFile | None:
        version = frame.current
        if version is None:
            return None
        if self._catalogs and _is_reduced(frame):
            return await self._services.plain.catalog(frame, version)
        if self._unpacks and version.name.endswith(".fz"):
            return await self._services.plain.plain(version)
        return await as_stored(version, self._services.store)


def _is_reduced(frame: Frame) -> bool:
    facts = frame.facts
    kind = facts.observation_type
    return facts.reduction_level == _REDUCED and kind == ObservationType.EXPOSE
