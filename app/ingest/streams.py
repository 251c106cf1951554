"""The whole list of arrivals, gone through in constant memory."""

from collections.abc import AsyncGenerator, Sequence

from app.core.paging import Window
from app.db.engine import Sessions, transaction
from app.ingest.models import Arrival, ArrivalState
from app.ingest.store import ArrivalStore


class ArrivalStreams:
    """Goes through lists of any length.

    Parameters
    ----------
    sessions
        Of the process.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def arrivals(
        self, state: ArrivalState | None, window: Window
    ) -> AsyncGenerator[Sequence[Arrival], None]:
        """Go through every file that ever came in, newest first, as it was at the beginning.

        Parameters
        ----------
        state
            Only these; None for all.
        window
            Which part.

        Yields
        ------
        Sequence of Arrival
            The next ones. Close the iterator: it holds a connection.
        """
        async with transaction(self._sessions) as session:
            async for arrivals in ArrivalStore(session).stream(state, window):
                yield arrivals


async def has_arrivals(sessions: Sessions) -> bool:
    """Tell whether any file ever came in.

    Parameters
    ----------
    sessions
        Of the process.

    Returns
    -------
    bool
        False for a new archive.
    """
    async with transaction(sessions) as session:
        return (await ArrivalStore(session).list(None, Window(limit=1))).count > 0
