"""API tokens: found by their hash, kept encrypted, because the dialects hand out the same again."""

import base64
import hashlib
import re
import secrets
from datetime import datetime

import structlog
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.accounts.models import User
from app.accounts.store import AccountStore

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_TOKEN = re.compile("[0-9a-f]{40}")


def make_token() -> str:
    """Make a new token.

    Returns
    -------
    str
        160 random bits as 40 lowercase hexadecimal digits.
    """
    return secrets.token_hex(20)


def is_token(text: str) -> bool:
    """Say whether a text has the form of a token.

    Parameters
    ----------
    text
        As the client sent it.

    Returns
    -------
    bool
        False for anything but 40 lowercase hexadecimal digits.
    """
    return _TOKEN.fullmatch(text) is not None


def hash_of(token: str) -> str:
    """Return what a token is found by.

    Parameters
    ----------
    token
        As `make_token` made it; random enough that no salt and no slow hash is needed.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    return hashlib.sha256(token.encode("ascii")).hexdigest()


class TokenSafe:
    """Encrypts the values of tokens with a key derived from the archive's secret key.

    Parameters
    ----------
    secret_key
        Of the archive, the same in all its processes.
    """

    def __init__(self, secret_key: str) -> None:
        derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"skyshelf api tokens")
        key = derivation.derive(secret_key.encode("utf-8"))
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def seal(self, token: str) -> bytes:
        """Encrypt a token.

        Parameters
        ----------
        token
            As `make_token` made it.

        Returns
        -------
        bytes
            For the database.
        """
        return self._fernet.encrypt(token.encode("ascii"))

    def unseal(self, sealed: bytes) -> str | None:
        """Decrypt a token.

        Parameters
        ----------
        sealed
            As `seal` made it.

        Returns
        -------
        str or None
            None where the secret key is no longer the one that sealed it.
        """
        try:
            return self._fernet.decrypt(sealed).decode("ascii")
        except InvalidToken:
            return None


async def live_token(store: AccountStore, safe: TokenSafe, user: User, *, now: datetime) -> str:
    """Return a user's token; issue one where there is none that can be read.

    Parameters
    ----------
    store
        Within a transaction.
    safe
        Of the archive's secret key.
    user
        Whose.
    now
        The current moment, UTC.

    Returns
    -------
    str
        40 lowercase hexadecimal digits, the same on every call until it is revoked.
    """
    await store.lock_tokens(user.id)
    sealed = await store.find_token(user.id)
    token = None if sealed is None else safe.unseal(sealed)
    if token is not None:
        return token
    if sealed is not None:
        _log.warning("token reissued: the secret key has changed", username=user.username)
        await store.remove_token(user.id, revoked_at=now)
    token = make_token()
    await store.add_token(
        user.id, value_hash=hash_of(token), value_encrypted=safe.seal(token), created_at=now
    )
    return token
