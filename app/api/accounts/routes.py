"""Routes of the accounts area."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.api.accounts.wire import CredentialsIn, ProfileOut, TokenOut
from app.api.bodies import body_of, body_schema
from app.api.deps import Anybody, Reader, Services
from app.api.problem_docs import problem_responses

TAGS = [{"name": "accounts", "description": "Tokens and profiles."}]

router = APIRouter(tags=["accounts"])


@router.post(
    "/api-token-auth/",
    summary="Log in",
    description="Gives the token of a user, the same one at every call.",
    responses=problem_responses(400, 503),
    openapi_extra=body_schema(CredentialsIn),
)
async def log_in(
    _: Anybody,
    services: Services,
    credentials: Annotated[CredentialsIn, Depends(body_of(CredentialsIn))],
) -> TokenOut:
    token = await services.accounts.log_in(credentials.username, credentials.password)
    return TokenOut(token=token)


@router.head("/profile/", include_in_schema=False)
@router.get(
    "/profile/",
    summary="Say who the caller is",
    responses=problem_responses(401, 503),
    response_model_exclude_none=True,
)
async def profile(caller: Reader, services: Services) -> ProfileOut:
    return ProfileOut.of(services.accounts.profile(caller))
