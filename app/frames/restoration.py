"""Bring deleted frames back from the trash."""

from collections.abc import AsyncGenerator, Sequence

from app.audit.log import AuditLog
from app.core.clock import Clock
from app.core.faults import FaultPoint, reach
from app.core.identity import Caller
from app.core.paging import Page, Window
from app.db.engine import Sessions, transaction
from app.frames.store import Sight, TrashStore
from app.frames.trash import (
    RemovedFrame,
    RemovedFrameNotFoundError,
    RemovedState,
    RestoreConflictError,
)
from app.frames.trash_files import Returning, TrashFiles
from app.settings import InternalFrames


class RestorationService:
    """Lists deleted frames and brings them back; a caller sees those that he would see as frames.

    Parameters
    ----------
    sessions, clock
        Of the process.
    files
        Brings the files back.
    internal
        Who sees frames without a proposal and a public date.
    """

    def __init__(
        self, *, sessions: Sessions, clock: Clock, files: TrashFiles, internal: InternalFrames
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._files = files
        self._internal = internal

    async def list(
        self, caller: Caller, window: Window, state: RemovedState | None = None
    ) -> Page[RemovedFrame]:
        """List deletions, newest first.

        Parameters
        ----------
        caller
            Who asks.
        window
            Which part of them.
        state
            Only those of this state; None for all.

        Returns
        -------
        Page
            The deletions, and how many there are.
        """
        now = self._clock()
        async with transaction(self._sessions) as session:
            return await TrashStore(session, now).list(self._sight(caller), state, window)

    async def stream(
        self, caller: Caller, window: Window, state: RemovedState | None = None
    ) -> AsyncGenerator[Sequence[RemovedFrame], None]:
        """Go through deletions, newest first, as they were at the beginning.

        Parameters
        ----------
        caller, window, state
            As in `list`.

        Yields
        ------
        Sequence of RemovedFrame
            The next ones. Close the iterator: it holds a connection.
        """
        now = self._clock()
        async with transaction(self._sessions) as session:
            trash = TrashStore(session, now)
            async for removed in trash.stream(self._sight(caller), state, window):
                yield removed

    async def restore(self, removal_id: int, caller: Caller) -> RemovedFrame:
        """Bring a frame back as it was: numbers, versions, headers, relations, owner, bytes.

        Safe to be called again: what was interrupted is finished, and what is back stays.

        Parameters
        ----------
        removal_id
            Number of the deletion.
        caller
            Who asks.

        Returns
        -------
        RemovedFrame
            As it is now.

        Raises
        ------
        RemovedFrameNotFoundError
            If the caller sees no such deletion, or it has expired.
        RestoreConflictError
            If its name, number or bytes came in anew meanwhile, if a file is not what it was, or if
            the frame was brought back before and deleted again.
        """  # _put_back and TrashFiles raise it, too
        async with transaction(self._sessions) as session:
            trash = TrashStore(session, self._clock())
            removed = await trash.get(removal_id, self._sight(caller))
            is_there = await trash.is_there(removed.frame_id)
        if removed.state is RemovedState.RESTORED and not is_there:
            raise RestoreConflictError(
                f"{removed.basename} was brought back before and deleted again: undo the latest"
                " deletion instead"
            )
        if removed.state is not RemovedState.RESTORED:
            _refuse_ended(removed)
            await self._files.move(removal_id)
            async with self._files.staged(removed) as files:
                await self._put_back(removal_id, files, caller)
            reach(FaultPoint.RESTORE_COMMITTED)
        await self._files.empty(removed)
        return await self._get(removal_id)

    async def _put_back(self, removal_id: int, files: Sequence[Returning], caller: Caller) -> None:
        """Put the rows back, and make the files visible as the last step."""
        async with transaction(self._sessions) as session:
            trash = TrashStore(session, self._clock())
            removed = await trash.find(removal_id, lock=True)
            if removed is None or removed.state is RemovedState.RESTORED:
                return
            _refuse_ended(removed)
            await trash.put_back(removed)
            await trash.replace_state(removal_id, RemovedState.RESTORED)
            await AuditLog(session).add(
                who=caller,
                action="restore frame",
                subject=f"frame {removed.basename}",
                details={"frame_id": removed.frame_id, "removal_id": removal_id},
            )
            reach(FaultPoint.RESTORE_WRITTEN)
            await self._files.show(files)

    async def _get(self, removal_id: int) -> RemovedFrame:
        """Get a deletion, whoever may see it.

        Raises
        ------
        RemovedFrameNotFoundError
            If there is none.
        """
        async with transaction(self._sessions) as session:
            removed = await TrashStore(session, self._clock()).find(removal_id)
        if removed is None:
            raise RemovedFrameNotFoundError(f"there is no removed frame {removal_id}")
        return removed

    def _sight(self, caller: Caller) -> Sight:
        return Sight(caller=caller, now=self._clock(), internal=self._internal)


def _refuse_ended(removed: RemovedFrame) -> None:
    """Refuse what has expired.

    Raises
    ------
    RemovedFrameNotFoundError
        If it has; its files go with the next daily job, or have gone.
    """
    if removed.state is RemovedState.KEPT:
        return
    raise RemovedFrameNotFoundError(
        f"{removed.basename} cannot be brought back: it expired at"
        f" {removed.expires_at:%Y-%m-%d %H:%M} UTC"
        if removed.state is RemovedState.EXPIRED
        else f"{removed.basename} cannot be brought back: its files are gone for ever"
    )
