"""Signed links to thumbnails: they work without a token for a while (THU-20)."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from app.core.clock import Clock
from app.frames.links import InvalidLinkError
from app.previews.thumbnail_models import ThumbnailSpec

LEAST_LIFETIME_S: Final = 8 * 3600
"""How long a link works at least (THU-20) [s]."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """One stored state of one frame, as a link names it.

    Attributes
    ----------
    frame_id
        The frame.
    version_key
        The version.
    """

    frame_id: int
    version_key: str


@dataclass(frozen=True, slots=True)
class ThumbnailLink:
    """What a signed link opens.

    Attributes
    ----------
    pictured
        One version, or those of red, green and blue.
    spec
        What the picture looks like.
    expires
        When the link lapses [s since 1970, UTC].
    """

    pictured: tuple[Pictured, ...]
    spec: ThumbnailSpec
    expires: int


class ThumbnailLinks:
    """Signs links with the archive's secret key.

    Parameters
    ----------
    secret
        The key.
    lifetime_s
        How long a link works [s]; never less than `LEAST_LIFETIME_S`.
    clock
        The time.
    """

    def __init__(self, secret: str, *, lifetime_s: int, clock: Clock) -> None:
        self._key = hashlib.sha256(b"skyshelf thumbnail " + secret.encode()).digest()
        self._lifetime_s = max(lifetime_s, LEAST_LIFETIME_S)
        self._clock = clock

    def sign(self, pictured: tuple[Pictured, ...], spec: ThumbnailSpec) -> str:
        """Sign a link.

        Parameters
        ----------
        pictured
            One version, or those of red, green and blue.
        spec
            What the picture looks like.

        Returns
        -------
        str
            Query string.
        """
        expires = int(self._clock().timestamp()) + self._lifetime_s
        link = ThumbnailLink(pictured, spec, expires)
        wish = spec.query()
        return (
            f"{wish}{'&' if wish else ''}of={_listed(pictured)}"
            f"&expires={expires}&signature={self._digest(link)}"
        )

    def check(self, link: ThumbnailLink, signature: str) -> None:
        """Refuse a link that does not open its picture now.

        Parameters
        ----------
        link
            As it came.
        signature
            64 hexadecimal digits.

        Raises
        ------
        InvalidLinkError
            If the link was altered or has expired.
        """
        if not hmac.compare_digest(self._digest(link).encode(), signature.encode()):
            raise InvalidLinkError("the signature of this link is not valid: ask for a new link")
        if link.expires < self._clock().timestamp():
            raise InvalidLinkError("this link has expired: ask for a new one")

    def _digest(self, link: ThumbnailLink) -> str:
        text = f"{_listed(link.pictured)}\n{link.expires}\n{link.spec.query()}"
        return hmac.digest(self._key, text.encode(), "sha256").hex()


def _listed(pictured: tuple[Pictured, ...]) -> str:
    return ",".join(f"{one.frame_id}.{one.version_key}" for one in pictured)
