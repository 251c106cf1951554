"""Delete frames: first the rows, then the bytes."""

import structlog

from app.core.clock import Clock
from app.core.identity import Caller
from app.db.engine import Sessions, transaction
from app.frames.store import FrameReader, FrameWriter, Sight
from app.settings import InternalFrames
from app.storage.errors import StorageUnavailableError
from app.storage.protocol import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class RemovalService:
    """Deletes frames. What came in stays known among the arrivals, without its frame.

    Parameters
    ----------
    sessions, store, clock
        Of the process.
    internal
        Who sees frames without a proposal and a public date.
    """

    def __init__(
        self, *, sessions: Sessions, store: Store, clock: Clock, internal: InternalFrames
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._clock = clock
        self._internal = internal

    async def remove(self, frame_id: int, caller: Caller) -> None:
        """Delete a frame with all its versions, thumbnails and their files.

        The rows go first, so that there is never a row without its file; a file that is gone
        already is fine. One that the disk does not let go of stays, is logged, and is found by a
        verification. Who may delete is decided by whoever calls this.

        Parameters
        ----------
        frame_id
            The frame.
        caller
            Who asks.

        Raises
        ------
        FrameNotFoundError
            If the caller sees no such frame.
        """  # the reader raises it
        sight = Sight(caller=caller, now=self._clock(), internal=self._internal)
        async with transaction(self._sessions) as session:
            frame = await FrameReader(session, sight).get(frame_id)
            await FrameWriter(session).lock(frame.basename)
            keys = await FrameWriter(session).remove(frame_id)
        log.info("frame removed", frame_id=frame_id, basename=frame.basename, by=caller.username)
        for key in keys:
            await self._remove_file(frame.basename, key)

    async def _remove_file(self, basename: str, key: str) -> None:
        """Remove a file, unless the same name was filed anew meanwhile and adopted it."""
        async with transaction(self._sessions) as session:
            writer = FrameWriter(session)
            await writer.lock(basename, key)
            if await writer.is_stored(key):
                return
            try:
                await self._store.remove(key)
            except StorageUnavailableError as error:
                log.warning("file of a removed frame stays", key=key, reason=error.message)
