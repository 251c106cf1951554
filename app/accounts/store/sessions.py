"""Sessions of browsers: rows of credentials that expire."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import User
from app.accounts.store.accounts import proposals_of_user, user_of
from app.db.tables import CredentialRow as Row
from app.db.tables import UserRow

_SESSION = "session"


class SessionStore:
    """Sessions of browsers, within one transaction.

    Parameters
    ----------
    session
        Of the database, within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, user_id: int, *, value_hash: str, created_at: datetime, expires_at: datetime
    ) -> None:
        """Add a session, and forget those of the user that are over.

        Parameters
        ----------
        user_id
            Whose.
        value_hash
            What it will be found by.
        created_at, expires_at
            From when to when it is valid, UTC.
        """
        await self._session.execute(
            delete(Row).where(
                Row.user_id == user_id, Row.kind == _SESSION, Row.expires_at <= created_at
            )
        )
        self._session.add(
            Row(
                user_id=user_id,
                kind=_SESSION,
                value_hash=value_hash,
                value_encrypted=b"",
                created_at=created_at,
                expires_at=expires_at,
            )
        )
        await self._session.flush()

    async def find_owner(
        self, value_hash: str, now: datetime
    ) -> tuple[User, frozenset[str]] | None:
        """Return whose session it is, in one query.

        Parameters
        ----------
        value_hash
            Of the session's identifier.
        now
            The current moment, UTC.

        Returns
        -------
        tuple of User and frozenset of str, or None
            The user and the proposals it is a member of; None where there is no such session, or
            none any more.
        """
        query = (
            select(UserRow, proposals_of_user())
            .join(Row, Row.user_id == UserRow.id)
            .where(Row.value_hash == value_hash, *_is_live(), Row.expires_at > now)
        )
        found = (await self._session.execute(query)).one_or_none()
        return None if found is None else (user_of(found[0]), frozenset(found[1] or ()))

    async def end(self, value_hash: str, *, ended_at: datetime) -> None:
        """End a session.

        Parameters
        ----------
        value_hash
            Of its identifier; an unknown one is no error.
        ended_at
            Now, UTC.
        """
        await self._session.execute(
            update(Row).where(Row.value_hash == value_hash, *_is_live()).values(revoked_at=ended_at)
        )

    async def end_all(self, user_id: int, *, ended_at: datetime) -> None:
        """End all sessions of a user.

        Parameters
        ----------
        user_id
            Whose.
        ended_at
            Now, UTC.
        """
        await self._session.execute(
            update(Row).where(Row.user_id == user_id, *_is_live()).values(revoked_at=ended_at)
        )


def _is_live() -> tuple[ColumnElement[bool], ...]:
    return Row.kind == _SESSION, Row.revoked_at.is_(None)
