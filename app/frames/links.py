"""Signed links: whoever has one may fetch one version of one frame, for a while."""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import quote

from app.core.clock import Clock
from app.core.errors import DeniedError


class InvalidLinkError(DeniedError):
    """A signed link that was altered, or has expired."""

    title = "Invalid link"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signed link carries.

    Attributes
    ----------
    version
        Key of the version that it opens.
    expires
        When it lapses [s since 1970, UTC], in digits.
    signature
        64 hex characters.
    """

    version: str
    expires: str
    signature: str


class LinkSigner:
    """Signs links with the archive's secret key.

    Parameters
    ----------
    secret
        The key.
    lifetime_s
        How long a link works [s].
    clock
        The time.
    """

    def __init__(self, secret: str, *, lifetime_s: int, clock: Clock) -> None:
        self._key = hashlib.sha256(b"skyshelf link " + secret.encode()).digest()
        self._lifetime_s = lifetime_s
        self._clock = clock

    def sign(self, frame_id: int, version_key: str) -> str:
        """Sign a link.

        Parameters
        ----------
        frame_id
            The frame.
        version_key
            The version that the link opens.

        Returns
        -------
        str
            Query string, escaped.
        """
        expires = str(int(self._clock().timestamp()) + self._lifetime_s)
        signature = self._digest(frame_id, version_key, expires)
        return f"version={quote(version_key, safe='')}&expires={expires}&signature={signature}"

    def check(self, frame_id: int, given: Signature) -> None:
        """Refuse a link that does not open a version of a frame now.

        Parameters
        ----------
        frame_id
            The frame of the URL.
        given
            What the link carries.

        Raises
        ------
        InvalidLinkError
            If the link was altered or has expired.
        """
        right = self._digest(frame_id, given.version, given.expires)
        if not hmac.compare_digest(right.encode(), given.signature.encode()):
            raise InvalidLinkError("the signature of this link is not valid: ask for a new link")
        if int(given.expires) < self._clock().timestamp():
            raise InvalidLinkError("this link has expired: ask for a new one")

    def _digest(self, frame_id: int, version_key: str, expires: str) -> str:
        text = f"{frame_id}\n{version_key}\n{expires}".encode()
        return hmac.digest(self._key, text, "sha256").hex()
