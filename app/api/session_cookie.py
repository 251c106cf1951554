"""The cookie that keeps a browser logged in."""

from typing import Final

from fastapi import Request
from starlette.responses import Response

from app.api.csrf import is_from_elsewhere, is_secure

SESSION_COOKIE: Final = "skyshelf_session"

ENDED_COOKIE: Final = f"{SESSION_COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=lax"
"""Header `Set-Cookie` that takes the cookie away."""


def session_of(request: Request) -> str | None:
    """Return the identifier of a request's session.

    Parameters
    ----------
    request
        With or without a cookie.

    Returns
    -------
    str or None
        None where there is none, or where a page of another site asks: no cookie counts for it.
    """
    identifier = request.cookies.get(SESSION_COOKIE)
    return None if not identifier or is_from_elsewhere(request) else identifier


def set_session_cookie(
    request: Request, response: Response, identifier: str, *, lifetime_s: int
) -> None:
    """Let a browser have the identifier of its session.

    Parameters
    ----------
    request
        The log-in.
    response
        Its answer.
    identifier
        Of the session.
    lifetime_s
        How long it lasts from now on [s].
    """
    response.set_cookie(
        SESSION_COOKIE,
        identifier,
        max_age=lifetime_s,
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
