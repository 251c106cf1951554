"""Routes of the accounts area.

The strict mounts have some of them too: they include `token_router` (``api-token-auth/``) and
`session_router` (``login/``, ``logout/``) as they are.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.api.accounts.entering import GivenToken
from app.api.accounts.wire import CredentialsIn, MessageOut, ProfileOut, TokenOut
from app.api.bodies import body_of, body_schema
from app.api.csrf import ForgeryError, is_from_elsewhere, set_csrf_cookie
from app.api.deps import Anybody, Reader, Services, User
from app.api.problem_docs import problem_responses
from app.api.session_cookie import SESSION_COOKIE, session_of, set_session_cookie
from app.api.throttling import client_address

TAGS = [{"name": "accounts", "description": "Log-in, tokens and profiles."}]

token_router = APIRouter(tags=["accounts"])
session_router = APIRouter(tags=["accounts"])
router = APIRouter(tags=["accounts"])


@token_router.post(
    "/api-token-auth/",
    summary="Get a token",
    description="Gives the token of a user, the same one at every call. Without a body, a request"
    " that carries a valid token gets it back.",
    responses=problem_responses(400, 401, 429, 503),
    openapi_extra=body_schema(CredentialsIn),
)
async def give_token(_: Anybody, token: GivenToken) -> TokenOut:
    return TokenOut(token=token)


@session_router.post(
    "/login/",
    summary="Log a browser in",
    description="Begins a session, which a cookie carries from then on. Unsafe requests with this"
    " cookie must carry the value of the cookie `csrftoken` as well, in the header `X-CSRFToken`"
    " or the form field `csrfmiddlewaretoken`. Programs use a token instead.",
    responses=problem_responses(400, 403, 429, 503),
    openapi_extra=body_schema(CredentialsIn),
    response_model_exclude_none=True,
)
async def log_in(
    _: Anybody,
    request: Request,
    response: Response,
    services: Services,
    sent: Annotated[CredentialsIn, Depends(body_of(CredentialsIn))],
) -> ProfileOut:
    if is_from_elsewhere(request):
        raise ForgeryError("CSRF Failed: Origin checking failed: log in on the archive's own page.")
    opened = await services.browser_sessions.open(
        sent.username,
        sent.password,
        address=client_address(request),
        instead_of=session_of(request),
    )
    set_session_cookie(request, response, opened.identifier, lifetime_s=opened.lifetime_s)
    set_csrf_cookie(request, response, renew=True)
    return ProfileOut.of(services.accounts.profile(opened.caller))


@session_router.post(
    "/logout/",
    summary="Log a browser out",
    description="Ends the session; the token stays valid.",
    responses=problem_responses(401, 403, 429, 503),
)
async def log_out(_: User, request: Request, response: Response, services: Services) -> MessageOut:
    await services.browser_sessions.end(session_of(request) or "")
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
    return MessageOut(message="Logged out.")


@router.post(
    "/revoke_token/",
    summary="Revoke the token",
    description="The caller's token fails from now on, all sessions of browsers end, and the next"
    " log-in gives a new token.",
    responses=problem_responses(401, 403, 429, 503),
)
async def revoke_token(caller: User, services: Services) -> MessageOut:
    await services.accounts.revoke_token(caller)
    return MessageOut(message="API token revoked.")


@router.head("/profile/", include_in_schema=False)
@router.get(
    "/profile/",
    summary="Say who the caller is",
    responses=problem_responses(401, 429, 503),
    response_model_exclude_none=True,
)
async def profile(caller: Reader, services: Services) -> ProfileOut:
    return ProfileOut.of(services.accounts.profile(caller))
