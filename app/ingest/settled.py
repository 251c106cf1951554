"""Which files came in before and are kept ever since, so that what is left of them may go."""

import asyncio
from collections.abc import Mapping, Sequence

from app.db.engine import Sessions, Transaction, transaction
from app.frames.registry import FrameRegistry
from app.ingest.models import Arrival, ArrivalState, NewArrival
from app.ingest.restoring import Restorer
from app.ingest.store import ArrivalStore


class Settled:
    """Knows what came in before. What the archive has lost since counts as never seen.

    Parameters
    ----------
    sessions
        Of the process.
    restorer
        Knows what is lost.
    """

    def __init__(self, sessions: Sessions, restorer: Restorer) -> None:
        self._sessions = sessions
        self._restorer = restorer

    async def list(
        self, session: Transaction, new: Sequence[NewArrival]
    ) -> Mapping[NewArrival, Arrival]:
        """Find what became of exactly these files, as far as it is kept.

        Parameters
        ----------
        session
            Within a transaction.
        new
            Files with path and identity.

        Returns
        -------
        Mapping
            Files that are unknown, or have got lost since, are left out.
        """
        found = await ArrivalStore(session).list_settled(new)
        return {
            each: arrival
            for each, arrival in found.items()
            if await self._is_kept(session, arrival)
        }

    async def is_kept(self, arrival: Arrival) -> bool:
        """Tell whether what became of a file is kept.

        Parameters
        ----------
        arrival
            A settled one.

        Returns
        -------
        bool
            False where the stored file, or the one in quarantine, is missing or damaged: whatever
            is left of the bytes elsewhere must stay. True also where the frame was deleted.
        """
        async with transaction(self._sessions) as session:
            return await self._is_kept(session, arrival)

    async def _is_kept(self, session: Transaction, arrival: Arrival) -> bool:
        if arrival.state is ArrivalState.QUARANTINED:
            path = arrival.held_path
            return path is not None and await asyncio.to_thread(path.is_file)
        if arrival.frame_id is None or arrival.sha256 is None:
            return True
        version = await FrameRegistry(session).find_kept(arrival.sha256)
        return not await self._restorer.is_lost(version)
