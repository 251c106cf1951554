"""Rebuild the catalogue from the archived files, and from a manifest where there is one."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from app.accounts.registry import AccountRegistry
from app.backups.lost_files import (
    KnownLines,
    LostFile,
    doubtful_names,
    frames_of,
    lost_files,
    named_files,
    no_lines,
)
from app.backups.manifest import ThumbnailLine, VersionLine
from app.backups.models import Flaw, Report, Trouble, Watcher
from app.backups.store import BackupStore, ReturnStore
from app.core.clock import Clock
from app.core.errors import ArchiveError, UnavailableError
from app.core.offload import Offload
from app.db.engine import Sessions, Transaction, transaction
from app.fits.models import Metadata, Reading
from app.frames.models import ReceivedFile
from app.frames.registration import NewVersion
from app.frames.registry import FrameRegistry
from app.frames.trash_files import is_awaited
from app.ingest.facts import facts_of, headers_of
from app.ingest.filing import stored_file
from app.ingest.naming import PACKED_EXTENSION, Destination
from app.ingest.publicity import Publicity
from app.ingest.rules import Rules
from app.ingest.tasks import READ
from app.storage.digests import Digests, digest_file
from app.storage.protocol import Store

log = structlog.get_logger(__name__)

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to do.

    Attributes
    ----------
    known
        Number of files that have a row.
    frames
        Basename -> its files without a row, in order.
    """

    known: int
    frames: dict[str, list[LostFile]]

    @property
    def files(self) -> Iterator[LostFile]:
        """All files without a row."""
        return (file for files in self.frames.values() for file in files)


