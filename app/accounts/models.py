"""Users and proposals as the rest of the archive sees them, and what can go wrong with them."""

import re
from dataclasses import dataclass
from datetime import datetime

from app.core.errors import InvalidError, UnauthenticatedError
from app.core.identity import Caller

_USERNAME = re.compile(r"[\w.@+-]{1,150}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class WrongCredentialsError(InvalidError):
    """Name and password do not belong to a user who may log in; which of them, nobody is told."""

    title = "Wrong credentials"


class InvalidTokenError(UnauthenticatedError):
    """The token was never issued, or has been revoked."""

    title = "Invalid token"


class InvalidSessionError(UnauthenticatedError):
    """The session of a browser has expired or was ended, or was never opened."""

    title = "Session ended"


class InactiveUserError(UnauthenticatedError):
    """The token is valid, its user has been switched off."""

    title = "Inactive user"


@dataclass(frozen=True, slots=True)
class User:
    """A person or a program that can log in.

    Attributes
    ----------
    id
        Number of the user.
    username
        As given; unique whatever its case.
    email
        None where no address is known.
    is_active
        Whether the user may log in and use a token.
    is_staff
        May upload, delete and look after the ingest; sees no more than any user.
    is_superuser
        May do everything, whatever `is_staff` says.
    created_at
        When the account was made, UTC.
    """

    id: int
    username: str
    email: str | None
    is_active: bool
    is_staff: bool
    is_superuser: bool
    created_at: datetime

    def as_caller(self, proposals: frozenset[str]) -> Caller:
        """Return the user as the one who asks; a superuser is staff too.

        Parameters
        ----------
        proposals
            That the user is a member of.

        Returns
        -------
        Caller
            A known one.
        """
        return Caller(
            user_id=self.id,
            username=self.username,
            is_staff=self.is_staff or self.is_superuser,
            is_superuser=self.is_superuser,
            proposals=proposals,
        )


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user who is about to be added.

    Attributes
    ----------
    username
        Checked.
    password_hash
        In the PHC string format, or as Django writes it; None for a user without a password.
    email
        Checked; None for none.
    is_staff
        As in `User`.
    is_superuser
        As in `User`.
    """

    username: str
    password_hash: str | None
    email: str | None = None
    is_staff: bool = False
    is_superuser: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """A user and what a password is checked against.

    Attributes
    ----------
    user
        Who wants to log in.
    password_hash
        None for a user who has no password.
    """

    user: User
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal, whose members see its proprietary frames.

    Attributes
    ----------
    id
        As frames name it (PROPID).
    title
        Empty where none was given.
    members
        User names, in alphabetical order.
    tags
        Words that say from when on new frames are public, see `app.accounts.proposals`.
    """

    id: str
    title: str
    members: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """What a caller may know of the account behind the request.

    Attributes
    ----------
    username
        Empty for an anonymous caller.
    proposals
        In alphabetical order.
    is_staff
        Staff, or superuser.
    is_superuser
        May do everything.
    """

    username: str
    proposals: tuple[str, ...]
    is_staff: bool
    is_superuser: bool


def check_username(username: str) -> None:
    """Refuse a user name that cannot be used.

    Parameters
    ----------
    username
        1 to 150 letters, digits and ``. @ + - _`` are right.

    Raises
    ------
    InvalidError
        If it is not.
    """
    if not _USERNAME.fullmatch(username):
        raise InvalidError(
            f"user name {username!r}: 1 to 150 letters, digits and . @ + - _ are needed",
            field="username",
        )


def check_email(email: str) -> None:
    """Refuse what cannot be an e-mail address.

    Parameters
    ----------
    email
        ``name@host`` of at most 254 characters (RFC 5321, section 4.5.3.1) is right.

    Raises
    ------
    InvalidError
        If it is not.
    """
    if not (_EMAIL.fullmatch(email) and email.isprintable() and len(email) <= 254):
        raise InvalidError(
            f"e-mail address {email!r}: name@host of at most 254 characters is needed",
            field="email",
        )


def check_proposal_id(proposal_id: str) -> None:
    """Refuse the id of a proposal that cannot be used.

    Parameters
    ----------
    proposal_id
        1 to 100 printable characters without blanks around them are right.

    Raises
    ------
    InvalidError
        If it is not.
    """
    stands_alone = proposal_id == proposal_id.strip() and proposal_id.isprintable()
    if not (stands_alone and 1 <= len(proposal_id) <= 100):
        raise InvalidError(
            f"proposal {proposal_id!r}: 1 to 100 printable characters without blanks around them"
            " are needed",
            field="proposal_id",
        )
