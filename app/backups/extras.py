"""Files beside the archive that a backup has too: quarantine, spool, trash, secrets."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.backups.copying import PRIVATE_MODE, Wanted, bring, size_of
from app.backups.folder import BackupFolder
from app.backups.ledger import Entry, Ledger
from app.backups.manifest import SECRETS, ExtraLine, check_extra
from app.backups.models import Flaw, Report, Trouble
from app.backups.store import Held
from app.settings import Settings, write_private

TRASH = "archive/.trash"
_KEY = SECRETS[0]


@dataclass(frozen=True, slots=True)
class _Found:
    """A file beside the archive."""

    path: str
    source: Path
    size_bytes: int
    mtime_ns: int


class Extras:
    """Knows the files beside the archive.

    Parameters
    ----------
    settings
        Say where the folders are.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def mirror(
        self,
        folder: BackupFolder,
        ledger: Ledger,
        held: Sequence[Held],
        report: Report,
        *,
        secrets: bool,
    ) -> list[ExtraLine]:
        """Bring what is new or was changed. Blocks.

        Parameters
        ----------
        folder, ledger
            The backup.
        held
            What arrivals need.
        report
            Takes note.
        secrets
            Whether the backup shall hold the secrets; else they are removed from it.

        Returns
        -------
        list of ExtraLine
            All that are in the backup now. A file that vanished meanwhile is not among them.
        """
        lines: list[ExtraLine] = []
        found_secrets = self._secrets(folder) if secrets else ()
        for found in (*self._all(held), *found_secrets):
            entry = self._bring(found, folder, ledger, report)
            if entry is not None:
                lines.append(
                    ExtraLine(path=entry.path, size_bytes=entry.size_bytes, sha256=entry.sha256)
                )
        if not secrets:
            for name in SECRETS:
                (folder.root / name).unlink(missing_ok=True)
        return lines

    def place(self, path: str) -> Path:
        """Tell where a file of a backup goes when it is restored.

        Parameters
        ----------
        path
            In the backup.

        Returns
        -------
        Path
            In the data folder, or in the archive's.
        """
        top, *rest = PurePosixPath(check_extra(path)).parts
        roots = {
            "quarantine": self._settings.quarantine_dir,
            "spool": self._settings.spool_dir,
            "archive": self._settings.archive_dir,
        }
        root = roots.get(top)
        return self._settings.data_dir.absolute() / top if root is None else root.joinpath(*rest)

    def name_of(self, held: Held) -> str | None:
        """Tell how a file that an arrival needs is called in the backup.

        Parameters
        ----------
        held
            The file.

        Returns
        -------
        str or None
            None where it lies neither in the quarantine nor in the spool.
        """
        folder = held.path.parent.name  # the data folder may have moved since
        return f"{folder}/{held.path.name}" if folder in {"quarantine", "spool"} else None

    def _all(self, held: Sequence[Held]) -> Iterator[_Found]:
        yield from _below("quarantine", self._settings.quarantine_dir)
        yield from _below(TRASH, self._settings.archive_dir / ".trash")
        for name in sorted({name for one in held if (name := self.name_of(one))}):
            if name.startswith("spool/"):
                yield from _one(name, self.place(name))

    def _secrets(self, folder: BackupFolder) -> Iterator[_Found]:
        """Find the secrets; a key that the settings give is written down, no file holds it."""
        for name in SECRETS:
            file = self._settings.data_dir.absolute() / name
            if name == _KEY and self._settings.secret_key is not None:
                file = folder.drafts / name
                write_private(file, self._settings.secret())
            yield from _one(name, file)

    def _bring(
        self, found: _Found, folder: BackupFolder, ledger: Ledger, report: Report
    ) -> Entry | None:
        known = ledger.find([found.path]).get(found.path)
        target = folder.root / found.path
        is_same = known is not None and known.source_mtime_ns == found.mtime_ns
        if known and is_same and known.size_bytes == found.size_bytes == size_of(target):
            report.kept += 1
            return known
        mode = PRIVATE_MODE if found.path in SECRETS else None
        result = bring(Wanted(found.path, found.source, target, mode=mode), folder.drafts)
        if isinstance(result, Flaw):
            if result.trouble is not Trouble.MISSING:
                report.flaws.append(result)
            return None
        entry = Entry(found.path, result.size_bytes, result.sha256, found.mtime_ns)
        ledger.keep([entry])
        report.copied += 1
        report.bytes_copied += result.size_bytes
        return entry


def _below(name: str, folder: Path) -> Iterator[_Found]:
    """Walk through the regular files of a folder; one that vanishes meanwhile is passed over."""
    for root, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(root) / file
            if not file.startswith("."):
                relative = path.relative_to(folder).as_posix()
                yield from _one(f"{name}/{relative}", path)


def _one(name: str, path: Path) -> Iterator[_Found]:
    try:
        status = path.lstat()
        check_extra(name)
    except (FileNotFoundError, ValueError):  # somebody else's file, with a name that is no text
        return
    if path.is_file() and not path.is_symlink():
        yield _Found(name, path, status.st_size, status.st_mtime_ns)
