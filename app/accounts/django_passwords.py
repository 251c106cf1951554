"""Password hashes as Django writes them, for users who came from an archive built on it."""

import base64
import hashlib
import hmac
import re

_ALGORITHMS = {"pbkdf2_sha256": "sha256", "pbkdf2_sha1": "sha1"}
_ARGON2 = "argon2$"
_ITERATIONS = re.compile("[1-9][0-9]{0,7}")
"""Far above what any release asks for; more would keep a processor busy for minutes."""


def stored_form(django_hash: str) -> str | None:
    """Give what is stored here for a password hash of Django.

    Parameters
    ----------
    django_hash
        ``algorithm$iterations$salt$digest``, ``argon2$`` and a hash in the PHC string format, or
        an unusable one: empty, or beginning with ``!``.

    Returns
    -------
    str or None
        What `app.accounts.passwords.check_password` takes; None where there is no password, or
        the kind of hash is not known here.
    """
    if django_hash.startswith(_ARGON2):
        return django_hash.removeprefix("argon2")
    return django_hash if _parts(django_hash) is not None else None


def is_right(password: bytes, stored_hash: str) -> bool | None:
    """Check a password against a PBKDF2 hash (RFC 8018, section 5.2) of Django.

    Parameters
    ----------
    password
        As the person typed it, UTF-8.
    stored_hash
        Any kind of hash.

    Returns
    -------
    bool or None
        None where it is no such hash.
    """
    parts = _parts(stored_hash)
    if parts is None:
        return None
    algorithm, iterations, salt, digest = parts
    derived = hashlib.pbkdf2_hmac(algorithm, password, salt, iterations)
    return hmac.compare_digest(base64.b64encode(derived), digest)


def _parts(stored_hash: str) -> tuple[str, int, bytes, bytes] | None:
    """Split a hash into algorithm, iterations, salt and digest; None where it is none."""
    words = stored_hash.split("$")
    if len(words) != 4 or words[0] not in _ALGORITHMS:
        return None
    kind, iterations, salt, digest = words
    if not (_ITERATIONS.fullmatch(iterations) and digest.isascii()):
        return None
    return _ALGORITHMS[kind], int(iterations), salt.encode(), digest.encode()
