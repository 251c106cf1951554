"""From private bytes to a frame: read, name, place, register."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from app.accounts.registry import AccountRegistry
from app.core.clock import Clock
from app.core.faults import FaultPoint, reach
from app.core.offload import Offload
from app.db.engine import Sessions, transaction
from app.db.violations import DuplicateNameError
from app.fits.models import Metadata, Reading
from app.frames.models import ReceivedFile, SameNameConflictError, StoredFile
from app.frames.registration import NewVersion
from app.frames.registry import FrameRegistry
from app.frames.service import FrameService
from app.ingest.checksums import tell_wrong_checksums
from app.ingest.facts import facts_of, headers_of
from app.ingest.models import (
    PACK_JOB,
    Arrival,
    ArrivalState,
    HiddenNameError,
    LostFileError,
    Outcome,
)
from app.ingest.naming import Destination
from app.ingest.packing import Packer, as_received, is_packed
from app.ingest.placing import make_visible
from app.ingest.publicity import Publicity
from app.ingest.restoring import Restorer
from app.ingest.rules import Rules
from app.ingest.spool import remove_copy
from app.ingest.store import ArrivalStore
from app.ingest.tasks import READ
from app.jobs.models import Priority
from app.jobs.service import JobQueue
from app.settings.ingest import Pack
from app.storage.digests import Digests, digest_file
from app.storage.errors import OccupiedError
from app.storage.protocol import Staged, Store

log = structlog.get_logger(__name__)

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file that was read and named, ready to be placed.

    Attributes
    ----------
    arrival
        As it came in.
    received
        Digests of the bytes as they came.
    reading
        What the file says.
    destination
        How the frame is called.
    file, stored
        The private file whose bytes are to be stored, and their digests.
    """

    arrival: Arrival
    received: Digests
    reading: Reading
    destination: Destination
    file: Path
    stored: Digests


