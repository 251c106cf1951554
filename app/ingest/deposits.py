"""Find bytes that clients put into their own file store, and bring copies of them."""

import mimetypes
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from app.core.errors import InvalidError
from app.core.faults import FaultPoint, reach
from app.core.offload import Offload
from app.db.engine import Sessions, transaction
from app.fits.keywords import KeywordMap
from app.fits.models import Reading
from app.frames.announced import AnnouncedVersion, Deposit
from app.frames.announcements import AnnouncementRegistry
from app.frames.models import HeaderOfHdu, ReceivedFile, StoredFile
from app.frames.registry import FrameRegistry
from app.ingest.checksums import tell_wrong_checksums
from app.ingest.client_files import ClientFiles
from app.ingest.facts import has_catalog, headers_of
from app.ingest.naming import Destination
from app.ingest.placing import holds, make_visible
from app.ingest.spool import PRIVATE, Spool, remove_held
from app.ingest.tasks import READ
from app.storage.digests import Digests
from app.storage.protocol import Staged, Store

log = structlog.get_logger(__name__)


class OtherBytesError(InvalidError):
    """Other bytes than those that were announced lie where these should."""

    title = "Other bytes"


@dataclass(frozen=True, slots=True)
class Brought:
    """Announced bytes that were found, ready to be placed.

    Attributes
    ----------
    file
        A private copy.
    stored
        What it will be in the store.
    staged
        The same bytes, to be made visible in the transaction that says so.
    """

    file: Path
    stored: StoredFile
    staged: Staged


class Deposits:
    """Brings announced bytes from the folder of the client's file store, which is only read.

    Nothing in the archive's own folder is taken for announced bytes: whoever could put a file
    there could write over it, too.

    Parameters
    ----------
    sessions, store, offload, spool
        Of the process.
    client_folder
        Where the client's file store puts files.
    keywords
        How headers are read.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: Store,
        offload: Offload,
        spool: Spool,
        client_folder: Path,
        keywords: KeywordMap,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._offload = offload
        self._spool = spool
        self._client = ClientFiles(client_folder)
        self._keywords = keywords

    async def read(self, brought: Brought, posted: HeaderOfHdu) -> Deposit:
        """Read the header of a file that was found.

        Parameters
        ----------
        brought
            The file.
        posted
            The header that the client sent; its values stand over those of the file.

        Returns
        -------
        Deposit
            For the catalogue.
        """
        stored = brought.stored
        received = ReceivedFile(stored.name, stored.size_bytes, stored.md5, stored.sha256)
        try:
            reading = await self._offload.call(READ, brought.file, self._keywords)
            reach(FaultPoint.READ)
        except InvalidError as error:
            # A tar or a PDF, say: clients may announce any file, and it can be fetched.
            log.info("announced file has no header", key=stored.key, reason=error.message)
            return Deposit(stored, received, (posted,), 0)
        tell_wrong_checksums(reading, stored.name)
        return Deposit(
            stored,
            received,
            hdus=_laid_over(posted, reading),
            science_hdu=reading.science_index or 0,
            has_catalog=has_catalog(reading),
            repairs=reading.repairs,
            checksums=reading.checksums,
        )

    @asynccontextmanager
    async def bring(
        self, basename: str, version: AnnouncedVersion, *, place: int = 0, is_strict: bool = False
    ) -> AsyncIterator[Brought | None]:
        """Bring the bytes of anything that was announced.

        Parameters
        ----------
        basename
            Of the frame or thumbnail.
        version
            As announced.
        place
            Among those that are announced together, from 0.
        is_strict
            Whether other bytes in their place, of which nobody knows, are an error.

        Yields
        ------
        Brought or None
            None where they are nowhere. At the end nothing is left but what was made visible.

        Raises
        ------
        OtherBytesError
            If something else lies there.
        """
        copy = self._spool.new_path(PRIVATE)
        try:
            found = await self._take(version, copy, is_strict=is_strict)
            if found is None:
                yield None
                return
            key = await self._free_key(*found, place + await self._number_of(basename, version))
            staged = await self._store.stage(copy, key, adopt=True)
            try:
                stored = _stored_file(key, basename, version.extension, found[1])
                yield Brought(copy, stored, staged)
            finally:
                staged.discard()
        finally:
            remove_held(copy)

    async def place(self, brought: Brought) -> None:
        """Make bytes visible, as the last step of the transaction that adds their row.

        Parameters
        ----------
        brought
            The bytes.

        Raises
        ------
        OccupiedError
            If other bytes lie there.
        """  # make_visible raises it
        await make_visible(self._store, brought.staged, brought.stored.sha256)

    async def _take(
        self, version: AnnouncedVersion, copy: Path, *, is_strict: bool
    ) -> tuple[str, Digests] | None:
        """Copy the announced bytes; give the client's key for them, and their digests."""
        others: dict[str, Digests] = {}
        for key in version.expected_keys:
            digests = await self._client.digest(key)
            if digests is not None and digests.md5 == version.md5:
                digests = await self._client.copy(key, copy)
                if digests is not None and digests.md5 == version.md5:
                    reach(FaultPoint.COPIED)
                    return key, digests
                remove_held(copy)  # the client wrote over it meanwhile
            if digests is not None:
                others[key] = digests
        if is_strict:
            await self._demand_known(version, others)
        return None

    async def _number_of(self, basename: str, version: AnnouncedVersion) -> int:
        async with transaction(self._sessions) as session:
            return await FrameRegistry(session).number_of(basename, version.md5)

    async def _free_key(self, key: str, digests: Digests, number: int) -> str:
        """Name a place that no version has; what a crash left there of the same bytes is fine."""
        while True:
            target = _numbered(key, number)
            if not await self._is_stored(target) and (
                not await self._store.exists(target)
                or await holds(self._store, target, digests.sha256)
            ):
                return target
            number += 1

    async def _is_stored(self, key: str) -> bool:
        async with transaction(self._sessions) as session:
            return await FrameRegistry(session).is_stored(key)

    async def _demand_known(self, version: AnnouncedVersion, found: Mapping[str, Digests]) -> None:
        """Refuse bytes that are neither the announced ones nor those of a known file.

        Raises
        ------
        OtherBytesError
            If there are some.
        """
        for key, digests in found.items():
            if not await self._is_known(digests):
                raise OtherBytesError(
                    f"md5 {version.md5} was announced, but the file {key!r} has md5 {digests.md5}:"
                    " store the file again, then announce it again",
                    field="version_set",
                )

    async def _is_known(self, digests: Digests) -> bool:
        """Tell whether the catalogue knows these bytes."""
        async with transaction(self._sessions) as session:
            return await AnnouncementRegistry(session).knows_bytes(digests.sha256)


