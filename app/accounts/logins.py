"""Log-in by name and password, and how often it may fail."""

import hashlib
from dataclasses import dataclass

from app.accounts.models import Login, User, WrongCredentialsError
from app.accounts.passwords import Verdict, check_password
from app.accounts.store import AccountStore
from app.accounts.throttle import Throttle
from app.core.clock import Clock
from app.core.rates import Rate
from app.db.engine import Sessions, transaction


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """How often log-ins may fail before they are refused unseen.

    Attributes
    ----------
    per_user
        To one account, from wherever; None for no limit.
    per_address
        From one address, to whatever account; None for no limit.
    """

    per_user: Rate | None = None
    per_address: Rate | None = None


class PasswordCheck:
    """Finds out who somebody is by name and password.

    Every attempt counts before the password is looked at, so that many at once are not let
    through together; a right one is given back.

    Parameters
    ----------
    sessions
        Factory of database sessions.
    clock
        Gives the current moment.
    limits
        How often it may fail.
    """

    def __init__(self, sessions: Sessions, clock: Clock, limits: LoginLimits) -> None:
        self._sessions = sessions
        self._limits = limits
        self._throttle = Throttle(sessions, clock)

    async def user(self, name: str, password: str, address: str | None) -> User:
        """Return who has a name and a password.

        Parameters
        ----------
        name
            User name or e-mail address, whatever its case.
        password
            As the person typed it.
        address
            Of the client; None where there is none.

        Returns
        -------
        User
            An active one.

        Raises
        ------
        WrongCredentialsError
            If they do not belong to an active user; the time it takes does not say which is wrong.
        ThrottledError
            If it failed too often.
        """
        login = await self._find(name)
        account = _account(name, login)
        await self._count(account, address)
        verdict = await check_password(password, login.password_hash if login else None)
        if login is None or not verdict.is_right or not login.user.is_active:
            raise WrongCredentialsError("Unable to log in with provided credentials.")
        await self._forgive(account, address)
        await self._renew(login, verdict)
        return login.user

    async def _find(self, name: str) -> Login | None:
        if not name.isprintable():  # PostgreSQL holds neither NUL nor half a surrogate pair
            return None
        async with transaction(self._sessions) as session:
            return await AccountStore(session).find_login(name)

    async def _count(self, account: str, address: str | None) -> None:
        what = "Too many log-ins have failed."
        if address is not None:
            await self._throttle.hit(_place(address), self._limits.per_address, what=what)
        await self._throttle.hit(account, self._limits.per_user, what=what)

    async def _forgive(self, account: str, address: str | None) -> None:
        if self._limits.per_user is not None:
            await self._throttle.forget(account)
        if self._limits.per_address is not None and address is not None:
            await self._throttle.give_back(_place(address))

    async def _renew(self, login: Login, verdict: Verdict) -> None:
        """Store the hash anew where its parameters have changed since."""
        if verdict.new_hash is None:
            return
        async with transaction(self._sessions) as session:
            await AccountStore(session).replace_password(
                login.user.id, verdict.new_hash, instead_of=login.password_hash
            )


def _place(address: str) -> str:
    return f"log-in from {address}"


def _account(name: str, login: Login | None) -> str:
    """Name the account that is counted: one, whether by name or by address.

    What is no user's name may be a password in the wrong field: nobody shall read it.
    """
    if login is not None:
        return f"log-in of user {login.user.id}"
    digest = hashlib.sha256(name.lower().encode("utf-8", "surrogatepass")).hexdigest()
    return f"log-in of name {digest}"
