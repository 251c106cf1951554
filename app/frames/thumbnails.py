"""Pictures of frames that clients made and announced."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing

from app.core.clock import Clock
from app.core.identity import Caller
from app.core.paging import Page, Window
from app.db.engine import Sessions, Transaction, transaction
from app.frames.announced import StoredThumbnail, ThumbnailQuery
from app.frames.store import Sight
from app.frames.store.thumbnails import ThumbnailReader
from app.settings import InternalFrames


class ThumbnailRecordService:
    """Search stored thumbnails; a caller sees those of the frames that he sees.

    Parameters
    ----------
    sessions, clock
        Of the process.
    internal
        Who sees frames without a proposal and a public date.
    """

    def __init__(self, sessions: Sessions, clock: Clock, internal: InternalFrames) -> None:
        self._sessions = sessions
        self._clock = clock
        self._internal = internal

    async def search(
        self, query: ThumbnailQuery, window: Window, caller: Caller
    ) -> Page[StoredThumbnail]:
        """Find stored thumbnails.

        Parameters
        ----------
        query
            What is wanted.
        window
            Which part of it.
        caller
            Who asks.

        Returns
        -------
        Page
            By number, with the exact count.
        """
        async with transaction(self._sessions) as session:
            reader = self._reader(session, caller)
            return Page(count=await reader.count(query), items=await reader.list(query, window))

    async def stream(
        self, query: ThumbnailQuery, window: Window, caller: Caller
    ) -> AsyncGenerator[tuple[StoredThumbnail, ...], None]:
        """Go through stored thumbnails in constant memory, as they were at the beginning.

        Parameters
        ----------
        query, window, caller
            As of `search`.

        Yields
        ------
        tuple of StoredThumbnail
            The next ones. Close the iterator: it holds a connection.
        """
        async with transaction(self._sessions) as session:
            found = self._reader(session, caller).stream(query, window)
            async with aclosing(found) as batches:
                async for thumbnails in batches:
                    yield thumbnails

    async def get(self, thumbnail_id: int, caller: Caller) -> StoredThumbnail:
        """Get one stored thumbnail.

        Parameters
        ----------
        thumbnail_id
            Its number.
        caller
            Who asks.

        Returns
        -------
        StoredThumbnail
            With its file, if that is here.

        Raises
        ------
        ThumbnailNotFoundError
            If the caller sees no such thumbnail.
        """
        async with transaction(self._sessions) as session:
            return await self._reader(session, caller).get(thumbnail_id)

    async def of_frames(
        self, frame_ids: Collection[int], caller: Caller
    ) -> Mapping[int, tuple[StoredThumbnail, ...]]:
        """List the stored thumbnails of some frames.

        Parameters
        ----------
        frame_ids
            Numbers of frames.
        caller
            Who asks.

        Returns
        -------
        Mapping
            Number of the frame -> its thumbnails, by number; empty for those that have none.
        """
        found: dict[int, tuple[StoredThumbnail, ...]] = defaultdict(tuple)
        async with transaction(self._sessions) as session:
            for each in await self._reader(session, caller).list_of_frames(frame_ids):
                found[each.frame_id] += (each,)
        return found

    def _reader(self, session: Transaction, caller: Caller) -> ThumbnailReader:
        sight = Sight(caller=caller, now=self._clock(), internal=self._internal)
        return ThumbnailReader(session, sight)
