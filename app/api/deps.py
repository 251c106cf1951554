"""Who calls, and with what: the dependencies of every route.

Each operation takes exactly one of `Anybody`, `Reader`, `User`, `Staff` and `Superuser`; the
OpenAPI document names it, and a test fails where it does not.
"""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.accounts.models import InvalidTokenError
from app.api.csrf import check_csrf
from app.api.session_cookie import session_of
from app.api.throttling import count_request
from app.context import Factory
from app.core.errors import DeniedError, UnauthenticatedError
from app.core.identity import ANONYMOUS, Caller

_SCHEMES = ("token", "bearer")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


async def get_factory(request: Request) -> Factory:
    """Give the services of this process."""
    factory: Factory = request.app.state.factory
    return factory


Services = Annotated[Factory, Depends(get_factory)]


class MissingCredentialsError(UnauthenticatedError):
    """The operation needs a user."""

    title = "Not authenticated"


def token_of(request: Request) -> str | None:
    """Find the token of a request: ``Authorization`` decides, without it ``Authentication``.

    Parameters
    ----------
    request
        With or without credentials.

    Returns
    -------
    str or None
        None where none is sent; schemes other than ``Token`` and ``Bearer`` are not ours.

    Raises
    ------
    InvalidTokenError
        If the header holds none or several values, or is there twice.
    """
    headers = request.headers
    found = headers.getlist("authorization") or headers.getlist("authentication")
    if len(found) > 1:
        raise InvalidTokenError("Invalid token header. Only one header may carry credentials.")
    words = found[0].split() if found else []
    if not words or words[0].lower() not in _SCHEMES:
        return None
    if len(words) == 1:
        raise InvalidTokenError("Invalid token header. No credentials provided.")
    if len(words) > 2:
        raise InvalidTokenError("Invalid token header. Token string should not contain spaces.")
    return words[1]


async def anybody() -> Caller:
    """Answer everybody, without looking at credentials."""
    return ANONYMOUS


async def reader(request: Request, services: Services) -> Caller:
    """Answer everybody what he may see; refuse a wrong token even so, and who asks too often."""
    caller = await _identified(request, services)
    await count_request(request, services, caller)
    return caller


async def _identified(request: Request, services: Factory) -> Caller:
    """Say who is behind a request: a token decides, without one the session of a browser."""
    token = token_of(request)
    if token is not None:
        return await services.accounts.caller_for_token(token)
    identifier = session_of(request)
    if identifier is None:
        return ANONYMOUS
    caller = await services.browser_sessions.caller(identifier)
    if request.method not in _SAFE_METHODS:
        await check_csrf(request)
    return caller


async def user(caller: Annotated[Caller, Depends(reader)]) -> Caller:
    """Demand a user.

    Raises
    ------
    MissingCredentialsError
        If there is none.
    """
    if not caller.is_known:
        raise MissingCredentialsError("Authentication credentials were not provided.")
    return caller


async def staff(caller: Annotated[Caller, Depends(user)]) -> Caller:
    """Demand a member of staff.

    Raises
    ------
    DeniedError
        If the caller is none.
    """
    if not (caller.is_staff or caller.is_superuser):
        raise DeniedError("You do not have permission to perform this action.")
    return caller


async def superuser(caller: Annotated[Caller, Depends(user)]) -> Caller:
    """Demand a superuser.

    Raises
    ------
    DeniedError
        If the caller is none.
    """
    if not caller.is_superuser:
        raise DeniedError("You do not have permission to perform this action.")
    return caller


Anybody = Annotated[Caller, Depends(anybody)]
Reader = Annotated[Caller, Depends(reader)]
User = Annotated[Caller, Depends(user)]
Staff = Annotated[Caller, Depends(staff)]
Superuser = Annotated[Caller, Depends(superuser)]

_TOKEN: list[dict[str, list[str]]] = [{"Token": []}, {"Bearer": []}]
_CALLERS: dict[Callable[..., Any], tuple[str, list[dict[str, list[str]]]]] = {
    anybody: ("anybody", []),
    reader: ("reader", [{}, *_TOKEN]),
    user: ("user", _TOKEN),
    staff: ("staff", _TOKEN),
    superuser: ("superuser", _TOKEN),
}
SECURITY_SCHEMES = {
    "Token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Authorization: Token <token>`, the token from `api-token-auth/`.",
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer <token>`, the same token.",
    },
}


def name_callers(router: APIRouter) -> None:
    """Let every operation of the OpenAPI document name its caller, and the security schemes.

    Parameters
    ----------
    router
        Of an area, with all its routes, before it is included.
    """
    for route in router.routes:
        if isinstance(route, APIRoute):
            callers = [caller for caller in _calls(route.dependant) if caller in _CALLERS]
            if callers:
                name, security = _CALLERS[callers[0]]
                known = route.openapi_extra or {}
                route.openapi_extra = {**known, "x-caller": name, "security": security}


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    """Go through the dependencies of a route, nearest first."""
    for dependency in dependant.dependencies:
        if dependency.call is not None:
            yield dependency.call
    for dependency in dependant.dependencies:
        yield from _calls(dependency)
