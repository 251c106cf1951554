"""Headers that say what a download is called and how it is checked."""

import base64
import re
import unicodedata
from urllib.parse import quote

_TOKEN = re.compile(r"[A-Za-z0-9!#$&+.^_`|~-]+", re.ASCII)

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def repr_digest(sha256_hex: str) -> dict[str, str]:
    """Write the digest of a whole representation (RFC 9530).

    Parameters
    ----------
    sha256_hex
        The sha256 in hexadecimal digits.

    Returns
    -------
    dict
        The header ``Repr-Digest``.
    """
    digest = base64.b64encode(bytes.fromhex(sha256_hex)).decode("ascii")
    return {"Repr-Digest": f"sha-256=:{digest}:"}


def content_disposition(filename: str, disposition: str = "attachment") -> str:
    """Write the name of a download so that old and new clients read it (RFC 6266).

    Parameters
    ----------
    filename
        Any text; separators of folders and what is not seen, such as control characters and marks
        that turn the direction of writing, become underscores.
    disposition
        ``attachment`` or ``inline``.

    Returns
    -------
    str
        Value of the header ``Content-Disposition``.
    """
    safe = "".join("_" if _is_unsafe(character) else character for character in filename)
    if _TOKEN.fullmatch(safe):
        return f"{disposition}; filename={safe}"
    plain = unicodedata.normalize("NFKD", safe).encode("ascii", "ignore").decode("ascii")
    plain = re.sub(r'["%]', "_", plain) or "download"
    encoded = quote(safe, safe="")
    return f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def _is_unsafe(character: str) -> bool:
    """Tell whether a character may not stand in the name of a file."""
    return character in "/\\" or unicodedata.category(character) in _UNSEEN
