"""Make a backup of a living archive."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.backups.batches import at_once, in_batches
from app.backups.checking import prune as prune_backup
from app.backups.checking import wanted_in
from app.backups.copying import Wanted, bring, compare, size_of
from app.backups.extras import TRASH, Extras
from app.backups.folder import BackupFolder, Marker
from app.backups.ledger import Entry, Ledger, opened_ledger
from app.backups.manifest import (
    FORMAT,
    Counts,
    ExtraLine,
    Header,
    Line,
    encoded,
    end_line,
    new_manifest,
    read_lines,
)
from app.backups.models import Flaw, Report, Trouble, UnsettledError, Watcher, WrongFolderError
from app.backups.store import BackupStore, Held
from app.core.clock import Clock
from app.db.dumps import dump
from app.db.engine import Sessions, transaction
from app.db.schema import HEAD
from app.settings import Settings
from app.storage.digests import Digests
from app.storage.errors import MissingFileError
from app.storage.protocol import Store

_ATTEMPTS = 20
_MOMENT_S = 2.0  # a frame that is being deleted loses its rows a moment before its files


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the catalogue says at one moment.

    Attributes
    ----------
    listing
        Manifest of the stored files alone.
    counts
        Of the archive.
    held
        Files outside of the archive's folder that arrivals need.
    removed
        Deleted frames that can be brought back, with the keys of their files.
    dumped_with
        Major version of the program that wrote the dump; 0 for none.
    """

    listing: Path
    counts: Counts
    held: tuple[Held, ...]
    removed: dict[int, tuple[str, ...]]
    dumped_with: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One call of the command, and what it works on."""

    folder: BackupFolder
    ledger: Ledger
    link: bool
    secrets: bool
    watcher: Watcher


class BackupService:
    """Makes backups.

    Parameters
    ----------
    settings
        Of the process, with the URL of the database.
    sessions, store, clock
        Of the process.
    """

    def __init__(
        self, *, settings: Settings, sessions: Sessions, store: Store, clock: Clock
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._store = store
        self._clock = clock
        self._extras = Extras(settings)

    async def make(
        self,
        root: Path,
        *,
        watcher: Watcher,
        link: bool = False,
        prune: bool = False,
        secrets: bool = True,
    ) -> Report:
        """Make a backup, or bring one up to date; the archive may be at work meanwhile.

        The stored files come first, since they may take hours. Then the catalogue is dumped, and
        what that names is brought. What changed in between is found out, and leads to a new dump.

        Parameters
        ----------
        root
            Folder of the backup.
        watcher
            Hears how far it is.
        link
            Whether to share bytes with the archive where both are on one file system.
        prune
            Whether files go that the new state does not name, and older states.
        secrets
            Whether the backup holds the secret key and the generated password, too.

        Returns
        -------
        Report
            What was done.

        Raises
        ------
        WrongFolderError
            If the folder holds something else, or lies within the archive.
        UnsettledError
            If the archive changes faster than it is copied.
        UnavailableError
            If something is away; the backup before is still whole, and the next call goes on.
        """
        folder = BackupFolder(self._check_apart(root))
        with folder.held(), opened_ledger(folder.ledger_file) as ledger:
            task = Task(folder, ledger, link, secrets, watcher)
            ahead = await self._copy_ahead(task)
            for _ in range(_ATTEMPTS):
                report = await self._attempt(task)
                if report is not None:
                    break
            else:
                raise UnsettledError(
                    "the archive changed all the time while it was copied: call the same command"
                    " again when less is going on"
                )
            report.kept = max(0, report.kept - ahead.copied)
            report.copied += ahead.copied
            report.bytes_copied += ahead.bytes_copied
            if prune:
                report.removed = await asyncio.to_thread(prune_backup, folder, ledger)
            return report

    def _check_apart(self, root: Path) -> Path:
        """Refuse a folder that holds the archive, or is held by it.

        Raises
        ------
        WrongFolderError
            If it is so.
        """
        here = root.resolve()
        for folder in (self._settings.data_dir.resolve(), self._settings.archive_dir.resolve()):
            if here.is_relative_to(folder) or folder.is_relative_to(here):
                raise WrongFolderError(
                    f"a backup in {root} would lie within the archive, or around it: name a folder"
                    " elsewhere, best on another disk"
                )
        return here

    async def _copy_ahead(self, task: Task) -> Report:
        """Bring most files before the catalogue is dumped, so that the dump is a fresh one."""
        report = Report()
        snapshot = await self._look(task.folder.drafts / "ahead")
        await self._copy(task, snapshot, report)
        return report

    async def _attempt(self, task: Task) -> Report | None:
        """Dump the catalogue and bring what it names; None where that changed meanwhile."""
        folder, report = task.folder, Report()
        state = folder.new_state(self._clock())
        try:
            listing = folder.drafts / f"{state}.listing"
            snapshot = await self._look(listing, dump_to=folder.dump_file(state))
            await self._copy(task, snapshot, report)
            extras = await self._mirror(task, snapshot, report)
            if await self._is_changed(snapshot, extras, report):
                folder.drop_state(state)
                return None
            await asyncio.to_thread(self._finish, folder, state, snapshot, extras, report)
        except BaseException:
            folder.drop_state(state)
            raise
        return report

    async def _look(self, listing: Path, dump_to: Path | None = None) -> Snapshot:
        """Write down what the catalogue says at one moment; with a dump of the same moment."""
        dumped_with = 0
        async with transaction(self._sessions) as session:
            store = BackupStore(session)
            name = await store.freeze()
            if dump_to is not None:
                url, major = self._settings.require_database_url(), await store.server_major()
                dumped_with = await dump(url, dump_to, snapshot=name, server_major=major)
            counts = await store.counts()
            with new_manifest(listing) as stream:
                stream.write(encoded(self._header(counts)))
                number = 0
                async with aclosing(store.stream()) as found:
                    async for lines in found:
                        number += len(lines)
                        raw = b"".join(map(encoded, lines))
                        await asyncio.to_thread(stream.write, raw)
                stream.write(end_line(number))
            held, removed = await store.list_held(), await store.list_removed()
        return Snapshot(listing, counts, tuple(held), removed, dumped_with)

    def _header(self, counts: Counts) -> Header:
        return Header(format=FORMAT, revision=HEAD, made_at=self._clock(), counts=counts)

    async def _copy(self, task: Task, snapshot: Snapshot, report: Report) -> None:
        """Bring the stored files that are not there yet."""
        task.watcher.expect(snapshot.counts.versions + snapshot.counts.thumbnails)
        await in_batches(
            snapshot.listing,
            partial(self._copy_some, task, report),
            after_each=lambda: task.watcher.tell(report.done, report.said()),
        )

    def _copy_some(self, task: Task, report: Report, lines: Sequence[Line]) -> None:
        wanted = {line: wanted_in(task.folder, line) for line in lines}
        known = task.ledger.find([one.path for one in wanted.values()])

        def copy(line: Line) -> Digests | Entry | Flaw:
            return self._copy_one(task, wanted[line], line, known.get(wanted[line].path))

        new: list[Entry] = []
        for line, result in zip(lines, at_once(copy, lines), strict=True):
            if isinstance(result, Flaw):
                report.flaws.append(result)
            elif isinstance(result, Entry):
                report.kept += 1
                new.extend([result] if result.path not in known else [])
            else:
                report.copied += 1
                report.bytes_copied += result.size_bytes
                new.append(Entry(wanted[line].path, result.size_bytes, result.sha256))
        task.ledger.keep(new)

    def _copy_one(
        self, task: Task, wanted: Wanted, line: Line, known: Entry | None
    ) -> Digests | Entry | Flaw:
        """Bring a file, unless it is there: the digests of a new one, the entry of an old one."""
        if size_of(wanted.target) == line.size_bytes:
            if known is not None and known.sha256 == line.sha256:
                return known
            if known is None and not isinstance(compare(wanted), Flaw):
                return Entry(wanted.path, line.size_bytes, line.sha256)
        try:
            source = self._store.path(wanted.path.removeprefix("archive/"))
        except MissingFileError:
            return Flaw(wanted.path, Trouble.MISSING, "the file is not in the archive's folder")
        return bring(
            Wanted(wanted.path, source, wanted.target, wanted.size_bytes, wanted.sha256),
            task.folder.drafts,
            link=task.link,
        )

    async def _mirror(self, task: Task, snapshot: Snapshot, report: Report) -> dict[str, ExtraLine]:
        """Bring the files beside the archive; by path."""
        bring_all = partial(
            self._extras.mirror, task.folder, task.ledger, snapshot.held, secrets=task.secrets
        )
        lines = await asyncio.to_thread(bring_all, report)
        if any(_lacking(keys, lines) for keys in snapshot.removed.values()):
            await asyncio.sleep(_MOMENT_S)
            again = Report()
            lines = await asyncio.to_thread(bring_all, again)
            report.copied += again.copied
        return {line.path: line for line in lines}

    async def _is_changed(
        self, snapshot: Snapshot, extras: dict[str, ExtraLine], report: Report
    ) -> bool:
        """Tell whether the snapshot names what is no longer so; what is so is a flaw."""
        keys = {flaw.path.removeprefix("archive/"): flaw for flaw in report.flaws}
        lost = [one for one in snapshot.held if self._extras.name_of(one) not in extras]
        async with transaction(self._sessions) as session:
            store = BackupStore(session)
            now = await store.find_files(list(keys))
            held, removed = await store.list_held(), await store.list_removed()
        if not (set(keys) <= set(now) | set(extras) and set(lost) <= set(held)):
            return True
        if not set(snapshot.removed) <= set(removed):
            return True
        report.flaws += [_flaw_of_held(one) for one in lost]
        for number, wanted in snapshot.removed.items():
            report.flaws += [
                Flaw(f"{TRASH}/…/{key}", Trouble.MISSING, f"not in the trash, removal {number}")
                for key in _lacking(wanted, list(extras.values()))
            ]
        return False

    def _finish(
        self,
        folder: BackupFolder,
        state: str,
        snapshot: Snapshot,
        extras: dict[str, ExtraLine],
        report: Report,
    ) -> None:
        """Write the manifest, and at last the marker that makes all of it a backup. Blocks."""
        file = folder.manifest_file(state)
        number = len(extras)
        with new_manifest(file) as stream:
            stream.write(encoded(self._header(snapshot.counts)))
            for line in read_lines(snapshot.listing):
                stream.write(encoded(line))
                number += 1
            for extra in extras.values():
                stream.write(encoded(extra))
            stream.write(end_line(number))
        folder.finish(
            Marker(
                state=state,
                made_at=self._clock(),
                revision=HEAD,
                dumped_with=snapshot.dumped_with,
                dump=folder.part_of(folder.dump_file(state)),
                manifest=folder.part_of(file),
                counts=snapshot.counts,
                flaws=len(report.flaws),
            )
        )


def _lacking(keys: Sequence[str], extras: Sequence[ExtraLine]) -> list[str]:
    """Tell which files of a deleted frame are not in the trash."""
    trash = [line.path for line in extras if line.path.startswith(f"{TRASH}/")]
    return [key for key in keys if not any(path.endswith(f"/{key}") for path in trash)]


def _flaw_of_held(held: Held) -> Flaw:
    return Flaw(
        held.path.name, Trouble.MISSING, f"arrival {held.arrival_id} needs it, and it is gone"
    )
