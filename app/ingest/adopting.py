"""Frames of another archive come in: filed as they were there, with their names and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog

from app.core.clock import Clock
from app.core.errors import ConflictError
from app.core.faults import FaultPoint, reach
from app.core.offload import Offload
from app.db.engine import Sessions, Transaction, transaction
from app.db.violations import DuplicateNameError
from app.fits.models import Reading
from app.frames.models import ReceivedFile, SameNameConflictError
from app.frames.registration import NewVersion
from app.frames.registry import FrameRegistry
from app.ingest.checksums import tell_wrong_checksums
from app.ingest.facts import facts_of, headers_of
from app.ingest.filing import stored_file
from app.ingest.models import PACK_JOB
from app.ingest.naming import Destination
from app.ingest.packing import is_packed
from app.ingest.placing import make_visible
from app.ingest.publicity import Publicity
from app.ingest.rules import Rules
from app.ingest.tasks import READ
from app.jobs.models import Priority
from app.jobs.service import JobQueue
from app.settings.ingest import Pack
from app.storage.digests import Digests
from app.storage.errors import OccupiedError
from app.storage.protocol import Staged, Store, check_key

log = structlog.get_logger(__name__)

_ATTEMPTS = 5


class NumberTakenError(ConflictError):
    """The frame cannot keep its number: it, or its name, belongs to another frame here."""

    title = "Number taken"


class SameBytesError(ConflictError):
    """The same bytes are in this archive as another frame."""

    title = "Same bytes as another frame"


class ChangedFileError(ConflictError):
    """A file that is used where it lies has changed since it was filed."""

    title = "File changed"


class Adopted(StrEnum):
    """What became of a file of another archive."""

    NEW = "new frame"
    NEW_VERSION = "new version"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Adoption:
    """A file of another archive, and what that archive knows of it.

    Attributes
    ----------
    file, digests
        Its bytes: a private copy, or the stored file itself where `key` is given.
    basename, extension
        How the other archive calls it.
    publicity
        Who may see it.
    folder
        Where it goes; None: where the path formatter says.
    key
        Where in the store the file lies already; None: it is to be placed.
    frame_id
        Number that the frame must have; None for any.
    gaps
        Facts by name, for what the header does not say.
    certain
        Facts by name that win over the header.
    related
        Basenames that the other archive links, besides those of the header.
    """

    file: Path
    digests: Digests
    basename: str
    extension: str
    publicity: Publicity
    folder: str | None = None
    key: str | None = None
    frame_id: int | None = None
    gaps: Mapping[str, Any] = field(default_factory=dict)
    certain: Mapping[str, Any] = field(default_factory=dict)
    related: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        """Name of the file, as it is received."""
        return self.basename + self.extension


class Adopter:
    """Files what another archive had.

    Parameters
    ----------
    sessions, store, offload, queue, clock
        Of the process.
    rules
        Of this archive; what they require of new files is not required of old ones.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: Store,
        offload: Offload,
        queue: JobQueue,
        clock: Clock,
        rules: Rules,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._offload = offload
        self._queue = queue
        self._clock = clock
        self._rules = rules

    async def reserve_numbers(self, greatest: int) -> None:
        """Give no number up to this one to other new frames.

        Parameters
        ----------
        greatest
            The greatest number that will be wanted.
        """
        async with transaction(self._sessions) as session:
            await FrameRegistry(session).pass_over(greatest)

    async def check_number(self, basename: str, frame_id: int) -> None:
        """Refuse a frame that cannot have its number.

        Parameters
        ----------
        basename
            Of the frame.
        frame_id
            Number that it must have.

        Raises
        ------
        NumberTakenError
            If it, or the name, belongs to another frame.
        """
        async with transaction(self._sessions) as session:
            await _check_number(FrameRegistry(session), basename, frame_id)

    async def adopt(self, adoption: Adoption) -> tuple[int, Adopted]:
        """File a file; safe to be repeated.

        Parameters
        ----------
        adoption
            The file.

        Returns
        -------
        int
            Number of the frame.
        Adopted
            What became of it.

        Raises
        ------
        NumberTakenError
            If the frame cannot have its number.
        SameBytesError
            If another frame has these bytes.
        ChangedFileError
            If the file lies in the archive already and was filed with other bytes.
        ArchiveError
            If it cannot be read or filed; nothing is changed then.
        """
        async with transaction(self._sessions) as session:
            known = await _find(FrameRegistry(session), adoption)
        if known is not None:
            return known, Adopted.KNOWN
        reading = await self._offload.call(READ, adoption.file, self._rules.keywords)
        reach(FaultPoint.READ)
        reading = self._rules.complete(reading, adoption.filename)
        tell_wrong_checksums(reading, adoption.filename)
        destination = self._destination(adoption, reading)
        if adoption.key is not None:
            new = self._new_version(adoption, reading, destination, adoption.key)
            return await self._register(adoption, new, staged=None)
        return await self._place(adoption, reading, destination)

    def _destination(self, adoption: Adoption, reading: Reading) -> Destination:
        folder = adoption.folder
        if folder is None:
            folder = self._rules.naming.destination(reading, adoption.filename).folder
        return Destination(folder, adoption.basename, adoption.extension)

    async def _place(
        self, adoption: Adoption, reading: Reading, destination: Destination
    ) -> tuple[int, Adopted]:
        """Place a private copy and register it; a name that is taken meanwhile is numbered anew.

        Raises
        ------
        SameNameConflictError
            If that happens again and again.
        """
        for passed_over in range(_ATTEMPTS):
            async with transaction(self._sessions) as session:
                registry = FrameRegistry(session)
                number = await registry.number_of(adoption.basename, adoption.digests.md5)
            key = destination.key(number + passed_over)
            new = self._new_version(adoption, reading, destination, key)
            staged = await self._store.stage(adoption.file, key, adopt=True)
            try:
                return await self._register(adoption, new, staged=staged)
            except (OccupiedError, DuplicateNameError):
                log.info("name taken meanwhile", key=key)
            finally:
                staged.discard()
        raise SameNameConflictError(f"the name {destination.name} is taken again and again")

    async def _register(
        self, adoption: Adoption, new: NewVersion, *, staged: Staged | None
    ) -> tuple[int, Adopted]:
        """Make bytes and rows visible together; the atomic rename is the last step."""
        async with transaction(self._sessions) as session:
            registry = FrameRegistry(session)
            await registry.reserve(new.basename, new.received)
            known = await _find(registry, adoption)
            if known is not None:
                return known, Adopted.KNOWN
            is_new = await registry.find_number(new.basename) is None
            registered = await registry.register(
                replace(new, frame_id=adoption.frame_id if is_new else None), self._clock()
            )
            if staged is not None:
                await self._pack_later(session, new, registered.version_id)
                await make_visible(self._store, staged, new.stored.sha256)
        reach(FaultPoint.COMMITTED)
        return registered.frame_id, Adopted.NEW if is_new else Adopted.NEW_VERSION

    async def _pack_later(self, session: Transaction, new: NewVersion, version_id: int) -> None:
        """Let a worker pack an image; never one that lies in a tree that others may still use."""
        if self._rules.pack is not Pack.NEVER and not is_packed(new.stored.name):
            payload = {"version_id": version_id}
            await self._queue.enqueue(session, PACK_JOB, payload, priority=Priority.PACK)

    def _new_version(
        self, adoption: Adoption, reading: Reading, destination: Destination, key: str
    ) -> NewVersion:
        digests, named = adoption.digests, (*reading.metadata.related, *adoption.related)
        facts = facts_of(
            reading,
            adoption.publicity,
            default_site=adoption.gaps.get("site") or self._rules.naming.default_site,
            center_is_pointing=self._rules.center_is_pointing,
        )
        gaps = {name: v for name, v in adoption.gaps.items() if getattr(facts, name) is None}
        return NewVersion(
            basename=adoption.basename,
            stored=stored_file(key, destination, digests),
            received=ReceivedFile(
                adoption.filename, digests.size_bytes, digests.md5, digests.sha256
            ),
            facts=replace(facts, **{**gaps, **adoption.certain}),
            hdus=headers_of(reading),
            science_hdu=reading.science_index,
            related=tuple(dict.fromkeys(name for name in named if name != adoption.basename)),
            repairs=reading.repairs,
            checksums=reading.checksums,
        )


