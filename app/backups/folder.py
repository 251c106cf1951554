"""The folder of a backup: what is where in it, and when it is whole.

::

    backup.json                 the newest finished state, and its checksums; written last
    states/<when>/              catalogue.dump, manifest.jsonl.gz
    archive/…                   the stored files, each under its key; archive/.trash/…
    quarantine/… spool/…        what could not be filed, or not yet
    secret-key admin-password   what tokens and links depend on
    ledger.sqlite               what was read already; may be lost
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from app.backups.ledger import Ledger
from app.backups.manifest import Counts
from app.backups.models import BrokenBackupError, NoBackupError, WrongFolderError
from app.core.errors import NotFoundError, UnavailableError
from app.storage.digests import digest_file
from app.storage.names import prune, put_in_place, sync, sync_folder

FORMAT: Final = 1
_MARKER, _LEDGER, _LOCK = "backup.json", "ledger.sqlite", "lock"
_STATES, _DRAFTS = "states", ".drafts"
_STATE_NAME = "%Y%m%dT%H%M%S"
_KEPT_STATES = 2


class Part(BaseModel):
    """A file without which nothing can be restored.

    Attributes
    ----------
    size_bytes, sha256
        Of its bytes.
    """

    model_config = ConfigDict(frozen=True)

    size_bytes: int
    sha256: str


class Marker(BaseModel):
    """Says that a backup is finished, and what proves it whole.

    Attributes
    ----------
    format
        Version of the form of the folder.
    state
        Name of the folder of the newest finished state.
    made_at
        When, UTC.
    revision
        Of the database's schema.
    dumped_with
        Major version of the program that wrote the dump.
    dump, manifest
        Checksums.
    counts
        Of the archive then.
    flaws
        How many files were found damaged or missing in the archive then.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    state: str = Field(pattern=r"^[0-9A-Za-z-]+$")
    made_at: datetime
    revision: str
    dumped_with: int
    dump: Part
    manifest: Part
    counts: Counts
    flaws: int


