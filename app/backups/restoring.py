"""Bring an archive back from a backup, into an empty folder and an empty database."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from app.backups.batches import at_once, in_batches
from app.backups.copying import PRIVATE_MODE, Wanted, bring, size_of
from app.backups.extras import Extras
from app.backups.folder import BackupFolder, Marker
from app.backups.manifest import SECRETS, ExtraLine, Line
from app.backups.models import (
    BrokenBackupError,
    Flaw,
    HalfRestoredError,
    NotEmptyError,
    Report,
    Trouble,
    Watcher,
)
from app.backups.store import BackupStore
from app.core.errors import InvalidError
from app.db.dumps import restore
from app.db.engine import Sessions, make_engine, make_sessions, transaction
from app.db.schema import HEAD, migrate
from app.ingest.rehoming import bring_home
from app.settings import PREFIX, Settings, write_private
from app.storage.digests import Digests

_SIGN = "restoring.json"
_DRAFTS = ".restoring"
_IGNORED = {"lost+found"}


class Restorer:
    """Brings one backup back.

    Parameters
    ----------
    settings
        Of the archive that is to be made.
    root
        Folder of the backup.
    """

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings = settings
        self._folder = BackupFolder(root)
        self._extras = Extras(settings)

    async def begin(self) -> Marker:
        """See whether everything is as it must be, and take the data folder.

        A restore that was interrupted goes on; what it brought stays.

        Returns
        -------
        Marker
            Of the backup, whose dump and manifest were read and are whole.

        Raises
        ------
        NoBackupError
            If the folder holds no finished backup.
        BrokenBackupError
            If dump or manifest are damaged, or of a newer Skyshelf.
        NotEmptyError
            If something is in the data folder, or in the archive's.
        InvalidError
            If the settings name another secret key than the backup has.
        """  # the folder raises the first
        marker = self._folder.marker()
        if marker.revision > HEAD:
            raise BrokenBackupError(
                f"the backup is of a newer Skyshelf (database revision {marker.revision}, this one"
                f" knows {HEAD}): restore with that one"
            )
        await asyncio.to_thread(self._folder.check_parts, marker)
        self._check_secret()
        self._take_folder(marker)
        return marker

    async def bring_back(self, marker: Marker, url: str, *, watcher: Watcher) -> Report:
        """Restore the catalogue, then the files.

        Parameters
        ----------
        marker
            As `begin` gave it.
        url
            SQLAlchemy URL of the database.
        watcher
            Hears how far it is.

        Returns
        -------
        Report
            With the files that are damaged or missing; they are marked in the catalogue.

        Raises
        ------
        NotEmptyError
            If the database has tables that did not come from this backup.
        UnavailableError
            If something is away; the next call goes on.
        """
        engine = make_engine(url, pool_size=2)
        try:
            sessions = make_sessions(engine)
            await self._restore_catalogue(marker, url, sessions)
            await migrate(engine)
            report = await self._restore_files(marker, watcher)
            await self._note_damage(sessions, report)
            await bring_home(sessions, self._settings)
        finally:
            await engine.dispose()
        for folder in self._drafts():
            shutil.rmtree(folder, ignore_errors=True)
        self._sign.unlink()
        return report

    @property
    def _sign(self) -> Path:
        return self._settings.data_dir.absolute() / _SIGN

    def _check_secret(self) -> None:
        """Refuse another secret key than that of the backup: links would end.

        Raises
        ------
        InvalidError
            If the settings name another one.
        """
        given, kept = self._settings.secret_key, self._folder.root / SECRETS[0]
        if given is None or not kept.is_file():
            return
        if given.get_secret_value() != kept.read_text(encoding="utf-8").strip():
            name = f"{PREFIX}SECRET_KEY"
            raise InvalidError(
                f"{name} is not the key that the backup was made with, so that signed links would"
                f" end and users get new tokens: unset it, or set it to what is in {kept}",
                field=name,
            )

    def _take_folder(self, marker: Marker) -> None:
        """Take the data folder, or find that an earlier call took it for the same backup.

        Raises
        ------
        NotEmptyError
            If something else is there.
        """
        wanted = {"state": marker.state, "dump": marker.dump.sha256}
        if self._sign.is_file():
            if json.loads(self._sign.read_text(encoding="utf-8")) == wanted:
                return
            raise NotEmptyError(
                f"another backup was half restored into {self._sign.parent}: finish that one, or"
                " empty the folder"
            )
        for folder in (self._settings.data_dir.absolute(), self._settings.archive_dir):
            if folder.is_dir() and {path.name for path in folder.iterdir()} - _IGNORED:
                raise NotEmptyError(
                    f"{folder} is not empty, and a restore overwrites nothing: name an empty folder"
                    f" by {PREFIX}DATA_DIR, or move away what is there"
                )
        write_private(self._sign, json.dumps(wanted))

    async def _restore_catalogue(self, marker: Marker, url: str, sessions: Sessions) -> None:
        """Restore the dump, unless an earlier call has; it comes in one transaction.

        Raises
        ------
        NotEmptyError
            If the database has other tables.
        """
        note = self._sign.with_name(f"{_SIGN}.catalogue")
        async with transaction(sessions) as session:
            is_empty = await BackupStore(session).is_empty()
        if is_empty:
            note.touch()
            file = self._folder.dump_file(marker.state)
            await restore(url, file, dumped_major=marker.dumped_with)
        elif not note.exists():
            raise NotEmptyError(
                "the database is not empty, and a restore overwrites nothing: name an empty one by"
                f" {PREFIX}DATABASE_URL"
            )

    async def _restore_files(self, marker: Marker, watcher: Watcher) -> Report:
        report = Report()
        self._settings.make_folders()
        for folder in self._drafts():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        watcher.expect(marker.counts.versions + marker.counts.thumbnails)
        await in_batches(
            self._folder.manifest_file(marker.state),
            partial(self._bring_some, report),
            after_each=lambda: watcher.tell(report.done, report.said()),
        )
        self._sign.with_name(f"{_SIGN}.catalogue").unlink(missing_ok=True)
        return report

    def _bring_some(self, report: Report, lines: Sequence[Line]) -> None:
        for result in at_once(self._bring, lines):
            if result is None:
                report.kept += 1
            elif isinstance(result, Flaw):
                report.flaws.append(result)
            else:
                report.copied += 1
                report.bytes_copied += result.size_bytes

    def _bring(self, line: Line) -> Digests | Flaw | None:
        """Bring a file, compared; None where an earlier call did."""
        archive_drafts, drafts = self._drafts()
        if isinstance(line, ExtraLine):
            path, target = line.path, self._extras.place(line.path)
        else:
            path, target = f"archive/{line.key}", self._settings.archive_dir / line.key
        if size_of(target) == line.size_bytes:
            return None
        mode = PRIVATE_MODE if path in SECRETS else None
        wanted = Wanted(
            path, self._folder.root / path, target, line.size_bytes, line.sha256, mode=mode
        )
        return bring(wanted, archive_drafts if path.startswith("archive/") else drafts)

    def _drafts(self) -> tuple[Path, Path]:
        """Folders for files under way, on the disks of the archive and of the data folder."""
        return self._settings.archive_dir / _DRAFTS, self._settings.data_dir.absolute() / _DRAFTS

    async def _note_damage(self, sessions: Sessions, report: Report) -> None:
        """Mark frames whose files could not be brought back; all others are proven whole."""
        damages = [
            (flaw.path.removeprefix("archive/"), flaw.trouble.value)
            for flaw in report.flaws
            if flaw.trouble in {Trouble.MISSING, Trouble.ALTERED, Trouble.UNREADABLE}
        ]
        async with transaction(sessions) as session:
            store = BackupStore(session)
            await store.clear_damage()
            await store.set_damage(damages)


def check_not_half(settings: Settings) -> None:
    """Refuse an archive whose restore was not finished: frames would be there without bytes.

    Parameters
    ----------
    settings
        Of the archive.

    Raises
    ------
    HalfRestoredError
        If it is one.
    """
    if (settings.data_dir.absolute() / _SIGN).is_file():
        raise HalfRestoredError(
            f"the restore into {settings.data_dir.absolute()} was not finished: call `skyshelf"
            " restore` again, which goes on"
        )
