"""Requests that another site made a browser send (cross-site request forgery).

Only a browser sends credentials that nobody typed or wrote into a script: the session cookie. What
changes something and comes with that cookie must also carry a value which other sites cannot read
(a double-submit cookie, in the form that Django's clients know). Tokens need no such thing.
"""

import hmac
import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from app.api.mounts import base_url
from app.core.errors import DeniedError

CSRF_COOKIE: Final = "csrftoken"
"""Name of the cookie; clients of pyobs-archive look for exactly this (PYO-6)."""

CSRF_HEADER: Final = "X-CSRFToken"
CSRF_FIELD: Final = "csrfmiddlewaretoken"

_VALUE = re.compile(r"[A-Za-z0-9_-]{32,86}", re.ASCII)
_AGE_S = 365 * 86_400
_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 200_000  # as many as a zip form may have: the route gets the form that is read here


class ForgeryError(DeniedError):
    """An unsafe request with a session cookie that does not prove where it comes from."""

    title = "CSRF check failed"


def set_csrf_cookie(request: Request, response: Response, *, renew: bool = False) -> str:
    """Let a browser have the ``csrftoken`` cookie; the one that it has stays.

    Parameters
    ----------
    request
        What was asked.
    response
        The answer that is sent in the end; a client may look at no other (PYO-6).
    renew
        Whether to give another value, as at a log-in.

    Returns
    -------
    str
        The value, for forms.
    """
    known = request.cookies.get(CSRF_COOKIE, "")
    value = known if _VALUE.fullmatch(known) and not renew else secrets.token_urlsafe(32)
    response.set_cookie(
        CSRF_COOKIE, value, max_age=_AGE_S, secure=is_secure(request), samesite="lax"
    )
    return value


def is_secure(request: Request) -> bool:
    """Say whether clients reach the archive by https.

    Parameters
    ----------
    request
        The request.

    Returns
    -------
    bool
        By the public URL: in front of this process there may be a proxy.
    """
    return base_url(request).startswith("https:")


def is_from_elsewhere(request: Request) -> bool:
    """Say whether a page of another site made the browser send a request.

    Parameters
    ----------
    request
        The request.

    Returns
    -------
    bool
        False too where no browser says so: they name the origin with every unsafe request, and
        with whatever a script asks of another site (Fetch standard, "origin header").
    """
    origin = request.headers.get("origin")
    if origin is None:
        return False
    own = {request.headers.get("host", "").lower(), urlsplit(base_url(request)).netloc.lower()}
    return origin.lower().partition("://")[2] not in own


async def check_csrf(request: Request) -> None:
    """Refuse an unsafe request that does not carry the value of the cookie.

    Parameters
    ----------
    request
        With a session cookie, by a method that changes something.

    Raises
    ------
    ForgeryError
        If the value is missing or another one.
    """
    cookie = request.cookies.get(CSRF_COOKIE, "")
    if not _VALUE.fullmatch(cookie):
        raise ForgeryError("CSRF Failed: CSRF cookie not set.")
    sent = request.headers.get(CSRF_HEADER) or await _sent_in_form(request)
    if not sent:
        raise ForgeryError("CSRF Failed: CSRF token missing.")
    if not hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), cookie.encode()):
        raise ForgeryError("CSRF Failed: CSRF token incorrect.")


async def _sent_in_form(request: Request) -> str:
    """Return the value that a form carries; empty for none.

    Never of a multipart form: the upload route reads its body itself, as it comes.
    """
    if not request.headers.get("content-type", "").lower().startswith(_FORM):
        return ""
    form = await request.form(max_fields=_MAX_FIELDS)
    sent = form.get(CSRF_FIELD)
    return sent if isinstance(sent, str) else ""
