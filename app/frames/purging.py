"""Remove deleted frames for ever, when they have expired or somebody empties the trash."""

import time

import structlog

from app.audit.log import AuditLog
from app.core.clock import Clock
from app.core.errors import ArchiveError
from app.core.faults import FaultPoint, reach
from app.core.identity import SYSTEM, Caller
from app.db.engine import Sessions, transaction
from app.frames.store import TrashStore
from app.frames.trash import RemovedFrame, RemovedState
from app.frames.trash_files import TrashFiles
from app.jobs.models import Payload

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_AT_ONCE = 20
_SLICE_S = 8.0


class PurgeService:
    """Empties the trash. Who deleted what, when and why stays known.

    Parameters
    ----------
    sessions, clock
        Of the process.
    files
        Removes the files.
    """

    def __init__(self, *, sessions: Sessions, clock: Clock, files: TrashFiles) -> None:
        self._sessions = sessions
        self._clock = clock
        self._files = files

    async def go_on(self, payload: Payload) -> Payload | None:
        """Purge expired frames for a few seconds.

        Parameters
        ----------
        payload
            Of the job: empty for the first one of a day, then the number of the deletion at which
            the slice before ended.

        Returns
        -------
        Payload or None
            Of the next slice; None where nothing is left.
        """
        after = payload.get("after", 0)
        until_s = time.monotonic() + _SLICE_S
        while expired := await self._list(after, everything=False):
            for removed in expired:
                await self._try(removed)
            after = expired[-1].id
            if time.monotonic() >= until_s:
                return {"after": after}
        await self._files.sweep()
        return None

    async def empty(self, caller: Caller, *, only_expired: bool) -> int:
        """Purge now.

        Parameters
        ----------
        caller
            Who wants it; he sees everything.
        only_expired
            Whether those stay that can be brought back.

        Returns
        -------
        int
            How many frames were purged.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses.
        """
        after, count = 0, 0
        while removable := await self._list(after, everything=not only_expired):
            for removed in removable:
                count += await self._purge(removed, caller)
            after = removable[-1].id
        await self._files.sweep()
        return count

    async def _list(self, after: int, *, everything: bool) -> tuple[RemovedFrame, ...]:
        async with transaction(self._sessions) as session:
            trash = TrashStore(session, self._clock())
            return await trash.list_removable(after=after, limit=_AT_ONCE, everything=everything)

    async def _try(self, removed: RemovedFrame) -> None:
        """Purge a frame; where something is away, it stays for the next day."""
        try:
            await self._purge(removed, SYSTEM)
        except ArchiveError as error:
            log.warning("not purged", removal=removed.id, reason=error.message)

    async def _purge(self, removed: RemovedFrame, caller: Caller) -> bool:
        """Forget the rows, then remove the files; False where somebody brought the frame back."""
        await self._files.move(removed.id)
        async with transaction(self._sessions) as session:
            trash = TrashStore(session, self._clock())
            now = await trash.find(removed.id, lock=True)
            if now is None or now.state not in {RemovedState.KEPT, RemovedState.EXPIRED}:
                return False
            await trash.replace_state(removed.id, RemovedState.PURGED)
            await AuditLog(session).add(
                who=caller,
                action="purge frame",
                subject=f"frame {removed.basename}",
                details={
                    "frame_id": removed.frame_id,
                    "removal_id": removed.id,
                    "size_bytes": removed.size_bytes,
                },
            )
        reach(FaultPoint.PURGE_COMMITTED)
        await self._files.empty(removed)
        return True
