"""How often something happened, counted for all processes together."""

from datetime import datetime, timedelta

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import ThrottleCounterRow as Row

_SWEEP_ROWS = 1000


class CounterStore:
    """Counters, within one transaction.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def hit(self, subject: str, *, period_s: int, now: datetime) -> tuple[int, datetime]:
        """Count once more; a count whose time is over begins anew.

        Parameters
        ----------
        subject
            What is counted, of whom.
        period_s
            How long a count goes on from its first hit [s].
        now
            The current moment, UTC.

        Returns
        -------
        tuple of int and datetime
            The hits with this one, and when the count will begin anew, UTC.
        """
        ends_at = now + timedelta(seconds=period_s)
        is_over = Row.resets_at <= now
        statement = (
            insert(Row)
            .values(subject=subject, hits=1, resets_at=ends_at)
            .on_conflict_do_update(
                index_elements=[Row.subject],
                set_={
                    "hits": case((is_over, 1), else_=Row.hits + 1),
                    "resets_at": case((is_over, ends_at), else_=Row.resets_at),
                },
            )
            .returning(Row.hits, Row.resets_at)
        )
        hits, resets_at = (await self._session.execute(statement)).one()
        return hits, resets_at

    async def give_back(self, subject: str) -> None:
        """Take one hit back.

        Parameters
        ----------
        subject
            As in `hit`.
        """
        await self._session.execute(
            update(Row).where(Row.subject == subject, Row.hits > 0).values(hits=Row.hits - 1)
        )

    async def remove(self, subject: str) -> None:
        """Forget a count.

        Parameters
        ----------
        subject
            As in `hit`.
        """
        await self._session.execute(delete(Row).where(Row.subject == subject))

    async def sweep(self, now: datetime) -> None:
        """Forget counts whose time is over, except such as others are at work on.

        Parameters
        ----------
        now
            The current moment, UTC.
        """
        over = (
            select(Row.subject)
            .where(Row.resets_at <= now)
            .limit(_SWEEP_ROWS)
            .with_for_update(skip_locked=True)
        )
        await self._session.execute(delete(Row).where(Row.subject.in_(over)))
