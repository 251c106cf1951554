"""Users of another archive come in, with password, rights and token."""

from dataclasses import dataclass
from datetime import datetime

from app.accounts.models import NewUser, User, check_email, check_username
from app.accounts.store import AccountStore
from app.accounts.tokens import TokenSafe, hash_of, is_token
from app.core.clock import Clock
from app.core.errors import InvalidError, NotFoundError
from app.db.engine import Sessions, transaction


@dataclass(frozen=True, slots=True)
class Account:
    """A user of another archive.

    Attributes
    ----------
    username, is_active, is_staff, is_superuser
        As in `app.accounts.models.User`.
    email
        None for none.
    password_hash
        In a form that `app.accounts.passwords` takes; None for none.
    token
        The API token; None for none.
    created_at
        When the account was made there, UTC.
    """

    username: str
    email: str | None
    password_hash: str | None
    is_active: bool
    is_staff: bool
    is_superuser: bool
    token: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of a user of another archive.

    Attributes
    ----------
    is_new
        Whether the account was made now; False: there was one of this name, which stays as it is.
    is_token_new
        Whether the token was taken over now.
    remarks
        What is not quite as it was, harmless.
    troubles
        What keeps a client or a person out; somebody should look at it.
    """

    is_new: bool
    is_token_new: bool
    remarks: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


class AccountAdopter:
    """Takes users over.

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

    async def adopt(
        self, account: Account, *, replace_token: bool = False, dry: bool = False
    ) -> Adopted:
        """Take a user over; safe to be repeated.

        An account of the same name here keeps its password, rights and e-mail address, and its
        token unless `replace_token` says otherwise.

        Parameters
        ----------
        account
            The user there.
        replace_token
            Whether a token that a user of this name has here makes way for the other one.
        dry
            Whether to say only what would happen.

        Returns
        -------
        Adopted
            What became of it.

        Raises
        ------
        InvalidError
            If the name cannot be used here.
        """
        check_username(account.username)
        async with transaction(self._sessions) as session:
            store = AccountStore(session)
            here = await _find(store, account.username)
            if here is not None and here.username != account.username:
                raise InvalidError(
                    f"user {account.username!r} differs only in case from {here.username!r}, who"
                    " is here: rename one of them",
                    field="username",
                )
            email, remarks = await _usable_email(store, account, here)
            trouble, add = await self._plan_token(store, account, here, replace=replace_token)
            if not dry:
                user = here or await _add(store, account, email)
                if add:
                    await self._put_token(store, user, account.token or "")
        troubles = () if trouble is None else (trouble,)
        return Adopted(here is None, add, remarks, troubles)

    async def _plan_token(
        self, store: AccountStore, account: Account, here: User | None, *, replace: bool
    ) -> tuple[str | None, bool]:
        """Say what stands against taking the token over, and whether it is to be."""
        token, name = account.token, account.username
        if token is None:
            return None, False
        if not is_token(token):
            return f"the token of {name!r} is not 40 lowercase hexadecimal digits", False
        owner = await store.find_token_owner(hash_of(token))
        if owner is not None:
            is_theirs = here is not None and owner[0].id == here.id
            return (None if is_theirs else f"another user has the token of {name!r}"), False
        if await store.was_issued(hash_of(token)):
            return f"the token of {name!r} was revoked in this archive, and stays so", False
        if here is None or replace or await store.find_token(here.id) is None:
            return None, True
        return (
            f"{name!r} has another token here, so that the one of the other archive opens nothing:"
            " give the clients the new one, or import with --replace-tokens"
        ), False

    async def _put_token(self, store: AccountStore, user: User, token: str) -> None:
        now = self._clock()
        await store.lock_tokens(user.id)
        await store.remove_token(user.id, revoked_at=now)
        await store.add_token(
            user.id,
            value_hash=hash_of(token),
            value_encrypted=self._safe.seal(token),
            created_at=now,
        )


async def _find(store: AccountStore, username: str) -> User | None:
    try:
        return await store.get_user(username)
    except NotFoundError:
        return None


async def _usable_email(
    store: AccountStore, account: Account, here: User | None
) -> tuple[str | None, tuple[str, ...]]:
    """Give the address that a new user can have, and why it may be none."""
    email = account.email
    if here is not None:
        return None, ()
    without = () if account.password_hash else ("has no password that works here; set one",)
    if email is None:
        return None, without
    try:
        check_email(email)
    except InvalidError as error:
        return None, (*without, error.message)
    if await store.find_login(email) is not None:
        return None, (*without, f"the address {email} belongs to another user here; left out")
    return email, without


async def _add(store: AccountStore, account: Account, email: str | None) -> User:
    new = NewUser(
        account.username,
        account.password_hash,
        email,
        is_staff=account.is_staff,
        is_superuser=account.is_superuser,
    )
    user = await store.add_user(new, created_at=account.created_at)
    if not account.is_active:
        await store.replace_active(user.id, is_active=False)
    return user
