"""What can be asked of the audit."""

from collections.abc import AsyncGenerator, Sequence

from app.audit.models import AuditLine, AuditQuery
from app.audit.store import AuditStore
from app.core.identity import Caller
from app.core.paging import Page, Window
from app.db.engine import Sessions, transaction


class AuditService:
    """Lists what was done. Lines tell of frames: who does not see all of these reads his own.

    Parameters
    ----------
    sessions
        Of the process.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def list(self, query: AuditQuery, caller: Caller, window: Window) -> Page[AuditLine]:
        """List lines, newest first.

        Parameters
        ----------
        query
            Which ones.
        caller
            Who asks: a superuser reads all lines, anybody else those of what he did himself.
        window
            Which part of them.

        Returns
        -------
        Page
            The lines, and how many there are.
        """
        async with transaction(self._sessions) as session:
            return await AuditStore(session).list(query, caller, window)

    async def stream(
        self, query: AuditQuery, caller: Caller, window: Window
    ) -> AsyncGenerator[Sequence[AuditLine], None]:
        """Go through lines, newest first, as they were at the beginning.

        Parameters
        ----------
        query, caller, window
            As in `list`.

        Yields
        ------
        Sequence of AuditLine
            The next ones. Close the iterator: it holds a connection.
        """
        async with transaction(self._sessions) as session:
            async for lines in AuditStore(session).stream(query, caller, window):
                yield lines