class BackupFolder:
    """A backup in a folder.

    Parameters
    ----------
    root
        The folder; need not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def ledger_file(self) -> Path:
        """Where the ledger is."""
        return self.root / _LEDGER

    @property
    def drafts(self) -> Path:
        """Where files are while they are being written."""
        return self.root / _DRAFTS

    def dump_file(self, state: str) -> Path:
        """Tell where the dump of a state is.

        Parameters
        ----------
        state
            Its name.

        Returns
        -------
        Path
            The file.
        """
        return self.root / _STATES / state / "catalogue.dump"

    def manifest_file(self, state: str) -> Path:
        """Tell where the manifest of a state is.

        Parameters
        ----------
        state
            Its name.

        Returns
        -------
        Path
            The file.
        """
        return self.root / _STATES / state / "manifest.jsonl.gz"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder private, and keep other backups out of it meanwhile.

        Yields
        ------
        None
            While it is held.

        Raises
        ------
        WrongFolderError
            If something else lies there, or the folder around it is missing.
        UnavailableError
            If another backup into it is being made.
        """
        if not self.root.parent.is_dir():
            raise WrongFolderError(
                f"there is no folder {self.root.parent}: mount the disk of the backup, or make the"
                " folder"
            )
        if self.root.exists() and not self.root.is_dir():
            raise WrongFolderError(f"{self.root} is no folder: name an empty one, or a new one")
        if self.root.is_dir() and not self._is_ours():
            raise WrongFolderError(
                f"{self.root} holds something that is no backup: name an empty folder, or one that"
                " this command filled before"
            )
        self.root.mkdir(mode=0o700, exist_ok=True)
        self.root.chmod(0o700)
        with (self.root / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UnavailableError(
                    f"another command works on the backup in {self.root}; wait for its end"
                ) from error
            self._clear_drafts()
            yield

    def new_state(self, now: datetime) -> str:
        """Make the folder of a new state.

        Parameters
        ----------
        now
            When, UTC.

        Returns
        -------
        str
            Its name.
        """
        name = f"{now.strftime(_STATE_NAME)}-{uuid.uuid4().hex[:8]}"
        (self.root / _STATES / name).mkdir(parents=True)
        return name

    def drop_state(self, state: str) -> None:
        """Remove a state that was not finished.

        Parameters
        ----------
        state
            Its name.
        """
        shutil.rmtree(self.root / _STATES / state, ignore_errors=True)

    def part_of(self, file: Path) -> Part:
        """Make a file of a state durable, and read it once.

        Parameters
        ----------
        file
            Dump or manifest.

        Returns
        -------
        Part
            Its checksums.
        """
        sync(file)
        sync_folder(file.parent)
        digests = digest_file(file)
        return Part(size_bytes=digests.size_bytes, sha256=digests.sha256)

    def finish(self, marker: Marker) -> None:
        """Say that a state is finished: from now on it is the backup. Old states go.

        Parameters
        ----------
        marker
            What proves it whole.
        """
        sync_folder(self.root / _STATES)
        draft = self.drafts / _MARKER
        draft.write_text(marker.model_dump_json(indent=2) + "\n", encoding="utf-8")
        put_in_place(draft, self.root / _MARKER)
        self._drop_old_states(marker.state)

    def marker(self) -> Marker:
        """Read which state is finished.

        Returns
        -------
        Marker
            Of a form that this program knows.

        Raises
        ------
        NoBackupError
            If none is.
        BrokenBackupError
            If it cannot be read.
        """
        try:
            raw = (self.root / _MARKER).read_bytes()
            marker = Marker.model_validate_json(raw)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoBackupError(
                f"{self.root} holds no finished backup: {_MARKER} is written last; run `skyshelf"
                " backup` to its end"
            ) from error
        except ValueError:
            raise BrokenBackupError(
                f"{self.root / _MARKER} is damaged: restore from another backup, or make this one"
                " again"
            ) from None  # what pydantic says is for programmers
        if marker.format != FORMAT:
            raise BrokenBackupError(
                f"the backup has the form {marker.format}, and this Skyshelf knows {FORMAT}: use"
                " the Skyshelf that made it, or a newer one"
            )
        return marker

    def check_parts(self, marker: Marker) -> None:
        """Read dump and manifest, and refuse altered ones.

        Parameters
        ----------
        marker
            Says what they must be.

        Raises
        ------
        BrokenBackupError
            If one of them is missing or altered.
        """
        parts = {
            self.dump_file(marker.state): marker.dump,
            self.manifest_file(marker.state): marker.manifest,
        }
        for file, part in parts.items():
            try:
                digests = digest_file(file)
            except NotFoundError as error:
                raise BrokenBackupError(f"{file} is missing") from error
            if (digests.size_bytes, digests.sha256) != (part.size_bytes, part.sha256):
                raise BrokenBackupError(
                    f"{file} was altered since it was written: restore from another backup, or"
                    " make this one again"
                )

    def prune(self, state: str, named: AbstractSet[str], ledger: Ledger) -> int:
        """Remove files that nobody names any more, and all states but one.

        Parameters
        ----------
        state
            The one that stays.
        named
            Paths of the files that stay.
        ledger
            Forgets the others.

        Returns
        -------
        int
            How many files were removed.
        """
        for other in (self.root / _STATES).iterdir():
            if other.name != state:
                self.drop_state(other.name)
        removed = 0
        for top in ("archive", "quarantine", "spool"):
            for folder, _, files in os.walk(self.root / top, topdown=False):
                paths = [Path(folder) / name for name in files]
                gone = [
                    path for path in paths if path.relative_to(self.root).as_posix() not in named
                ]
                for path in gone:
                    path.unlink()
                    prune(path, self.root)
                ledger.forget([path.relative_to(self.root).as_posix() for path in gone])
                removed += len(gone)
        return removed

    def _is_ours(self) -> bool:
        names = {path.name for path in self.root.iterdir()} - {"lost+found"}
        return not names or bool(names & {_MARKER, _LEDGER, _LOCK})

    def _clear_drafts(self) -> None:
        if self.drafts.exists():
            shutil.rmtree(self.drafts)
        self.drafts.mkdir()

    def _drop_old_states(self, newest: str) -> None:
        """Keep the newest states, and no half ones of runs that were killed."""
        folder = self.root / _STATES
        names = sorted((path.name for path in folder.iterdir()), reverse=True)
        whole = [name for name in names if self.manifest_file(name).is_file()]
        kept = {newest, *[name for name in whole if name <= newest][:_KEPT_STATES]}
        for name in names:
            if name not in kept:
                self.drop_state(name)