class Filing:
    """Files private copies.

    Parameters
    ----------
    sessions, store, offload, queue, clock
        Of the process.
    rules
        Of this archive.
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
        frames: FrameService,
        restorer: Restorer,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._offload = offload
        self._packer = Packer(offload, rules.keywords)
        self._queue = queue
        self._clock = clock
        self._rules = rules
        self._frames = frames
        self._restorer = restorer

    async def read(self, file: Path, filename: str) -> Reading:
        """Read a file in a child process and check that it has what is required.

        Parameters
        ----------
        file
            A private copy.
        filename
            As it came, without folders.

        Returns
        -------
        Reading
            Headers, metadata, footprint.

        Raises
        ------
        InvalidError
            If it is no FITS file.
        KeywordMissingError
            If it lacks a required keyword.
        """
        reading = await self._offload.call(READ, file, self._rules.keywords)
        return self._rules.prepare(reading, filename)

    async def file(self, arrival: Arrival, copy: Path, digests: Digests) -> Outcome | None:
        """File a private copy.

        Parameters
        ----------
        arrival
            The file as it came in.
        copy
            Its bytes.
        digests
            Of these bytes.

        Returns
        -------
        Outcome or None
            None where somebody else settled the arrival meanwhile.

        Raises
        ------
        ArchiveError
            If it cannot be filed; nothing is changed then.
        """
        known = await self._find_known(arrival, copy, digests)
        if known is not None:
            return known
        self._rules.check_name(arrival.filename)
        reading = await self.read(copy, arrival.filename)
        reach(FaultPoint.READ)
        _tell_other_night(arrival, reading.metadata)
        tell_wrong_checksums(reading, arrival.filename)
        destination = self._rules.naming.destination(reading, arrival.filename)
        reach(FaultPoint.NAMED)
        parcel = Parcel(arrival, digests, reading, destination, copy, digests)
        if self._rules.pack is not Pack.NOW:
            return await self._place(parcel)
        async with self._packed(parcel) as packed:
            return await self._place(packed)

    @asynccontextmanager
    async def _packed(self, parcel: Parcel) -> AsyncIterator[Parcel]:
        """Pack within the ingest; the same parcel where the original shall stay."""
        target = parcel.file.with_name(f"{parcel.file.name}.packed")
        try:
            packed = await self._packer.pack(parcel.file, target)
            if packed is None:
                yield parcel
                return
            yield replace(
                parcel,
                reading=replace(
                    parcel.reading, hdus=packed.hdus, science_index=packed.science_index
                ),
                destination=parcel.destination.packed(),
                file=target,
                stored=await asyncio.to_thread(digest_file, target),
            )
        finally:
            await asyncio.to_thread(remove_copy, target)

    async def _place(self, parcel: Parcel) -> Outcome | None:
        """Place a file and register it; where somebody takes the name meanwhile, number it anew.

        Another version that came first is waited for as often as it takes: each time somebody got
        on. Places that are taken by files without a row are passed over.

        Raises
        ------
        SameNameConflictError
            If there are too many of those.
        """
        passed_over = 0
        while passed_over < _ATTEMPTS:
            await self._refuse_hidden(parcel)
            number = await self._number_of(parcel)
            key = parcel.destination.key(number + passed_over)
            staged = await self._store.stage(parcel.file, key, adopt=True)
            try:
                return await self._register(parcel, number, staged)
            except SameNameConflictError:
                log.info("another version came first", key=key)
            except (OccupiedError, DuplicateNameError):
                log.info("name taken meanwhile", key=key)
                passed_over += 1
            finally:
                staged.discard()
        raise SameNameConflictError(f"the name {parcel.destination.name} is taken again and again")

    async def _register(self, parcel: Parcel, number: int, staged: Staged) -> Outcome | None:
        """Make bytes and rows visible together; the atomic rename is the last step.

        Raises
        ------
        SameNameConflictError
            If it is not the version of this number by now.
        """
        now, new = self._clock(), self._new_version(parcel, staged.key)
        async with transaction(self._sessions) as session:
            arrivals, registry = ArrivalStore(session), FrameRegistry(session)
            if not (await arrivals.get(parcel.arrival.id, lock=True)).state.is_open:
                return None
            known = await registry.reserve(new.basename, new.received)
            if known is None and parcel.stored != parcel.received:
                # Its packed form may have come in as a file of its own.
                known = await registry.reserve(new.basename, as_received(new.stored))
            if known is not None:
                outcome = Outcome(ArrivalState.DUPLICATE, known)
                await arrivals.settle(parcel.arrival.id, outcome, new.received.sha256, now)
                return outcome
            if await registry.number_of(new.basename, new.received.md5) != number:
                raise SameNameConflictError(f"{new.stored.name} got another version meanwhile")
            new = await self._with_public_date(AccountRegistry(session), new, parcel)
            registered = await registry.register(new, now)
            outcome = Outcome(ArrivalState.FILED, registered.frame_id)
            await arrivals.settle(parcel.arrival.id, outcome, new.received.sha256, now)
            if self._rules.pack is Pack.LATER and not is_packed(new.stored.name):
                payload = {"version_id": registered.version_id}
                await self._queue.enqueue(session, PACK_JOB, payload, priority=Priority.PACK)
            await make_visible(self._store, staged, new.stored.sha256)
        reach(FaultPoint.COMMITTED)
        return outcome

    async def _find_known(self, arrival: Arrival, copy: Path, digests: Digests) -> Outcome | None:
        """Tell a duplicate; where the archive has lost its own copy, this one takes its place."""
        try:
            return await self._find_duplicate(arrival, digests)
        except LostFileError:
            await self._restorer.restore(copy, digests)
            return await self._find_duplicate(arrival, digests)

    async def _find_duplicate(self, arrival: Arrival, digests: Digests) -> Outcome | None:
        """Tell a duplicate before any work is spent on it.

        Raises
        ------
        LostFileError
            If the archive knows the bytes and has them no longer.
        """
        async with transaction(self._sessions) as session:
            registry = FrameRegistry(session)
            known = await registry.find_received(digests.sha256)
            if known is None:
                return None
            if await self._restorer.is_lost(await registry.find_kept(digests.sha256)):
                raise LostFileError(
                    f"frame {known} was filed with these bytes, its file is missing or damaged, and"
                    " these could not take its place: bring the file back from a backup, or delete"
                    " the frame and send this one in again"
                )
            arrivals = ArrivalStore(session)
            if not (await arrivals.get(arrival.id, lock=True)).state.is_open:
                return None
            outcome = Outcome(ArrivalState.DUPLICATE, known)
            await arrivals.settle(arrival.id, outcome, digests.sha256, self._clock())
        reach(FaultPoint.DUPLICATE)
        return outcome

    async def _refuse_hidden(self, parcel: Parcel) -> None:
        """Let nobody change who sees a frame that he does not see himself.

        A version brings its own proposal and public date: a file sent in under the name of a hidden
        frame would open that one.

        Raises
        ------
        HiddenNameError
            If the name belongs to a frame that whoever sent the file may not see.
        """
        owner_id, basename = parcel.arrival.owner_id, parcel.destination.basename
        if owner_id is None:
            return
        async with transaction(self._sessions) as session:
            owner = await AccountRegistry(session).caller_of(owner_id)
        if await self._frames.hides(basename, owner):
            raise HiddenNameError(
                f"{owner.username} may not see the frame {basename}, and so may not add to it:"
                " send the file in by an account that may, or under another name"
            )

    async def _number_of(self, parcel: Parcel) -> int:
        basename, md5 = parcel.destination.basename, parcel.received.md5
        async with transaction(self._sessions) as session:
            return await FrameRegistry(session).number_of(basename, md5)

    async def _with_public_date(
        self, accounts: AccountRegistry, new: NewVersion, parcel: Parcel
    ) -> NewVersion:
        """Decide who may see the frame; within the transaction, since tags of proposals change."""
        metadata, dates = parcel.reading.metadata, self._rules.public_dates
        tags: frozenset[str] = frozenset()
        if metadata.proposal is not None and dates.asks_for_tags:
            tags = await accounts.tags_of(metadata.proposal)
        publicity = dates.publicity(metadata, new.basename, tags)
        facts = replace(new.facts, public_at=publicity.public_at, is_internal=publicity.is_internal)
        return replace(new, facts=facts)

    def _new_version(self, parcel: Parcel, key: str) -> NewVersion:
        """Describe a version, all but who may see it."""
        rules, reading, basename = self._rules, parcel.reading, parcel.destination.basename
        return NewVersion(
            basename=basename,
            stored=stored_file(key, parcel.destination, parcel.stored),
            received=ReceivedFile(
                name=parcel.arrival.filename,
                size_bytes=parcel.received.size_bytes,
                md5=parcel.received.md5,
                sha256=parcel.received.sha256,
            ),
            facts=facts_of(
                reading,
                Publicity(None),
                default_site=rules.naming.default_site,
                center_is_pointing=rules.center_is_pointing,
            ),
            hdus=headers_of(reading),
            science_hdu=reading.science_index,
            related=tuple(name for name in reading.metadata.related if name != basename),
            repairs=reading.repairs,
            checksums=reading.checksums,
            owner_id=parcel.arrival.owner_id,
        )


def _tell_other_night(arrival: Arrival, metadata: Metadata) -> None:
    """Log where DAY-OBS and the night by the sun disagree (shared model §3)."""
    if metadata.day_obs is None or metadata.local_night in {None, metadata.day_obs}:
        return
    log.warning(
        "night disagrees",
        arrival=arrival.id,
        file=arrival.filename,
        day_obs=str(metadata.day_obs),
        local_night=str(metadata.local_night),
    )


def stored_file(key: str, destination: Destination, digests: Digests) -> StoredFile:
    """Describe a file in the store.

    Parameters
    ----------
    key
        Where it is.
    destination
        How it is called.
    digests
        Of its bytes.

    Returns
    -------
    StoredFile
        For the catalogue.
    """
    return StoredFile(
        key=key,
        name=destination.name,
        extension=destination.extension,
        content_type=destination.content_type,
        size_bytes=digests.size_bytes,
        md5=digests.md5,
        sha256=digests.sha256,
        crc32=digests.crc32,
    )
