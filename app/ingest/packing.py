"""Lossless packing, after or within the ingest."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from app.core.clock import Clock
from app.core.errors import ConflictError, InvalidError
from app.core.faults import FaultPoint, reach
from app.core.offload import Offload
from app.db.engine import Sessions, transaction
from app.fits.keywords import KeywordMap
from app.fits.models import Reading
from app.frames.models import ReceivedFile, StoredFile
from app.frames.registration import Replacement
from app.frames.registry import FrameRegistry
from app.frames.trash_files import is_awaited
from app.frames.versions import DamagedFileError, sound
from app.ingest.facts import headers_of
from app.ingest.naming import PACKED_EXTENSION
from app.ingest.placing import make_visible, remove_later
from app.ingest.spool import PRIVATE, Spool, remove_copy
from app.ingest.tasks import PACK, READ
from app.jobs.service import JobQueue
from app.storage.digests import Digests, digest_file
from app.storage.errors import translated
from app.storage.protocol import Staged, Store

log = structlog.get_logger(__name__)


def is_packed(name: str) -> bool:
    """Tell by its name whether a stored file is tile-compressed.

    Parameters
    ----------
    name
        File name in the archive.

    Returns
    -------
    bool
        True for ``.fz`` files.
    """
    return name.endswith(".fz")


class Packer:
    """Packs files in child processes.

    Parameters
    ----------
    offload
        Of the process.
    keywords
        How headers are read.
    """

    def __init__(self, offload: Offload, keywords: KeywordMap) -> None:
        self._offload = offload
        self._keywords = keywords

    async def pack(self, source: Path, target: Path) -> Reading | None:
        """Pack a file losslessly, where that is proven and saves space.

        Parameters
        ----------
        source
            The file.
        target
            Where the packed file shall be.

        Returns
        -------
        Reading or None
            What the packed file says, whose HDUs are counted anew; None where the original shall
            stay, for a reason that is logged.
        """
        # A child that is killed leaves its drafts behind: in a folder that is removed here.
        try:
            with (
                translated(target.name),
                TemporaryDirectory(
                    dir=target.parent, prefix=".packing-", ignore_cleanup_errors=True
                ) as folder,
            ):
                draft = Path(folder) / "packed"
                result = await self._offload.call(PACK, source, draft)
                if not result.packed:
                    log.info("not packed", file=source.name, reason=result.reason)
                    return None
                draft.replace(target)
            reach(FaultPoint.PACKED)
            return await self._offload.call(READ, target, self._keywords)
        except InvalidError as error:
            log.warning("not packed", file=source.name, reason=error.message)
            return None


class PackService:
    """Packs filed frames, one version at a time.

    Parameters
    ----------
    sessions, store, offload, queue, clock, spool
        Of the process.
    keywords
        How headers are read.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: Store,
        offload: Offload,
        queue: JobQueue,
        clock: Clock,
        spool: Spool,
        keywords: KeywordMap,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._packer = Packer(offload, keywords)
        self._queue = queue
        self._clock = clock
        self._spool = spool

    async def pack(self, version_id: int) -> None:
        """Pack a version, and let the packed file take the original's place.

        Parameters
        ----------
        version_id
            The version; nothing happens where it is packed already or better stays as it is.

        Raises
        ------
        ArchiveError
            If the file cannot be read; the original stays.
        """
        async with transaction(self._sessions) as session:
            version = await FrameRegistry(session).version(version_id)
        original = version.stored
        if original is None or is_packed(original.name):
            return
        target = self._spool.new_path(PRIVATE)
        try:
            packed = await self._packer.pack(await self._sound_path(original), target)
            if packed is not None:
                await self._swap(version_id, original, target, packed)
        finally:
            await asyncio.to_thread(remove_copy, target)

    async def _sound_path(self, original: StoredFile) -> Path:
        """Give a stored file that is what was received: rotten bytes must not be packed as sound.

        Raises
        ------
        DamagedFileError
            If it is not; it is packed when it is mended.
        """
        path = self._store.path(sound(original).key)
        if (await asyncio.to_thread(digest_file, path)).sha256 != original.sha256:
            raise DamagedFileError(original.name, "altered")
        return path

    async def remove(self, key: str) -> None:
        """Remove an original that a packed file replaced.

        Parameters
        ----------
        key
            Where it is; nothing happens where a version is stored there by now, or was until it
            was deleted: then its file is on its way to the trash.
        """
        async with transaction(self._sessions) as session:
            registry = FrameRegistry(session)
            await registry.lock_key(key)
            if await registry.is_stored(key):
                return
            if await is_awaited(session, self._store, key, self._clock()):
                return
            await self._store.remove(key)
            reach(FaultPoint.ORIGINAL_REMOVED)

    async def _swap(
        self, version_id: int, original: StoredFile, target: Path, packed: Reading
    ) -> None:
        """Place the packed file; rows and bytes change together."""
        stored = _packed_file(original, await asyncio.to_thread(digest_file, target))
        staged = await self._store.stage(target, stored.key, adopt=True)
        new = Replacement(stored, headers_of(packed), packed.science_index)
        try:
            await self._register(version_id, original, new, staged)
        finally:
            staged.discard()

    async def _register(
        self, version_id: int, original: StoredFile, new: Replacement, staged: Staged
    ) -> None:
        now, basename = self._clock(), original.name.removesuffix(original.extension)
        async with transaction(self._sessions) as session:
            registry = FrameRegistry(session)
            # Whoever else changes the frame waits for its name, too.
            known = await registry.reserve(basename, as_received(new.stored))
            if (await registry.version(version_id, lock=True)).stored != original:
                raise ConflictError(f"version {version_id} was changed while it was being packed")
            if known is not None:
                log.info("not packed", reason="its packed form came in as a file of its own")
                return
            await registry.replace_file(version_id, new, now)
            await remove_later(session, self._queue, original.key, now)
            await make_visible(self._store, staged, new.stored.sha256)
        reach(FaultPoint.COMMITTED)


def as_received(stored: StoredFile) -> ReceivedFile:
    """Describe a stored file as it would be if it came in.

    Parameters
    ----------
    stored
        The file.

    Returns
    -------
    ReceivedFile
        The same bytes.
    """
    return ReceivedFile(stored.name, stored.size_bytes, stored.md5, stored.sha256)


def _packed_file(stored: StoredFile, digests: Digests) -> StoredFile:
    """Describe the packed form of a stored file."""
    return StoredFile(
        key=stored.key.removesuffix(stored.extension) + PACKED_EXTENSION,
        name=stored.name.removesuffix(stored.extension) + PACKED_EXTENSION,
        extension=PACKED_EXTENSION,
        content_type="image/fits",
        size_bytes=digests.size_bytes,
        md5=digests.md5,
        sha256=digests.sha256,
        crc32=digests.crc32,
    )
