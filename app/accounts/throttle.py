"""Refuse what somebody does too often.

The counts are in PostgreSQL, for all processes together: a limit that each process kept for itself
would be several times as large as it says, or, divided, refuse a client whose connection stays with
one process. One statement on an unlogged table is the price.
"""

import math

from app.accounts.store import CounterStore
from app.core.clock import Clock
from app.core.errors import ThrottledError
from app.core.rates import Rate
from app.db.engine import Sessions, transaction


class Throttle:
    """Counts, and refuses above a rate.

    Parameters
    ----------
    sessions
        Factory of database sessions.
    clock
        Gives the current moment.
    """

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def hit(
        self, subject: str, rate: Rate | None, *, what: str = "Request was throttled."
    ) -> None:
        """Count something that somebody does; a count goes on from its first hit for the period.

        Parameters
        ----------
        subject
            What is counted, of whom.
        rate
            How often it may happen; None: as often as anybody likes.
        what
            Sentence for whoever does it too often.

        Raises
        ------
        ThrottledError
            If it was done too often.
        """
        if rate is None:
            return
        now = self._clock()
        async with transaction(self._sessions) as session:
            store = CounterStore(session)
            hits, resets_at = await store.hit(subject, period_s=rate.period_s, now=now)
            if hits == 1:
                await store.sweep(now)
        if hits > rate.count:
            wait_s = max(1, math.ceil((resets_at - now).total_seconds()))
            raise ThrottledError(
                f"{what} Expected available in {wait_s} seconds.", retry_after_s=wait_s
            )

    async def give_back(self, subject: str) -> None:
        """Take one hit back: it was no fault.

        Parameters
        ----------
        subject
            As in `hit`.
        """
        async with transaction(self._sessions) as session:
            await CounterStore(session).give_back(subject)

    async def forget(self, subject: str) -> None:
        """Let a count begin anew.

        Parameters
        ----------
        subject
            As in `hit`.
        """
        async with transaction(self._sessions) as session:
            await CounterStore(session).remove(subject)
