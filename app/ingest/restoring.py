"""The bytes of a stored file that is missing or damaged come in once more, and take its place."""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from app.audit.log import AuditLog
from app.core.clock import Clock
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions, Transaction, transaction
from app.fits.keywords import KeywordMap
from app.fits.models import Reading
from app.fits.safe_names import basename_of
from app.frames.models import StoredFile, Version
from app.frames.registration import Replacement
from app.frames.registry import FrameRegistry
from app.ingest.facts import headers_of
from app.ingest.models import PACK_JOB
from app.ingest.naming import Destination
from app.ingest.placing import holds, make_visible
from app.ingest.tasks import READ
from app.jobs.models import Priority
from app.jobs.service import JobQueue
from app.storage.digests import Digests
from app.storage.errors import StorageUnavailableError
from app.storage.protocol import Staged, Store

_PLAIN = ".fits"

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How bytes that came in become the file of a version again.

    Attributes
    ----------
    version
        As it was when it was found lost.
    lost
        The file that is missing or damaged.
    stored
        The file that takes its place.
    reading
        What that file says; None where it is the same file again.
    """

    version: Version
    lost: StoredFile
    stored: StoredFile
    reading: Reading | None


class Restorer:
    """Mends stored files with bytes that were received before. Damaged bytes are set aside.

    Parameters
    ----------
    sessions, store, offload, queue, clock
        Of the process.
    keywords
        How headers are read.
    packs
        Whether files are packed.
    forget
        Lets go of what was made of damaged bytes, such as previews; blocks.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: Store,
        offload: Offload,
        queue: JobQueue,
        clock: Clock,
        keywords: KeywordMap,
        packs: bool,
        forget: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._offload = offload
        self._queue = queue
        self._clock = clock
        self._keywords = keywords
        self._packs = packs
        self._forget = forget

    async def is_lost(self, version: Version | None) -> bool:
        """Tell whether the stored file of a version is missing, or marked as damaged.

        Parameters
        ----------
        version
            None, or one without a file: nothing is lost.

        Returns
        -------
        bool
            By name and mark; nothing is read.
        """
        if version is None or version.stored is None:
            return False
        if version.stored.damage is not None:
            return True
        return not await self._store.exists(version.stored.key)

    async def restore(self, copy: Path, digests: Digests) -> None:
        """Put bytes into the place of the file that they were once stored in.

        A packed file is replaced by the bytes as they were received, and packed again by a job.

        Parameters
        ----------
        copy
            The archive's own copy of the bytes.
        digests
            Of them.

        Raises
        ------
        ArchiveError
            If that is not possible; nothing is changed then.
        """  # what is called raises it
        plan = await self._plan(copy, digests)
        if plan is None:
            return
        staged = await self._store.stage(copy, plan.stored.key, adopt=True)
        try:
            # Before the file is whole again: until then, nothing is made of it.
            await asyncio.to_thread(self._forget)
            async with transaction(self._sessions) as session:
                is_done = await self._register(session, plan, staged)
        finally:
            staged.discard()
        if is_done:
            log.warning("stored file restored by what came in", key=plan.stored.key)
        else:
            log.info("stored file was replaced meanwhile", key=plan.lost.key)

    async def _plan(self, copy: Path, digests: Digests) -> _Plan | None:
        async with transaction(self._sessions) as session:
            version = await FrameRegistry(session).find_kept(digests.sha256)
        if version is None or version.stored is None or not await self.is_lost(version):
            return None
        lost = version.stored
        if lost.sha256 == digests.sha256:
            return _Plan(version, lost, replace(lost, damage=None), None)
        reading = await self._offload.call(READ, copy, self._keywords)
        return _Plan(version, lost, _as_received(version, lost, digests), reading)

    async def _register(self, session: Transaction, plan: _Plan, staged: Staged) -> bool:
        """Change rows and bytes together; False where the version has another file by now."""
        registry, now = FrameRegistry(session), self._clock()
        version = await registry.version(plan.version.id, lock=True)
        if version.stored != plan.lost:
            return False
        await registry.lock_key(plan.lost.key)
        aside = await self._set_aside(plan.lost)
        if plan.reading is None:
            await registry.mend_file(version.id, now)
        else:
            new = Replacement(plan.stored, headers_of(plan.reading), plan.reading.science_index)
            await registry.replace_file(version.id, new, now)
            if self._packs:
                payload = {"version_id": version.id}
                await self._queue.enqueue(session, PACK_JOB, payload, priority=Priority.PACK)
        await AuditLog(session).add(
            who=SYSTEM,
            action="repair file",
            subject=f"file {plan.lost.key}",
            reason=plan.lost.damage or "missing",
            details={"from": "received again", "stored": plan.stored.key, "set_aside": aside},
        )
        await make_visible(self._store, staged, plan.stored.sha256)
        return True

    async def _set_aside(self, lost: StoredFile) -> str | None:
        """Move damaged bytes away; whole ones stay, which a person brought back meanwhile."""
        is_there = await self._store.exists(lost.key)
        if not is_there or await self._is_whole(lost):
            return None
        return await self._store.set_aside(lost.key)

    async def _is_whole(self, lost: StoredFile) -> bool:
        """Read a file that was found damaged; one that the disk cannot read is not whole.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses for another reason.
        """
        try:
            return await holds(self._store, lost.key, lost.sha256)
        except StorageUnavailableError as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EIO:
                raise
            return False


def _as_received(version: Version, lost: StoredFile, digests: Digests) -> StoredFile:
    """Describe the file of a version with the bytes as they were received."""
    received_name = lost.name if version.received is None else version.received.name
    basename, extension = basename_of(received_name)
    extension = extension.lower() or _PLAIN
    return StoredFile(
        key=lost.key.removesuffix(lost.extension) + extension,
        name=lost.name.removesuffix(lost.extension) + extension,
        extension=extension,
        content_type=Destination("", basename, extension).content_type,
        size_bytes=digests.size_bytes,
        md5=digests.md5,
        sha256=digests.sha256,
        crc32=digests.crc32,
    )
