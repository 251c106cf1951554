"""Find bytes that clients put into the store themselves; tell whether they are the right ones."""

import asyncio
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from app.core.errors import InvalidError
from app.core.offload import Offload
from app.db.engine import Sessions, transaction
from app.fits.keywords import KeywordMap
from app.fits.models import Reading
from app.frames.announced import AnnouncedVersion, Deposit
from app.frames.announcements import AnnouncementRegistry
from app.frames.models import HeaderOfHdu, ReceivedFile, StoredFile
from app.frames.registry import FrameRegistry
from app.ingest.client_files import ClientFiles, DigestMemory
from app.ingest.facts import has_catalog, headers_of
from app.ingest.naming import Destination
from app.ingest.tasks import READ
from app.storage.digests import Digests
from app.storage.errors import MissingFileError
from app.storage.protocol import Store

log = structlog.get_logger(__name__)


class OtherBytesError(InvalidError):
    """Other bytes than those that were announced lie where these should."""

    title = "Other bytes"


@dataclass(frozen=True, slots=True)
class Found:
    """Announced bytes that are in the store.

    Attributes
    ----------
    stored
        The file.
    is_copy
        Whether it was copied there just now, so that it has to go where nobody needs it.
    """

    stored: StoredFile
    is_copy: bool = False


class Deposits:
    """Looks for announced bytes: in the store itself, and in the folder of the client's file store.

    Parameters
    ----------
    sessions, store, offload
        Of the process.
    client_folder
        Where the client's file store puts files, if not into the archive's own folder.
    keywords
        How headers are read.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: Store,
        offload: Offload,
        client_folder: Path,
        keywords: KeywordMap,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._offload = offload
        self._client = ClientFiles(client_folder, store)
        self._keywords = keywords
        self._memory = DigestMemory()

    async def read(self, found: Found, posted: HeaderOfHdu) -> Deposit:
        """Read the header of a file that was found.

        Parameters
        ----------
        found
            The file.
        posted
            The header that the client sent; its values stand over those of the file.

        Returns
        -------
        Deposit
            For the catalogue.
        """
        stored = found.stored
        received = ReceivedFile(stored.name, stored.size_bytes, stored.md5, stored.sha256)
        try:
            path = await asyncio.to_thread(self._store.path, stored.key)
            reading = await self._offload.call(READ, path, self._keywords)
        except InvalidError as error:
            # A tar or a PDF, say: clients may announce any file, and it can be fetched.
            log.info("announced file has no header", key=stored.key, reason=error.message)
            return Deposit(stored, received, (posted,), 0)
        return Deposit(
            stored,
            received,
            hdus=_laid_over(posted, reading),
            science_hdu=reading.science_index or 0,
            has_catalog=has_catalog(reading),
            repairs=reading.repairs,
        )

    async def find_file(
        self, basename: str, version: AnnouncedVersion, *, is_strict: bool = False
    ) -> Found | None:
        """Find the bytes of anything that was announced.

        Parameters
        ----------
        basename
            Of the frame or thumbnail.
        version
            As announced.
        is_strict
            Whether other bytes in their place, of which nobody knows, are an error.

        Returns
        -------
        Found or None
            None where they are nowhere.

        Raises
        ------
        OtherBytesError
            If something else lies there.
        """
        here = {key: await self._digest(key) for key in version.expected_keys}
        there = {key: await self._client.digest(key) for key in version.expected_keys}
        for key, digests in here.items():
            if digests is not None and digests.md5 == version.md5:
                return Found(_stored_file(key, basename, version.extension, digests))
        for key, digests in there.items():
            if digests is not None and digests.md5 == version.md5:
                return await self._take(key, basename, version, digests)
        if is_strict:
            await self._demand_known(version, here | {k: d for k, d in there.items() if d})
        return None

    async def give_back(self, found: Found | None) -> None:
        """Remove a copy that was made for nothing.

        Parameters
        ----------
        found
            What `find_file` gave.
        """
        if found is not None and found.is_copy:
            await self._store.remove(found.stored.key)

    async def _take(
        self, key: str, basename: str, version: AnnouncedVersion, digests: Digests
    ) -> Found | None:
        copied = await self._client.take(key, digests)
        if copied is None:
            return None
        return Found(_stored_file(copied, basename, version.extension, digests), is_copy=True)

    async def _digest(self, key: str) -> Digests | None:
        """Read what lies at a key of the store; None for no file."""
        try:
            path = await asyncio.to_thread(self._store.path, key)
        except MissingFileError:
            return None
        return await self._memory.of(path)

    async def _demand_known(
        self, version: AnnouncedVersion, found: Mapping[str, Digests | None]
    ) -> None:
        """Refuse bytes that are neither the announced ones nor those of a known file.

        Raises
        ------
        OtherBytesError
            If there are some.
        """
        for key, digests in found.items():
            if digests is not None and not await self._is_known(key, digests):
                raise OtherBytesError(
                    f"md5 {version.md5} was announced, but the file {key!r} has md5 {digests.md5}:"
                    " store the file again, then announce it again",
                    field="version_set",
                )

    async def _is_known(self, key: str, digests: Digests) -> bool:
        """Tell whether the catalogue knows these bytes."""
        async with transaction(self._sessions) as session:
            stored = await AnnouncementRegistry(session).find_file(key)
            if stored is not None and stored.sha256 == digests.sha256:
                return True
            return await FrameRegistry(session).find_received(digests.sha256) is not None


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
