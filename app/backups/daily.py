"""The manifest that the archive keeps beside its files, for the day the catalogue is lost.

A worker writes it once a day, some lines at a time: each slice is a member of one gzip file of its
own, and where a slice is done again, it writes over what the one before it left.
"""

import asyncio
import gzip
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from app.backups.manifest import FORMAT, Header, StoredLine, ThumbnailLine, encoded, end_line
from app.backups.models import BrokenBackupError
from app.backups.store import BackupStore
from app.core.clock import Clock
from app.db.engine import Sessions, transaction
from app.db.schema import HEAD
from app.jobs.models import Payload
from app.storage.errors import MissingFileError, translated
from app.storage.names import put_in_place

log = structlog.get_logger(__name__)

MANIFEST_JOB: Final = "manifest"
"""Kind of the job; its payload says where the slice before ended, and is empty at first."""

_FOLDER, _DRAFT, _ENDING = ".manifest", ".draft-", ".jsonl.gz"
_STAMP = "%Y%m%dT%H%M%S"
_LINES_AT_ONCE = 20_000
_KEPT = 3


def newest_manifest(archive_dir: Path) -> Path | None:
    """Find the newest manifest that an archive kept beside its files.

    Parameters
    ----------
    archive_dir
        Folder of the archive.

    Returns
    -------
    Path or None
        None where there is none.
    """
    found = sorted((archive_dir / _FOLDER).glob(f"[0-9]*{_ENDING}"))
    return found[-1] if found else None


class ManifestKeeper:
    """Writes a manifest into a hidden folder of the archive, where verifications do not look.

    Parameters
    ----------
    archive_dir
        Folder of the archive.
    sessions, clock
        Of the process.
    """

    def __init__(self, archive_dir: Path, *, sessions: Sessions, clock: Clock) -> None:
        self._folder = archive_dir / _FOLDER
        self._sessions = sessions
        self._clock = clock

    async def go_on(
        self, payload: Payload, *, lines_at_once: int = _LINES_AT_ONCE
    ) -> Payload | None:
        """Write the next slice.

        Parameters
        ----------
        payload
            As the slice before gave it; empty for the first one.
        lines_at_once
            Number of lines of a slice.

        Returns
        -------
        Payload or None
            Of the next slice; None once the manifest is complete.

        Raises
        ------
        UnavailableError
            If disk or database are away; the slice is done again.
        """  # the disk and the database raise it
        place = payload or await self._begin()
        async with transaction(self._sessions) as session:
            store = BackupStore(session)
            found = await store.list_after(place["kind"], place["after"], lines_at_once)
        raw = b"".join(map(encoded, found))
        try:
            size_bytes = await asyncio.to_thread(
                _append, self._folder / place["draft"], place["size_bytes"], raw
            )
        except (MissingFileError, BrokenBackupError):
            log.warning("the manifest of the day was taken away; it is begun anew tomorrow")
            return None
        following = _following(place, found, size_bytes)
        if following is None:
            await asyncio.to_thread(self._finish, place, size_bytes, place["lines"] + len(found))
        return following

    async def _begin(self) -> Payload:
        """Begin a manifest; what a dead one left goes."""
        async with transaction(self._sessions) as session:
            counts = await BackupStore(session).counts()
        now = self._clock()
        header = Header(format=FORMAT, revision=HEAD, made_at=now, counts=counts)
        draft = f"{_DRAFT}{uuid.uuid4().hex}"
        size_bytes = await asyncio.to_thread(self._new_draft, draft, encoded(header))
        return {
            "draft": draft,
            "stamp": now.strftime(_STAMP),
            "kind": "version",
            "after": 0,
            "size_bytes": size_bytes,
            "lines": 0,
        }

    def _new_draft(self, draft: str, header: bytes) -> int:
        with translated("the folder of manifests"):
            self._folder.mkdir(exist_ok=True)
            for old in self._folder.glob(f"{_DRAFT}*"):
                old.unlink(missing_ok=True)
            (self._folder / draft).touch(exist_ok=False)
        return _append(self._folder / draft, 0, header)

    def _finish(self, place: Payload, size_bytes: int, lines: int) -> None:
        """Write the last line, give the manifest its name, and remove old ones."""
        draft = self._folder / place["draft"]
        _append(draft, size_bytes, end_line(lines))
        with translated("the manifest"):
            put_in_place(draft, self._folder / f"{place['stamp']}{_ENDING}")
            for old in sorted(self._folder.glob(f"[0-9]*{_ENDING}"))[:-_KEPT]:
                old.unlink(missing_ok=True)
        log.info("manifest of the day", lines=lines)


def _following(place: Payload, found: Sequence[StoredLine], size_bytes: int) -> Payload | None:
    """Say where the next slice begins; None where this was the last one."""
    lines = place["lines"] + len(found)
    if found:
        last = found[-1]
        after = last.thumbnail_id if isinstance(last, ThumbnailLine) else last.version_id
        return {**place, "after": after, "size_bytes": size_bytes, "lines": lines}
    if place["kind"] == "version":
        return {**place, "kind": "thumbnail", "after": 0, "size_bytes": size_bytes}
    return None


def _append(file: Path, size_bytes: int, raw: bytes) -> int:
    """Write a member of a gzip file after what is known to be good; give its size then [byte].

    Raises
    ------
    BrokenBackupError
        If less is there than was written.
    """
    with translated("the manifest"), file.open("r+b") as stream:
        if stream.seek(0, os.SEEK_END) < size_bytes:
            raise BrokenBackupError("a part of the manifest is gone")
        stream.truncate(size_bytes)
        stream.seek(size_bytes)
        stream.write(gzip.compress(raw, compresslevel=6) if raw else b"")
        stream.flush()
        os.fsync(stream.fileno())
        return stream.tell()
