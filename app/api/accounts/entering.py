"""How a token is asked for: by name and password, or by a token that is still valid (ARC-1)."""

from typing import Annotated

from fastapi import Depends, Request

from app.api.accounts.wire import CredentialsIn
from app.api.bodies import body_of
from app.api.deps import Services, reader
from app.api.throttling import client_address

_credentials = body_of(CredentialsIn)


async def given_token(request: Request, services: Services) -> str:
    """Log in by what a body says; without a body, say the token of whoever asks.

    Parameters
    ----------
    request
        A body with credentials counts more than the token in the header, which may be out of date.
    services
        Of the process.

    Returns
    -------
    str
        The user's token.

    Raises
    ------
    WrongCredentialsError
        If name and password do not belong to an active user.
    ThrottledError
        If log-ins have failed too often.
    UnauthenticatedError
        If there is no body, and the token is not valid.
    """  # the services raise them
    if not await request.body():
        caller = await reader(request, services)
        if caller.is_known:
            return await services.accounts.token_of(
                await services.accounts.get_user(caller.username)
            )
    sent = await _credentials(request)
    return await services.accounts.log_in(
        sent.username, sent.password, address=client_address(request)
    )


GivenToken = Annotated[str, Depends(given_token)]
"""Parameter of a route: the token that the client asked for."""
