"""Bring files, whole or not at all: what arrives is compared with what it must be.

Everything here blocks: call from a thread.
"""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from app.backups.models import Flaw, Trouble
from app.core.errors import ArchiveError, FullError
from app.storage.digests import Digests, copy_with_digests, digest_file
from app.storage.errors import (
    MissingFileError,
    StorageFullError,
    StorageUnavailableError,
    translated,
)
from app.storage.names import linked, sync_folder

PRIVATE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is to be brought.

    Attributes
    ----------
    path
        How it is called in reports and in the ledger.
    source, target
        Where it is and where it goes.
    size_bytes, sha256
        What it must be; None for whatever it is.
    mode
        Permission bits of the target; None as any new file.
    """

    path: str
    source: Path
    target: Path
    size_bytes: int | None = None
    sha256: str | None = None
    mode: int | None = None

    def is_met(self, digests: Digests) -> bool:
        """Tell whether bytes are those that are wanted.

        Parameters
        ----------
        digests
            Of the bytes.

        Returns
        -------
        bool
            True where nothing is known of them.
        """
        return self.sha256 in {None, digests.sha256} and self.size_bytes in {
            None,
            digests.size_bytes,
        }


def bring(wanted: Wanted, drafts: Path, *, link: bool = False) -> Digests | Flaw:
    """Copy a file beside its target, compare it, and only then let it take its name.

    What lies at the target is kept unless the new bytes are proven good.

    Parameters
    ----------
    wanted
        The file.
    drafts
        Folder for files under way, on the disk of the target.
    link
        Whether to share the bytes where the file system can, instead of copying them.

    Returns
    -------
    Digests or Flaw
        Of what is there now; or what was wrong with the source.

    Raises
    ------
    StorageUnavailableError
        If the disk of the target refuses; a `StorageFullError` where there is no room.
    """
    draft = drafts / uuid.uuid4().hex
    try:
        digests = _drafted(wanted.source, draft, link=link)
    except MissingFileError:
        return Flaw(wanted.path, Trouble.MISSING, "the file is not there")
    except ArchiveError as error:
        if isinstance(error, FullError) or _takes_nothing(drafts):  # reading needs no room
            refused: StorageUnavailableError = _refused(drafts.parent, error)
            raise refused from error.__cause__
        return Flaw(wanted.path, Trouble.UNREADABLE, error.told_to_operator())
    if not wanted.is_met(digests):
        draft.unlink()
        return Flaw(wanted.path, Trouble.ALTERED, _difference(wanted, digests))
    with translated(wanted.path):
        if wanted.mode is not None:
            draft.chmod(wanted.mode)
        wanted.target.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(wanted.target)
        draft.unlink(missing_ok=True)  # a rename to another name of the same file does nothing
        sync_folder(wanted.target.parent)
    return digests


def compare(wanted: Wanted) -> Digests | Flaw:
    """Read what lies at the target, and compare it.

    Parameters
    ----------
    wanted
        The file.

    Returns
    -------
    Digests or Flaw
        Of what is there; or what is wrong with it.
    """
    try:
        digests = digest_file(wanted.target)
    except MissingFileError:
        return Flaw(wanted.path, Trouble.MISSING, "the file is not there")
    except ArchiveError as error:
        return Flaw(wanted.path, Trouble.UNREADABLE, error.told_to_operator())
    if wanted.is_met(digests):
        return digests
    return Flaw(wanted.path, Trouble.ALTERED, _difference(wanted, digests))


def size_of(path: Path) -> int | None:
    """Give the size of a regular file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    int or None
        Its size [byte]; None where there is none.
    """
    with translated(path.name):
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
    return status.st_size if path.is_file() and not path.is_symlink() else None


def _drafted(source: Path, draft: Path, *, link: bool) -> Digests:
    if link:
        with translated(source.name):
            is_linked = linked(source, draft)
        if is_linked:
            return digest_file(draft)
    return copy_with_digests(source, draft)


def _takes_nothing(folder: Path) -> bool:
    """Tell whether it is the disk of the target that refuses: then no file can be brought."""
    try:
        probe = folder / uuid.uuid4().hex
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, bytes(65_536))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError:
        return True
    return False


def _refused(folder: Path, error: ArchiveError) -> StorageUnavailableError:
    """Say which disk refuses, of the two that a copy needs."""
    kind = StorageFullError if isinstance(error, FullError) else StorageUnavailableError
    return kind(
        f"nothing more can be written to {folder}: make room there, or see to its disk, then call"
        " the same command again"
    )


def _difference(wanted: Wanted, digests: Digests) -> str:
    """Say how bytes differ from those that are wanted."""
    if wanted.size_bytes not in {None, digests.size_bytes}:
        return f"{digests.size_bytes} bytes instead of {wanted.size_bytes}"
    return f"the SHA-256 is {digests.sha256} instead of {wanted.sha256}"