def _numbered(key: str, number: int) -> str:
    """Mark a key as that of a later version, before the extension of its name."""
    if number == 1:
        return key
    folder, _, name = key.rpartition("/")
    stem, dot, extension = name.partition(".")
    return f"{folder}/{stem}.v{number}{dot}{extension}"


def _stored_file(key: str, basename: str, extension: str, digests: Digests) -> StoredFile:
    return StoredFile(
        key=key,
        name=basename + extension,
        extension=extension,
        content_type=_content_type(basename, extension),
        size_bytes=digests.size_bytes,
        md5=digests.md5,
        sha256=digests.sha256,
        crc32=digests.crc32,
    )


def _content_type(basename: str, extension: str) -> str:
    if extension.startswith(".fit"):
        return Destination("", basename, extension).content_type
    guessed, packing = mimetypes.guess_type(f"file{extension}")
    return "application/octet-stream" if guessed is None or packing else guessed


def _laid_over(posted: HeaderOfHdu, reading: Reading) -> tuple[HeaderOfHdu, ...]:
    """Give the headers of a file, with what the client sent instead of the science cards."""
    science = reading.science_index or 0
    return tuple(
        replace(hdu, cards=_commented(posted, hdu)) if hdu.index == science else hdu
        for hdu in headers_of(reading)
    )


def _commented(posted: HeaderOfHdu, hdu: HeaderOfHdu) -> tuple[tuple[str, Any, str], ...]:
    """Give the posted cards the comments that the file has; without any, the file's cards."""
    comments = {keyword: comment for keyword, _, comment in hdu.cards}
    cards = tuple((key, value, comments.get(key, "")) for key, value, _ in posted.cards)
    return cards or hdu.cards
