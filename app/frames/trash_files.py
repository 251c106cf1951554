"""The files of deleted frames, between the archive and the trash."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from app.core.clock import Clock
from app.core.errors import ArchiveError
from app.core.faults import FaultPoint, reach
from app.db.engine import Sessions, Transaction, transaction
from app.frames.store import TrashStore
from app.frames.trash import RemovedFrame, RemovedState, RestoreConflictError, TrashedFile
from app.storage.digests import digest_file
from app.storage.errors import MissingFileError, NotAFileError, OccupiedError
from app.storage.protocol import Staged, Store

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Returning:
    """A file of a deleted frame on its way back.

    Attributes
    ----------
    staged
        Its bytes, where it was.
    sha256
        Of these bytes.
    """

    staged: Staged
    sha256: str


_AT_ONCE = 1000
_MOVABLE = {RemovedState.KEPT, RemovedState.EXPIRED}


async def is_awaited(session: Transaction, store: Store, key: str, now: datetime) -> bool:
    """Tell whether the file of a key belongs to a deleted frame and is not in the trash yet.

    Parameters
    ----------
    session
        Within a transaction that holds the lock of the key.
    store
        Where the file is.
    key
        One that no row has.
    now
        UTC.

    Returns
    -------
    bool
        True: whoever removes the file takes it from the deleted frame.
    """
    removed = await TrashStore(session, now).list_awaiting(key)
    return any([not await _is_in_trash(store, key, each.place) for each in removed])


async def _is_in_trash(store: Store, key: str, place: str) -> bool:
    try:
        await asyncio.to_thread(store.trash.path, key, place)
    except MissingFileError:
        return False
    return True


class TrashFiles:
    """Moves files to the trash, and brings copies of them back.

    Parameters
    ----------
    sessions, store, clock
        Of the process.
    """

    def __init__(self, sessions: Sessions, store: Store, clock: Clock) -> None:
        self._sessions = sessions
        self._store = store
        self._clock = clock

    async def move(self, removal_id: int) -> None:
        """Move the files of a deleted frame to the trash, as far as they are not there.

        Parameters
        ----------
        removal_id
            Number of the deletion; nothing happens where it was undone or its files are purged.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses.
        """
        async with transaction(self._sessions) as session:
            files = await TrashStore(session, self._clock()).list_files(removal_id)
        for file in files:
            await self._move(removal_id, file)
            reach(FaultPoint.REMOVAL_FILE_MOVED)

    async def _move(self, removal_id: int, file: TrashedFile) -> None:
        """Move a file; if the same bytes were filed anew meanwhile and adopted it, copy it."""
        async with transaction(self._sessions) as session:
            trash = TrashStore(session, self._clock())
            removed = await trash.find(removal_id, lock=True)
            if removed is None or removed.state not in _MOVABLE:
                return
            await trash.lock_key(file.key)
            stored = await trash.find_stored(file.key)
            if stored is None:
                await self._store.trash.take(file.key, removed.place)
            elif stored == file.sha256:
                await self._store.trash.take_copy(file.key, removed.place)

    @asynccontextmanager
    async def staged(self, removed: RemovedFrame) -> AsyncIterator[tuple[Returning, ...]]:
        """Stage the files of a deleted frame where they were, after proving them whole.

        Parameters
        ----------
        removed
            The deletion; its files are in the trash, where they stay.

        Yields
        ------
        tuple of Returning
            For `show`.

        Raises
        ------
        RestoreConflictError
            If a file is missing in the trash, or is not what it was.
        """  # _check raises it
        async with transaction(self._sessions) as session:
            files = await TrashStore(session, self._clock()).list_files(removed.id)
        async with AsyncExitStack() as stack:
            returning = []
            for file in files:
                sha256 = await self._check(removed, file)
                path = self._store.trash.path(file.key, removed.place)
                one = await self._store.stage(path, file.key, adopt=True)
                stack.callback(one.discard)
                returning.append(Returning(one, sha256))
            reach(FaultPoint.RESTORE_STAGED)
            yield tuple(returning)

    async def _check(self, removed: RemovedFrame, file: TrashedFile) -> str:
        """Refuse a file that is not what it was; one that was damaged before comes back as it is.

        Raises
        ------
        RestoreConflictError
            If it is missing, or its bytes have changed.
        """
        try:
            path = self._store.trash.path(file.key, removed.place)
            digests = await asyncio.to_thread(digest_file, path)
        except MissingFileError as error:
            raise RestoreConflictError(
                f"{removed.basename} cannot be brought back: its file {file.key} is not in the"
                " trash; put it there from a backup, then try again"
            ) from error
        if digests.sha256 != file.sha256 and not file.is_damaged:
            raise RestoreConflictError(
                f"{removed.basename} cannot be brought back: the bytes of its file {file.key} have"
                " changed in the trash; replace it there from a backup, then try again"
            )
        return digests.sha256

    async def show(self, files: Sequence[Returning]) -> None:
        """Make staged files visible, as the last step of the transaction that adds their rows.

        What a call before this one made visible and did not live to commit is adopted.

        Parameters
        ----------
        files
            As `staged` gave them; their keys are locked, and nobody else has rows for them.

        Raises
        ------
        RestoreConflictError
            If something else lies at one of the keys.
        ArchiveError
            If the disk refuses; in either case none of these files is visible then.
        """  # _show raises it
        shown: list[str] = []
        try:
            for file in files:
                if await self._show(file):
                    shown.append(file.staged.key)
                reach(FaultPoint.RESTORE_FILE_VISIBLE)
        except ArchiveError:
            for key in shown:
                await self._store.remove(key)
            raise

    async def _show(self, file: Returning) -> bool:
        """Give a staged file its name; False where it was there already.

        Raises
        ------
        RestoreConflictError
            If something else lies there.
        """
        key = file.staged.key
        try:
            await asyncio.to_thread(file.staged.commit)
        except OccupiedError as error:
            if await self._sha256_at(key) == file.sha256:
                return False
            raise RestoreConflictError(
                f"the frame cannot be brought back: a file that belongs to no frame lies at {key};"
                " move it away, then try again"
            ) from error
        return True

    async def _sha256_at(self, key: str) -> str | None:
        try:
            return (await asyncio.to_thread(lambda: digest_file(self._store.path(key)))).sha256
        except (MissingFileError, NotAFileError):
            return None

    async def empty(self, removed: RemovedFrame) -> None:
        """Remove the files of a deletion that is undone or purged; what stays goes another day.

        Parameters
        ----------
        removed
            The deletion.
        """
        try:
            await self._store.trash.empty(removed.place)
        except ArchiveError as error:
            log.warning("trash not emptied", removal_id=removed.id, reason=error.message)

    async def sweep(self) -> None:
        """Remove what deletions that are undone or purged left in the trash.

        What belongs to no deletion at all stays: the database may have been brought back from an
        older backup.
        """
        places = {place async for place in self._store.trash.iter_places()}
        numbers = [
            int(number) for place in places if (number := place.partition("-")[0]).isdecimal()
        ]
        for first in range(0, len(numbers), _AT_ONCE):
            async with transaction(self._sessions) as session:
                trash = TrashStore(session, self._clock())
                ended = await trash.list_ended(numbers[first : first + _AT_ONCE])
            for removed in ended:
                if removed.place in places:
                    await self.empty(removed)