class ReindexService:
    """Makes frames of files that lie in the archive's folder and have no row.

    Parameters
    ----------
    sessions, store, offload, clock
        Of the process.
    rules
        Of this archive; what they require of new files is not required of old ones.
    concurrency
        How many frames are read at the same time.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: Store,
        offload: Offload,
        clock: Clock,
        rules: Rules,
        concurrency: int,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._offload = offload
        self._clock = clock
        self._rules = rules
        self._concurrency = concurrency

    async def run(
        self, manifest: Path | None, *, watcher: Watcher, dry_run: bool = False
    ) -> tuple[Plan, Report]:
        """Register every stored file that has no row, where it lies; safe to be repeated.

        Parameters
        ----------
        manifest
            Gives numbers, dates and names back; None for none.
        watcher
            Hears how far it is.
        dry_run
            Whether to stop before anything is read or written.

        Returns
        -------
        Plan
            What there was to do.
        Report
            What was done, with the files that were left.

        Raises
        ------
        BrokenBackupError
            If the manifest is damaged.
        UnavailableError
            If something is away; the next call goes on.
        """  # the manifest raises the former
        report = Report()
        with no_lines() as lines:
            if manifest is not None:
                await asyncio.to_thread(lines.read, manifest)
            plan = await self._plan(lines)
            if dry_run:
                return plan, report
            await self._reserve(lines)
        watcher.expect(sum(len(files) for files in plan.frames.values()))
        await self._register_all(plan, report, watcher)
        return plan, report

    async def _plan(self, lines: KnownLines) -> Plan:
        keys: list[str] = []
        known = 0
        async with aclosing(self._store.iter_keys()) as walk:  # type: ignore[type-var]  # a generator
            batch: list[str] = []
            async for key in walk:
                batch.append(key)
                if len(batch) == _AT_ONCE:
                    new = await self._without_row(batch)
                    known, batch = known + len(batch) - len(new), []
                    keys += new
        new = await self._without_row(batch)
        known += len(batch) - len(new)
        cut = self._rules.naming.cut
        files = await asyncio.to_thread(lost_files, [*keys, *new], lines, cut)
        no_frames = await self._no_frames(doubtful_names(files))
        return Plan(known, frames_of(files, no_frames, cut))

    async def _without_row(self, keys: list[str]) -> list[str]:
        async with transaction(self._sessions) as session:
            found = await BackupStore(session).find_files(keys)
        return [key for key in keys if key not in found]

    async def _no_frames(self, names: list[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(names), _AT_ONCE):
            async with transaction(self._sessions) as session:
                found |= await ReturnStore(session).find_frames(names[start : start + _AT_ONCE])
        return set(names) - found

    async def _reserve(self, lines: KnownLines) -> None:
        """Give no number of the manifest to anything else."""
        async with transaction(self._sessions) as session:
            store = ReturnStore(session)
            if lines.greatest_number:
                await FrameRegistry(session).pass_over(lines.greatest_number)
            for table, greatest in lines.greatest_of.items():
                await store.pass_over(table, greatest)

    async def _register_all(self, plan: Plan, report: Report, watcher: Watcher) -> None:
        """Go through frames, several at a time, and through the versions of each in order.

        Raises
        ------
        UnavailableError
            If something is away that all files need.
        """
        waiting = iter(plan.frames.values())
        keys = {file.key for file in plan.files}
        troubles: list[UnavailableError] = []

        async def work() -> None:
            for files in waiting:
                for file in files:
                    if troubles:
                        return
                    try:
                        await self._settle(file, keys, report)
                    except UnavailableError as error:
                        troubles.append(error)
                        return
                    watcher.tell(report.done, report.said())

        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(work())
        if troubles:
            raise UnavailableError(f"{troubles[0].message}; call the same command again to go on")

    async def _settle(self, file: LostFile, keys: set[str], report: Report) -> None:
        """Register a file, or say why not.

        Raises
        ------
        UnavailableError
            If something is away that all files need.
        """
        try:
            flaw = await self._flaw_before(file, keys) or await self._bring_back(file, report)
        except UnavailableError:
            raise
        except ArchiveError as error:
            flaw = Flaw(file.key, Trouble.UNREADABLE, error.message)
        if flaw is not None:
            report.flaws.append(flaw)

    async def _flaw_before(self, file: LostFile, keys: set[str]) -> Flaw | None:
        """Tell what must not be registered, by its name alone."""
        plain = file.key.removesuffix(PACKED_EXTENSION) + ".fits"
        async with transaction(self._sessions) as session:
            here = await ReturnStore(session).list_keys(file.basename)
            await FrameRegistry(session).lock_key(file.key)
            if await is_awaited(session, self._store, file.key, self._clock()):
                return Flaw(
                    file.key, Trouble.LEFT, "its frame was deleted, and it goes to the trash"
                )
        if file.line is None and file.key.endswith(PACKED_EXTENSION) and plain in {*keys, *here}:
            return Flaw(file.key, Trouble.LEFT, f"it is the packed form of {plain}")
        numbers = [one.number for one in named_files(here, self._rules.naming.cut)]
        if file.line is None and any(number > file.number for number in numbers):
            return Flaw(
                file.key,
                Trouble.LEFT,
                f"newer versions of {file.basename} are in the catalogue: an older one can be added"
                " by a manifest that names it",
            )
        return None

    async def _bring_back(self, file: LostFile, report: Report) -> Flaw | None:
        digests = await asyncio.to_thread(lambda: digest_file(self._store.path(file.key)))
        line = file.line
        if line is not None and line.key == file.key and line.sha256 != digests.sha256:
            return Flaw(
                file.key, Trouble.ALTERED, "its bytes are not those that the manifest names"
            )
        if isinstance(line, ThumbnailLine):
            return await self._bring_thumbnail(file, line, report)
        is_new = await self._bring_version(file, digests)
        report.copied += is_new
        report.kept += not is_new
        return None

    async def _bring_thumbnail(
        self, file: LostFile, line: ThumbnailLine, report: Report
    ) -> Flaw | None:
        async with transaction(self._sessions) as session:
            if await ReturnStore(session).add_thumbnail(line, file.key):
                report.copied += 1
                return None
        return Flaw(file.key, Trouble.LEFT, f"{line.basename} is no frame here, or has it already")

    async def _bring_version(self, file: LostFile, digests: Digests) -> bool:
        """Read and register a file; False where its bytes are known already."""
        async with transaction(self._sessions) as session:
            if await FrameRegistry(session).find_received(digests.sha256) is not None:
                return False
        path = self._store.path(file.key)
        reading = await self._offload.call(READ, path, self._rules.keywords)
        reading = self._rules.complete(reading, file.basename + file.extension)
        new = self._new_version(file, digests, reading)
        async with transaction(self._sessions) as session:
            registry = FrameRegistry(session)
            if await registry.reserve(new.basename, new.received) is not None:
                return False
            new = await self._as_it_was(session, file, reading.metadata, new)
            await registry.register(new, self._clock())
        return True

    async def _as_it_was(
        self, session: Transaction, file: LostFile, metadata: Metadata, new: NewVersion
    ) -> NewVersion:
        """Give a version back what the manifest says; else decide anew who may see it."""
        if not isinstance(file.line, VersionLine):
            publicity = await self._publicity(session, metadata, new.basename)
            return _seen_by(new, publicity, new.facts.proposal)
        line, store, registry = file.line, ReturnStore(session), FrameRegistry(session)
        is_new = await registry.find_number(line.basename) is None
        is_free = is_new and await registry.find_holder(line.frame_id) is None
        if is_new and not is_free:
            log.warning("number taken", frame=line.basename, number=line.frame_id)
        kept = _seen_by(new, Publicity(line.public_at, line.is_internal), line.proposal)
        return replace(
            kept,
            frame_id=line.frame_id if is_free else None,
            owner_id=await store.find_owner(line.owner),
            kept=await store.kept_of(line),
        )

    async def _publicity(
        self, session: Transaction, metadata: Metadata, basename: str
    ) -> Publicity:
        dates = self._rules.public_dates
        tags: frozenset[str] = frozenset()
        if metadata.proposal is not None and dates.asks_for_tags:
            tags = await AccountRegistry(session).tags_of(metadata.proposal)
        return dates.publicity(metadata, basename, tags)

    def _new_version(self, file: LostFile, digests: Digests, reading: Reading) -> NewVersion:
        """Describe a version, all but who may see it and its numbers."""
        folder, received = file.key.rpartition("/")[0], _received(file, digests)
        destination = Destination(folder, file.basename, file.extension)
        return NewVersion(
            basename=file.basename,
            stored=stored_file(file.key, destination, digests),
            received=received,
            facts=facts_of(
                reading,
                Publicity(None),
                default_site=self._rules.naming.default_site,
                center_is_pointing=self._rules.center_is_pointing,
            ),
            hdus=headers_of(reading),
            science_hdu=reading.science_index,
            related=tuple(name for name in reading.metadata.related if name != file.basename),
            repairs=reading.repairs,
            checksums=reading.checksums if received.sha256 == digests.sha256 else None,
        )


def _received(file: LostFile, digests: Digests) -> ReceivedFile:
    """Tell what came in: the manifest knows it, else what is stored is all that is known."""
    line = file.line
    if isinstance(line, VersionLine):
        return ReceivedFile(
            line.received_name, line.received_size_bytes, line.received_md5, line.received_sha256
        )
    name = file.basename + file.extension
    return ReceivedFile(name, digests.size_bytes, digests.md5, digests.sha256)


def _seen_by(new: NewVersion, publicity: Publicity, proposal: str | None) -> NewVersion:
    """Decide who may see a frame."""
    facts = replace(
        new.facts,
        public_at=publicity.public_at,
        is_internal=publicity.is_internal,
        proposal=proposal,
    )
    return replace(new, facts=facts)
