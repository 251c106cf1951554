"""What went wrong, as HTTP says it: one table turns families of `ArchiveError` into statuses.

How a problem is written is the affair of the mount, see `app.api.problem_forms`.
"""

import math
import re
from collections.abc import Iterable
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException  # noqa: TID251  # caught here, raised by the router
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.responses import Response
from starlette.routing import Match

from app.accounts.models import InvalidSessionError
from app.api.field_errors import SHOWN_CHARACTERS, WHOLE_BODY, FieldError, describe
from app.api.mounts import mount_prefix
from app.api.problem_forms import Problem, refuse
from app.api.session_cookie import ENDED_COOKIE
from app.core.errors import (
    ArchiveError,
    ConflictError,
    DeniedError,
    FullError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

STATUSES: dict[type[ArchiveError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    InvalidError: HTTPStatus.BAD_REQUEST,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    DeniedError: HTTPStatus.FORBIDDEN,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    FullError: HTTPStatus.INSUFFICIENT_STORAGE,
    ThrottledError: HTTPStatus.TOO_MANY_REQUESTS,
}
"""Status of each family; a subclass has that of its nearest ancestor."""

_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


def status_for(family: type[ArchiveError]) -> HTTPStatus:
    """Look an error up in the table.

    Parameters
    ----------
    family
        Class of the error.

    Returns
    -------
    HTTPStatus
        Status of the nearest ancestor in `STATUSES`; 500 for an error of no family.
    """
    ancestors = (STATUSES[base] for base in family.__mro__ if base in STATUSES)
    return next(ancestors, HTTPStatus.INTERNAL_SERVER_ERROR)


def answer(request: Request, error: Exception) -> Response:
    """Turn any exception into an answer in the form of the mount.

    Parameters
    ----------
    request
        What was asked.
    error
        What went wrong.

    Returns
    -------
    Response
        The answer; for an exception that nobody foresaw one without details, and a log entry with
        all of them.
    """
    return refuse(request.scope, _problem(request, error))


def _problem(request: Request, error: Exception) -> Problem:
    """Say what went wrong."""
    match error:
        case ArchiveError():
            return _archive_problem(error)
        case RequestValidationError():
            return _validation_problem(request, error)
        case HTTPException():
            return _framework_problem(request, error)
        case _:
            log.error(
                "request.failed", method=request.method, path=request.url.path, exc_info=error
            )
            return Problem(500, "The archive failed here; its log says why.")


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of an application a problem document.

    Parameters
    ----------
    app
        The application.
    """
    for kind in (ArchiveError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _archive_problem(error: ArchiveError) -> Problem:
    """Tell of an error that the archive raised on purpose."""
    headers = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = "Token"
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, InvalidSessionError):
        headers["Set-Cookie"] = ENDED_COOKIE
    field = (error.field or WHOLE_BODY) if isinstance(error, InvalidError) else None
    return Problem(
        status_for(type(error)),
        error.message,
        title=error.title,
        kind=f"urn:skyshelf:problem:{_slug(type(error))}",
        errors={field: [error.message]} if field else {},
        headers=headers,
    )


def _slug(kind: type[ArchiveError]) -> str:
    """Return ``not-found`` for ``NotFoundError``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__.removesuffix("Error")).lower()


def _validation_problem(request: Request, error: RequestValidationError) -> Problem:
    """Tell of parameters or a body that are not what the operation takes."""
    raw = error.errors()
    if raw[0]["type"] == "json_invalid":
        return Problem(400, f"JSON parse error - {error.__cause__}")
    if raw[0]["loc"] == ("body",) and isinstance(raw[0].get("input"), bytes):
        return _unsupported_media_type(request)
    found = [describe(item) for item in raw]
    detail = " ".join(item.detail for item in found)
    if any(item.place == "path" for item in found):
        # A path whose parts cannot be right names nothing that exists.
        return Problem(404, f"Not found. {detail}")
    return Problem(400, detail, errors=_by_name(found))


def _by_name(found: Iterable[FieldError]) -> dict[str, list[str]]:
    """Gather the texts of each parameter, each text once."""
    texts: dict[str, list[str]] = {}
    for item in found:
        known = texts.setdefault(item.name, [])
        if item.text not in known:
            known.append(item.text)
    return texts


def _framework_problem(request: Request, error: HTTPException) -> Problem:
    """Tell what the router or the body parser refused."""
    if error.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return _unsupported_media_type(request)
    details = {
        404: "Not found.",
        405: f'Method "{request.method}" not allowed.',
        413: f"The request body is larger than {request.scope.get(MAX_BODY_SIZE_SCOPE_KEY)} bytes.",
    }
    detail = details.get(error.status_code, error.detail)
    if isinstance(error.__cause__, (ValueError, RecursionError)):
        detail = f"JSON parse error - {error.__cause__}"
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request)) or headers.get("Allow", "")
    return Problem(error.status_code, detail, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """Ask all routes: the router names only the methods of the first that has the path."""
    scope = request.scope
    root_path = scope.get("app_root_path", scope.get("root_path", "")) + mount_prefix(scope)
    probe = {"type": "http", "path": scope["path"], "root_path": root_path, "headers": []}
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**probe, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]


def _unsupported_media_type(request: Request) -> Problem:
    """Tell of a body in a form that the operation does not read."""
    media_type = request.headers.get("content-type", "")[:SHOWN_CHARACTERS]
    return Problem(415, f'Unsupported media type "{media_type}" in request.')