async def _find(registry: FrameRegistry, adoption: Adoption) -> int | None:
    """Find the frame where it has these bytes already.

    Raises
    ------
    SameBytesError
        If another frame has these bytes.
    ChangedFileError
        If the stored file itself has other bytes by now.
    """
    name = adoption.basename
    here = await _check_number(registry, name, adoption.frame_id)
    same = await registry.find_received(adoption.digests.sha256)
    if same is not None and same != here:
        raise SameBytesError(f"{name} has the same bytes as frame {same}")
    is_used = adoption.key is not None and await registry.is_stored(check_key(adoption.key))
    if same is None and is_used:
        raise ChangedFileError(
            f"the file of {name} is used where it lies and has changed since: stop whatever writes"
            " there, and bring the old bytes back or send the new ones in as an upload"
        )
    return same


async def _check_number(registry: FrameRegistry, name: str, wanted: int | None) -> int | None:
    """Give the number that a frame has here; None where it is not here.

    Raises
    ------
    NumberTakenError
        If it is not the number that is wanted, or belongs to another frame.
    """
    here = await registry.find_number(name)
    if wanted is None or here == wanted:
        return here
    if here is not None:
        raise NumberTakenError(
            f"{name} is frame {here} in this archive and {wanted} in the other one: remove frame"
            f" {here} here, then import again"
        )
    holder = await registry.find_holder(wanted)
    if holder is not None:
        raise NumberTakenError(
            f"{name} cannot keep its number {wanted}: {holder} has it in this archive; import"
            " into an archive that is empty, or remove that frame"
        )
    return here
