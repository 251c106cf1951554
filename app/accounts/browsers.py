"""Sessions of browsers: a log-in that lasts for a while and is kept in a cookie."""

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from app.accounts.logins import LoginLimits, PasswordCheck
from app.accounts.models import InactiveUserError, InvalidSessionError
from app.accounts.store import SessionStore
from app.accounts.tokens import hash_of
from app.core.clock import Clock
from app.core.identity import Caller
from app.db.engine import Sessions, transaction

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that has just begun.

    Attributes
    ----------
    identifier
        256 random bits; the archive keeps nothing but their hash.
    caller
        Who logged in, with the proposals that the user is a member of.
    lifetime_s
        How long it lasts from now on [s].
    """

    identifier: str
    caller: Caller
    lifetime_s: int


class BrowserSessions:
    """Opens and ends sessions, and says whose they are.

    Parameters
    ----------
    sessions
        Factory of database sessions.
    clock
        Gives the current moment.
    lifetime_s
        How long a session lasts from its log-in [s].
    limits
        How often log-ins may fail.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        clock: Clock,
        lifetime_s: int,
        limits: LoginLimits,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._passwords = PasswordCheck(sessions, clock, limits)

    async def open(
        self, name: str, password: str, *, address: str | None, instead_of: str | None = None
    ) -> OpenedSession:
        """Begin a session.

        Parameters
        ----------
        name
            User name or e-mail address, whatever its case.
        password
            As the person typed it.
        address
            Of the client; None where there is none.
        instead_of
            Identifier of the session that the browser had so far, which ends; None for none.

        Returns
        -------
        OpenedSession
            Always a new one, so that nobody can plant the identifier beforehand.

        Raises
        ------
        WrongCredentialsError
            If name and password do not belong to an active user.
        ThrottledError
            If it failed too often.
        """  # what checks the password raises them
        user = await self._passwords.user(name, password, address)
        identifier, now = secrets.token_urlsafe(32), self._clock()
        async with transaction(self._sessions) as session:
            store = SessionStore(session)
            if instead_of is not None and is_identifier(instead_of):
                await store.end(hash_of(instead_of), ended_at=now)
            await store.add(
                user.id,
                value_hash=hash_of(identifier),
                created_at=now,
                expires_at=now + timedelta(seconds=self._lifetime_s),
            )
        return OpenedSession(identifier, await self.caller(identifier), self._lifetime_s)

    async def caller(self, identifier: str) -> Caller:
        """Return who is behind a session.

        Parameters
        ----------
        identifier
            As the browser sent it.

        Returns
        -------
        Caller
            With the proposals that the user is a member of.

        Raises
        ------
        InvalidSessionError
            If there is no such session, or none any more.
        InactiveUserError
            If its user has been switched off.
        """
        found = None
        if is_identifier(identifier):
            async with transaction(self._sessions) as session:
                found = await SessionStore(session).find_owner(hash_of(identifier), self._clock())
        if found is None:
            raise InvalidSessionError("The session has ended: log in again.")
        user, proposals = found
        if not user.is_active:
            raise InactiveUserError("User inactive or deleted.")
        return user.as_caller(proposals)

    async def end(self, identifier: str) -> None:
        """End a session.

        Parameters
        ----------
        identifier
            As the browser sent it; one that is none is no error.
        """
        if is_identifier(identifier):
            async with transaction(self._sessions) as session:
                await SessionStore(session).end(hash_of(identifier), ended_at=self._clock())


def is_identifier(text: str) -> bool:
    """Say whether a text has the form of a session's identifier.

    Parameters
    ----------
    text
        As the browser sent it.

    Returns
    -------
    bool
        False for anything but 43 characters of the URL-safe base64 alphabet.
    """
    return _IDENTIFIER.fullmatch(text) is not None
