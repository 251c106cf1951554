"""Users and their tokens in the database."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import Login, NewUser, User
from app.core.errors import NotFoundError
from app.db.tables import CredentialRow, ProposalMembershipRow, UserRow

_API_TOKEN = "api_token"  # noqa: S105  # a kind of credential, not one
_ADMIN_LOCK = 7593212


class AccountStore:
    """Accounts, within one transaction.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_user(self, username: str) -> User:
        """Return a user by name, whatever its case.

        Parameters
        ----------
        username
            Not the e-mail address.

        Returns
        -------
        User
            The user.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        row = await self._session.scalar(select(UserRow).where(_has_name(username)))
        if row is None:
            raise NotFoundError(f"user {username!r} does not exist: create it first")
        return user_of(row)

    async def find_login(self, name: str) -> Login | None:
        """Return who logs in under a name; a user name wins over the same e-mail address.

        Parameters
        ----------
        name
            User name or e-mail address, whatever its case.

        Returns
        -------
        Login or None
            None where nobody has that name.
        """
        has_address = func.lower(UserRow.email) == func.lower(name)
        row = await self._session.scalar(
            select(UserRow)
            .where(or_(_has_name(name), has_address))
            .order_by(_has_name(name).desc())
            .limit(1)
        )
        return None if row is None else Login(user_of(row), row.password_hash)

    async def list_users(self) -> tuple[User, ...]:
        """Return all users by name.

        Returns
        -------
        tuple of User
            Inactive ones included.
        """
        rows = await self._session.scalars(select(UserRow).order_by(func.lower(UserRow.username)))
        return tuple(user_of(row) for row in rows)

    async def add_user(self, user: NewUser, *, created_at: datetime) -> User:
        """Add an active user.

        Parameters
        ----------
        user
            Whose name and address are free.
        created_at
            Now, UTC.

        Returns
        -------
        User
            With its id.
        """
        row = UserRow(**asdict(user), is_active=True, created_at=created_at)
        self._session.add(row)
        await self._session.flush()
        return user_of(row)

    async def replace_password(
        self, user_id: int, new_hash: str, *, instead_of: str | None = None
    ) -> None:
        """Store another password hash.

        Parameters
        ----------
        user_id
            Whose.
        new_hash
            The new one.
        instead_of
            Only where this is still the stored one; None for whatever is stored.
        """
        statement = update(UserRow).where(UserRow.id == user_id).values(password_hash=new_hash)
        if instead_of is not None:
            statement = statement.where(UserRow.password_hash == instead_of)
        await self._session.execute(statement)

    async def replace_active(self, user_id: int, *, is_active: bool) -> None:
        """Switch a user on or off.

        Parameters
        ----------
        user_id
            Whom.
        is_active
            What from now on.
        """
        await self._session.execute(
            update(UserRow).where(UserRow.id == user_id).values(is_active=is_active)
        )

    async def count_superusers(self) -> int:
        """Count the superusers.

        Returns
        -------
        int
            Inactive ones included.
        """
        count = await self._session.scalar(
            select(func.count()).select_from(UserRow).where(UserRow.is_superuser)
        )
        return count or 0

    async def lock_superusers(self) -> None:
        """Let one transaction at a time decide whether there is a superuser."""
        await self._session.execute(select(func.pg_advisory_xact_lock(_ADMIN_LOCK)))

    async def find_token_owner(self, value_hash: str) -> tuple[User, frozenset[str]] | None:
        """Return whose token it is, in one query.

        Parameters
        ----------
        value_hash
            Of a token.

        Returns
        -------
        tuple of User and frozenset of str, or None
            The user and the proposals it is a member of; None where no live token has this hash.
        """
        found = (await self._session.execute(_owners_of_tokens(value_hash))).one_or_none()
        return None if found is None else (user_of(found[0]), frozenset(found[1] or ()))

    async def get_member(self, user_id: int) -> tuple[User, frozenset[str]]:
        """Return a user and the proposals it is a member of.

        Parameters
        ----------
        user_id
            That a row refers to.

        Returns
        -------
        tuple of User and frozenset of str
            The user and its proposals.
        """
        query = select(UserRow, proposals_of_user()).where(UserRow.id == user_id)
        user, proposals = (await self._session.execute(query)).one()
        return user_of(user), frozenset(proposals or ())

    async def was_issued(self, value_hash: str) -> bool:
        """Tell whether a token was ever issued here.

        Parameters
        ----------
        value_hash
            Of the token.

        Returns
        -------
        bool
            True for a revoked one too.
        """
        selected = select(CredentialRow.id).where(CredentialRow.value_hash == value_hash)
        return (await self._session.scalar(selected)) is not None

    async def lock_tokens(self, user_id: int) -> None:
        """Let one transaction at a time decide which token a user has.

        Parameters
        ----------
        user_id
            Whose.
        """
        await self._session.execute(
            select(UserRow.id).where(UserRow.id == user_id).with_for_update(key_share=True)
        )

    async def find_token(self, user_id: int) -> bytes | None:
        """Return the encrypted value of a user's live token.

        Parameters
        ----------
        user_id
            Whose.

        Returns
        -------
        bytes or None
            None where the user has none.
        """
        return await self._session.scalar(
            select(CredentialRow.value_encrypted).where(*_is_live_token_of(user_id))
        )

    async def add_token(
        self, user_id: int, *, value_hash: str, value_encrypted: bytes, created_at: datetime
    ) -> None:
        """Add a token to a user who has no live one.

        Parameters
        ----------
        user_id
            Whose.
        value_hash
            What it will be found by.
        value_encrypted
            What it will be handed out from.
        created_at
            Now, UTC.
        """
        self._session.add(
            CredentialRow(
                user_id=user_id,
                kind=_API_TOKEN,
                value_hash=value_hash,
                value_encrypted=value_encrypted,
                created_at=created_at,
            )
        )
        await self._session.flush()

    async def remove_token(self, user_id: int, *, revoked_at: datetime) -> None:
        """Revoke a user's live token; its row stays as a record, its value goes.

        Parameters
        ----------
        user_id
            Whose.
        revoked_at
            Now, UTC.
        """
        await self._session.execute(
            update(CredentialRow)
            .where(*_is_live_token_of(user_id))
            .values(revoked_at=revoked_at, value_encrypted=b"")
        )


def _has_name(username: str) -> ColumnElement[bool]:
    return func.lower(UserRow.username) == func.lower(username)


def _is_live_token_of(user_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        CredentialRow.user_id == user_id,
        CredentialRow.kind == _API_TOKEN,
        CredentialRow.revoked_at.is_(None),
    )


def _owners_of_tokens(value_hash: str) -> Select[UserRow, list[str] | None]:
    return (
        select(UserRow, proposals_of_user())
        .join(CredentialRow, CredentialRow.user_id == UserRow.id)
        .where(
            CredentialRow.value_hash == value_hash,
            CredentialRow.kind == _API_TOKEN,
            CredentialRow.revoked_at.is_(None),
        )
    )


def proposals_of_user() -> ScalarSelect[list[str] | None]:
    """Select the proposals of the user of a row.

    Returns
    -------
    ScalarSelect
        To stand beside `UserRow` in a query.
    """
    return (
        select(func.array_agg(ProposalMembershipRow.proposal_id))
        .where(ProposalMembershipRow.user_id == UserRow.id)
        .correlate(UserRow)
        .scalar_subquery()
    )


def user_of(row: UserRow) -> User:
    """Return a row as the service speaks of it.

    Parameters
    ----------
    row
        As it is stored.

    Returns
    -------
    User
        The same.
    """
    return User(
        id=row.id,
        username=row.username,
        email=row.email,
        is_active=row.is_active,
        is_staff=row.is_staff,
        is_superuser=row.is_superuser,
        created_at=row.created_at,
    )
