"""Private copies: nobody but the archive writes to the spool and to the quarantine."""

import json
import os
import uuid
from datetime import datetime
from pathlib import Path

import structlog

from app.core.faults import FaultPoint, reach
from app.fits.safe_names import safe_text
from app.ingest.models import Arrival, ReplacedError, Source
from app.storage.digests import Digests, copy_with_digests, digest_file
from app.storage.errors import NotAFileError, translated
from app.storage.names import linked, put_in_place

log = structlog.get_logger(__name__)

PRIVATE = "copy-"
"""How the names of copies in the spool begin whose bytes are kept elsewhere, too."""


def identity_of(path: Path) -> str:
    """Tell a file from any other that may lie at its path later.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    str
        Inode, size [byte] and the times [ns] at which its bytes and its entry were changed. Not
        the device: it differs between machines that share an inbox, and after each mount.

    Raises
    ------
    FileNotFoundError
        If it is gone.
    """
    stat = path.stat(follow_symlinks=False)
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"


def display_name(path: Path) -> str:
    """Give the name of a file as text that everybody can read.

    Parameters
    ----------
    path
        The file; its name may be any bytes.

    Returns
    -------
    str
        Without folders; bytes that are no UTF-8 are replaced.
    """
    return os.fsencode(path.name).decode("utf-8", "replace")


class Spool:
    """The spool and the quarantine, both blocking: call from a thread.

    Parameters
    ----------
    spool_dir
        For copies of files while they are being filed.
    quarantine_dir
        For files that could not be filed.
    """

    def __init__(self, spool_dir: Path, quarantine_dir: Path) -> None:
        self._spool_dir = spool_dir
        self._quarantine_dir = quarantine_dir

    def new_path(self, purpose: str = "") -> Path:
        """Name a new file of the spool.

        Parameters
        ----------
        purpose
            `PRIVATE` for bytes that are kept elsewhere, too: what a crash leaves of them may go.
            Empty for bytes that nobody else may have.

        Returns
        -------
        Path
            Nothing is there yet.
        """
        return self._spool_dir / f"{purpose}{uuid.uuid4().hex}"

    def take(self, arrival: Arrival) -> tuple[Path, Digests]:
        """Get a private copy of an arrival's bytes, and their digests.

        Parameters
        ----------
        arrival
            With a path that the archive holds, or one at its source.

        Returns
        -------
        Path
            In the spool or in the quarantine.
        Digests
            Of the bytes.

        Raises
        ------
        ReplacedError
            If somebody wrote to the file meanwhile.
        MissingFileError
            If it is gone.
        StorageUnavailableError
            If the disk refuses.
        """
        if arrival.held_path is not None:
            return arrival.held_path, digest_file(arrival.held_path)
        source = arrival.source_path
        if source is None:
            raise ReplacedError(f"{arrival.filename} was never kept; send it again")
        copy = self.new_path(PRIVATE)
        try:
            digests = copy_with_digests(source, copy)
        except NotAFileError as error:
            raise ReplacedError(
                f"{arrival.filename} is no regular file any more; send the file itself"
            ) from error
        if not is_same(source, arrival.source_identity):
            copy.unlink(missing_ok=True)
            raise ReplacedError(
                f"{arrival.filename} was replaced, moved or written to while it was read; it is"
                " taken again when it is complete"
            )
        reach(FaultPoint.COPIED)
        return copy, digests

    def quarantine(self, arrival: Arrival, copy: Path, reason: str, now: datetime) -> Path:
        """Keep a private copy in the quarantine too, beside a note that says why.

        The copy itself stays until the catalogue says where the bytes are.

        Parameters
        ----------
        arrival
            The file.
        copy
            Its bytes.
        reason
            Why it could not be filed, for a person.
        now
            When, UTC.

        Returns
        -------
        Path
            Where the bytes are now.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses.
        """
        kept = self._quarantine_dir / f"{arrival.id:08d}-{safe_text(arrival.filename)[-50:]}"
        note = {
            "id": arrival.id,
            "filename": arrival.filename,
            "source": arrival.source,
            "size_bytes": arrival.size_bytes,
            "reason": reason,
            "received_at": arrival.received_at.isoformat(),
            "quarantined_at": now.isoformat(),
        }
        with translated(kept.name):
            if copy != kept:
                kept.unlink(missing_ok=True)
                if not linked(copy, kept):
                    copy_with_digests(copy, kept)
            reach(FaultPoint.QUARANTINE_LINKED)
            draft = kept.with_name(f".{kept.name}.json")
            draft.write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
            put_in_place(draft, note_of(kept))
        reach(FaultPoint.QUARANTINE_NOTED)
        return kept


def note_of(kept: Path) -> Path:
    """Name the note beside a file in quarantine.

    Parameters
    ----------
    kept
        The file.

    Returns
    -------
    Path
        The JSON file.
    """
    return kept.with_name(f"{kept.name}.json")


def is_same(path: Path, identity: str | None) -> bool:
    """Say whether the file at a path is still the one that was noticed.

    Parameters
    ----------
    path
        The file.
    identity
        As `identity_of` gave it.

    Returns
    -------
    bool
        False if it is another one, or gone.
    """
    try:
        return identity_of(path) == identity
    except FileNotFoundError:
        return False


def remove_source(arrival: Arrival) -> bool:
    """Remove a file from the inbox, unless another one took its place; other sources keep theirs.

    Parameters
    ----------
    arrival
        Whose bytes are kept elsewhere by now.

    Returns
    -------
    bool
        False where the system refuses, which is logged: the file lies in the way and harms nobody.
    """
    path = arrival.source_path
    if arrival.source is not Source.INBOX or path is None:
        return True
    try:
        if is_same(path, arrival.source_identity):
            path.unlink(missing_ok=True)
            reach(FaultPoint.SOURCE_REMOVED)
    except OSError as error:
        log.warning(
            "inbox file cannot be removed; it is kept elsewhere: make the inbox writable",
            file=arrival.filename,
            reason=error.strerror,
        )
        return False
    return True


def remove_copy(path: Path) -> None:
    """Remove a file of the spool or the quarantine that nobody needs; no-op if it is gone.

    Parameters
    ----------
    path
        The file. Where the system refuses, it stays, which is logged: what became of the bytes is
        settled already, and must not fail for it.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning(
            "a file of the archive's own cannot be removed", file=path.name, reason=error.strerror
        )


def remove_held(path: Path | None) -> None:
    """Remove a private copy and its note.

    Parameters
    ----------
    path
        In the spool or the quarantine; None for nothing.
    """
    if path is not None:
        remove_copy(path)
        remove_copy(note_of(path))
