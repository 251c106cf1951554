"""Passwords: argon2, off the event loop, and equally slow for names that do not exist."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

import structlog
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

from app.accounts import django_passwords
from app.core.errors import InvalidError

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_hasher = PasswordHash.recommended()

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE: Final = 2
"""Passwords that are looked at together; each takes 64 MiB and several threads of its own. Their
threads are no others': a flood of log-ins waits here, while files are read and answers sent."""

_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")


async def _in_turn(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, lambda: work(*args, **kwargs))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a password found.

    Attributes
    ----------
    is_right
        Whether the password is the user's.
    new_hash
        To be stored instead of the old one, where the parameters of the hash have changed since;
        else None.
    """

    is_right: bool
    new_hash: str | None = None


async def hash_password(password: str) -> str:
    """Hash a new password with the current parameters.

    Parameters
    ----------
    password
        As the person typed it.

    Returns
    -------
    str
        In the PHC string format, salt included.
    """
    return await _in_turn(_hasher.hash, _as_bytes(password))


async def hash_new_password(password: str) -> str:
    """Hash a password that somebody is to have from now on.

    Parameters
    ----------
    password
        Anything but empty.

    Returns
    -------
    str
        As `hash_password`.

    Raises
    ------
    InvalidError
        If it is empty.
    """
    if not password:
        raise InvalidError("the password is empty: one character or more is needed")
    return await hash_password(password)


async def check_password(password: str, stored_hash: str | None) -> Verdict:
    """Check a password; takes as long whether there is a hash to check against or not.

    Parameters
    ----------
    password
        As the person typed it.
    stored_hash
        None where there is no such user, or one without a password.

    Returns
    -------
    Verdict
        Wrong, right, or right with a hash to be stored anew.
    """
    if stored_hash is None:
        await hash_password(password)  # as much work as a check, so that the time tells nothing
        return Verdict(is_right=False)
    return await _in_turn(_verify, password, stored_hash)


def _verify(password: str, stored_hash: str) -> Verdict:
    of_django = django_passwords.is_right(_as_bytes(password), stored_hash)
    if of_django is not None:
        return Verdict(of_django, _hasher.hash(_as_bytes(password)) if of_django else None)
    try:
        is_right, new_hash = _hasher.verify_and_update(_as_bytes(password), stored_hash)
    except UnknownHashError:
        _log.exception("password hash of an unknown kind: set this user's password anew")
        _hasher.hash(_as_bytes(password))  # as much work as any other check
        return Verdict(is_right=False)
    return Verdict(is_right, new_hash)


def _as_bytes(password: str) -> bytes:
    """Encode any string: JSON can carry half a surrogate pair, which strict UTF-8 refuses."""
    return password.encode("utf-8", "surrogatepass")
