"""Users, log-in and tokens."""

from app.accounts.logins import LoginLimits, PasswordCheck
from app.accounts.models import (
    InactiveUserError,
    InvalidTokenError,
    NewUser,
    Profile,
    User,
    check_email,
    check_username,
)
from app.accounts.passwords import hash_new_password
from app.accounts.store import AccountStore, SessionStore
from app.accounts.tokens import TokenSafe, hash_of, is_token, live_token
from app.core.clock import Clock
from app.core.errors import UnauthenticatedError
from app.core.identity import Caller
from app.db.engine import Sessions, transaction


class AccountService:
    """Everything that concerns who somebody is.

    Parameters
    ----------
    sessions
        Factory of database sessions.
    secret_key
        Of the archive; seals the tokens.
    clock
        Gives the current moment.
    limits
        How often log-ins may fail; None: without end.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        secret_key: str,
        clock: Clock,
        limits: LoginLimits | None = None,
    ) -> None:
        self._sessions = sessions
        self._passwords = PasswordCheck(sessions, clock, limits or LoginLimits())
        self._safe = TokenSafe(secret_key)
        self._clock = clock

    async def create_user(
        self,
        username: str,
        password: str,
        *,
        email: str | None = None,
        is_staff: bool = False,
        is_superuser: bool = False,
    ) -> User:
        """Create a user.

        Parameters
        ----------
        username
            1 to 150 letters, digits and ``. @ + - _``; unique whatever its case.
        password
            Anything but empty.
        email
            Unique whatever its case; None for none.
        is_staff
            May upload, delete and look after the ingest; sees no more than any user.
        is_superuser
            May do everything.

        Returns
        -------
        User
            The new user.

        Raises
        ------
        ConflictError
            If the name or the address is taken.
        InvalidError
            If a value cannot be used.
        """
        check_username(username)
        if email is not None:
            check_email(email)
        user = NewUser(username, await hash_new_password(password), email, is_staff, is_superuser)
        async with transaction(self._sessions) as session:
            return await AccountStore(session).add_user(user, created_at=self._clock())

    async def ensure_admin(self, username: str, password: str) -> bool:
        """Create a superuser where there is none at all yet; safe when several processes do.

        Parameters
        ----------
        username
            Of the new account.
        password
            Of the new account; unused where there is a superuser.

        Returns
        -------
        bool
            Whether the account was created.

        Raises
        ------
        ConflictError
            If there is no superuser, and a user without rights has that name.
        InvalidError
            If a value cannot be used.
        """
        async with transaction(self._sessions) as session:
            if await AccountStore(session).count_superusers():
                return False
        check_username(username)
        user = NewUser(
            username, await hash_new_password(password), is_staff=True, is_superuser=True
        )
        async with transaction(self._sessions) as session:
            store = AccountStore(session)
            await store.lock_superusers()
            if await store.count_superusers():
                return False
            await store.add_user(user, created_at=self._clock())
        return True

    async def get_user(self, username: str) -> User:
        """Return a user by name.

        Parameters
        ----------
        username
            Whatever its case.

        Returns
        -------
        User
            The user.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        async with transaction(self._sessions) as session:
            return await AccountStore(session).get_user(username)

    async def list_users(self) -> tuple[User, ...]:
        """Return all users by name.

        Returns
        -------
        tuple of User
            Inactive ones included.
        """
        async with transaction(self._sessions) as session:
            return await AccountStore(session).list_users()

    async def set_password(self, username: str, password: str) -> None:
        """Give a user another password; the token stays valid, sessions of browsers end.

        Parameters
        ----------
        username
            Whose.
        password
            Anything but empty.

        Raises
        ------
        NotFoundError
            If there is no such user.
        InvalidError
            If the password is empty.
        """
        new_hash = await hash_new_password(password)
        async with transaction(self._sessions) as session:
            store = AccountStore(session)
            user = await store.get_user(username)
            await store.replace_password(user.id, new_hash)
            await SessionStore(session).end_all(user.id, ended_at=self._clock())

    async def set_active(self, username: str, *, is_active: bool) -> None:
        """Switch a user on or off; while off, neither password nor token opens anything.

        Switched off, all sessions of browsers end for good.

        Parameters
        ----------
        username
            Whom.
        is_active
            What from now on.

        Raises
        ------
        NotFoundError
            If there is no such user.
        """
        async with transaction(self._sessions) as session:
            store = AccountStore(session)
            user = await store.get_user(username)
            await store.replace_active(user.id, is_active=is_active)
            if not is_active:
                await SessionStore(session).end_all(user.id, ended_at=self._clock())

    async def log_in(self, name: str, password: str, *, address: str | None = None) -> str:
        """Return the user's token, the same on every call until it is revoked.

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
        str
            40 lowercase hexadecimal digits.

        Raises
        ------
        WrongCredentialsError
            If they do not belong to an active user; the time it takes does not say which is wrong.
        ThrottledError
            If it failed too often.
        """  # what checks the password raises them
        return await self.token_of(await self._passwords.user(name, password, address))

    async def token_of(self, user: User) -> str:
        """Return a user's token; make it where there is none.

        Parameters
        ----------
        user
            Whose.

        Returns
        -------
        str
            40 lowercase hexadecimal digits.
        """
        async with transaction(self._sessions) as session:
            return await live_token(AccountStore(session), self._safe, user, now=self._clock())

    async def caller_for_token(self, token: str) -> Caller:
        """Return who is behind a token.

        Parameters
        ----------
        token
            As the client sent it.

        Returns
        -------
        Caller
            With the proposals that the user is a member of.

        Raises
        ------
        InvalidTokenError
            If it was never issued, or has been revoked.
        InactiveUserError
            If its user has been switched off.
        """
        if not is_token(token):
            raise InvalidTokenError("Invalid token.")
        async with transaction(self._sessions) as session:
            found = await AccountStore(session).find_token_owner(hash_of(token))
        if found is None:
            raise InvalidTokenError("Invalid token.")
        user, proposals = found
        if not user.is_active:
            raise InactiveUserError("User inactive or deleted.")
        return user.as_caller(proposals)

    async def revoke_token(self, caller: Caller) -> None:
        """Revoke the caller's token and end all sessions; the next log-in gives a new token.

        Parameters
        ----------
        caller
            A known user.

        Raises
        ------
        UnauthenticatedError
            If the caller is anonymous.
        """
        if caller.user_id is None:
            raise UnauthenticatedError("Authentication credentials were not provided.")
        async with transaction(self._sessions) as session:
            await AccountStore(session).remove_token(caller.user_id, revoked_at=self._clock())
            await SessionStore(session).end_all(caller.user_id, ended_at=self._clock())

    def profile(self, caller: Caller) -> Profile:
        """Return what the caller may know of the account behind the request.

        Parameters
        ----------
        caller
            Anybody.

        Returns
        -------
        Profile
            An empty one for an anonymous caller.
        """
        return Profile(
            caller.username, tuple(sorted(caller.proposals)), caller.is_staff, caller.is_superuser
        )
