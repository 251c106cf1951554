"""Users, proposals, log-in and tokens."""

from app.accounts.models import (
    InactiveUserError,
    InvalidTokenError,
    NewUser,
    Profile,
    Proposal,
    User,
    WrongCredentialsError,
    check_email,
    check_proposal_id,
    check_username,
)
from app.accounts.passwords import check_password, hash_password
from app.accounts.store import AccountStore
from app.accounts.tokens import TokenSafe, hash_of, is_token, live_token
from app.core.clock import Clock
from app.core.errors import InvalidError, NotFoundError, UnauthenticatedError
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
    """

    def __init__(self, sessions: Sessions, *, secret_key: str, clock: Clock) -> None:
        self._sessions = sessions
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
            May upload, see everything and look after the ingest.
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
        user = NewUser(username, await _hash_new(password), email, is_staff, is_superuser)
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
        user = NewUser(username, await _hash_new(password), is_staff=True, is_superuser=True)
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
        """Give a user another password; the token stays valid.

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
        new_hash = await _hash_new(password)
        async with transaction(self._sessions) as session:
            store = AccountStore(session)
            user = await store.get_user(username)
            await store.replace_password(user.id, new_hash)

    async def set_active(self, username: str, *, is_active: bool) -> None:
        """Switch a user on or off; while off, neither password nor token opens anything.

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

    async def create_proposal(self, proposal_id: str, title: str = "") -> Proposal:
        """Create a proposal.

        Parameters
        ----------
        proposal_id
            As frames name it (PROPID), 1 to 100 printable characters.
        title
            May be empty.

        Returns
        -------
        Proposal
            Without members.

        Raises
        ------
        ConflictError
            If there is one of this id.
        InvalidError
            If the id cannot be used.
        """
        check_proposal_id(proposal_id)
        async with transaction(self._sessions) as session:
            return await AccountStore(session).add_proposal(proposal_id, title)

    async def list_proposals(self) -> tuple[Proposal, ...]:
        """Return all proposals by id, with their members.

        Returns
        -------
        tuple of Proposal
            All.
        """
        async with transaction(self._sessions) as session:
            return await AccountStore(session).list_proposals()

    async def add_member(self, proposal_id: str, username: str) -> None:
        """Make a user a member of a proposal, which is created where it is missing.

        Parameters
        ----------
        proposal_id
            As frames name it (PROPID).
        username
            Whom; being a member already is no error.

        Raises
        ------
        NotFoundError
            If there is no such user.
        InvalidError
            If the id cannot be used.
        """
        check_proposal_id(proposal_id)
        async with transaction(self._sessions) as session:
            store = AccountStore(session)
            user = await store.get_user(username)
            await store.add_member(proposal_id, user.id)

    async def remove_member(self, proposal_id: str, username: str) -> None:
        """End a user's membership in a proposal.

        Parameters
        ----------
        proposal_id
            Of which proposal.
        username
            Whose.

        Raises
        ------
        NotFoundError
            If there is no such user or membership.
        """
        async with transaction(self._sessions) as session:
            store = AccountStore(session)
            user = await store.get_user(username)
            if not await store.remove_member(proposal_id, user.id):
                raise NotFoundError(
                    f"user {username!r} is not a member of proposal {proposal_id!r}"
                )

    async def log_in(self, name: str, password: str) -> str:
        """Return the user's token, the same on every call until it is revoked.

        Parameters
        ----------
        name
            User name or e-mail address, whatever its case.
        password
            As the person typed it.

        Returns
        -------
        str
            40 lowercase hexadecimal digits.

        Raises
        ------
        WrongCredentialsError
            If they do not belong to an active user; the time it takes does not say which is wrong.
        """
        login = None
        if name.isprintable():  # PostgreSQL holds neither NUL nor half a surrogate pair
            async with transaction(self._sessions) as session:
                login = await AccountStore(session).find_login(name)
        verdict = await check_password(password, login.password_hash if login else None)
        if login is None or not verdict.is_right or not login.user.is_active:
            raise WrongCredentialsError("Unable to log in with provided credentials.")
        async with transaction(self._sessions) as session:
            store = AccountStore(session)
            if verdict.new_hash is not None:
                await store.replace_password(
                    login.user.id, verdict.new_hash, instead_of=login.password_hash
                )
            return await live_token(store, self._safe, login.user, now=self._clock())

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
        """Revoke the caller's token; the next log-in gives a new one.

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


async def _hash_new(password: str) -> str:
    if not password:
        raise InvalidError("the password is empty: one character or more is needed")
    return await hash_password(password)
