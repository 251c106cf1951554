"""Delete frames: their rows and files go to the trash, from where they can be brought back."""

from datetime import timedelta

import structlog

from app.audit.log import AuditLog
from app.core.clock import Clock
from app.core.errors import ArchiveError
from app.core.faults import FaultPoint, reach
from app.core.identity import Caller
from app.db.engine import Sessions, transaction
from app.frames.models import FrameNotFoundError
from app.frames.store import FrameReader, Removal, Sight, TrashStore
from app.frames.trash import TRASH_JOB
from app.frames.trash_files import TrashFiles
from app.jobs.models import Priority
from app.jobs.service import JobQueue
from app.settings import InternalFrames

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_SAFETY_NET = timedelta(minutes=1)


class RemovalService:
    """Deletes frames. What came in stays known among the arrivals, without its frame.

    Parameters
    ----------
    sessions, queue, clock
        Of the process.
    files
        Moves the files.
    internal
        Who sees frames without a proposal and a public date.
    kept_for
        How long a deleted frame can be brought back.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        queue: JobQueue,
        clock: Clock,
        files: TrashFiles,
        internal: InternalFrames,
        kept_for: timedelta,
    ) -> None:
        self._sessions = sessions
        self._queue = queue
        self._clock = clock
        self._files = files
        self._internal = internal
        self._kept_for = kept_for

    async def remove(self, frame_id: int, caller: Caller, reason: str | None = None) -> int:
        """Delete a frame with all its versions, thumbnails and their files.

        The rows go first, so that there is never a row without its file; a file that is gone
        already is fine. One that the disk does not let go of is moved by a job, as soon as it can
        be. Who may delete is decided by whoever calls this.

        Parameters
        ----------
        frame_id
            The frame.
        caller
            Who asks.
        reason
            Why, for the audit; None where nobody says it.

        Returns
        -------
        int
            Number of the deletion, by which it can be undone.

        Raises
        ------
        FrameNotFoundError
            If the caller sees no such frame.
        """  # _record raises it
        removal_id, job_id = await self._record(frame_id, caller, reason)
        reach(FaultPoint.REMOVAL_RECORDED)
        try:
            await self._files.move(removal_id)
            await self._queue.withdraw(job_id)
        except ArchiveError as error:
            log.warning("files of a removed frame wait", removal=removal_id, reason=error.message)
        return removal_id

    async def _record(self, frame_id: int, caller: Caller, reason: str | None) -> tuple[int, int]:
        """Put the rows away, and see to it that the files follow.

        Raises
        ------
        FrameNotFoundError
            If the caller sees no such frame, or somebody else deleted it a moment ago.
        """
        now = self._clock()
        sight = Sight(caller=caller, now=now, internal=self._internal)
        async with transaction(self._sessions) as session:
            frame = await FrameReader(session, sight).get(frame_id)
            name = frame.basename
            removal_id = await TrashStore(session, now).add(
                Removal(frame_id, name, caller.username, reason, now, now + self._kept_for)
            )
            if removal_id is None:
                raise FrameNotFoundError(f"there is no frame {frame_id}")
            await AuditLog(session).add(
                who=caller,
                action="remove frame",
                subject=f"frame {name}",
                reason=reason,
                details={"frame_id": frame_id, "removal_id": removal_id},
            )
            payload, due = {"removal_id": removal_id}, now + _SAFETY_NET
            job_id = await self._queue.enqueue(
                session, TRASH_JOB, payload, priority=Priority.PACK, run_at=due
            )
            reach(FaultPoint.REMOVAL_WRITTEN)
        return removal_id, job_id
