"""What went wrong, as HTTP says it: problem documents after RFC 9457.

One table turns families of `ArchiveError` into statuses. Every answer of status 400 and above is
``application/problem+json`` with the members ``type, title, status, detail``. A bad parameter or
field has besides an extension member of its own name, and stands in ``errors`` as well, because a
field may be called ``type`` or ``status``.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException  # noqa: TID251  # caught here, raised by the router
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from typing_extensions import override

from app.api.field_errors import SHOWN_CHARACTERS, WHOLE_BODY, FieldError, describe
from app.core.errors import (
    ArchiveError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUSES: dict[type[ArchiveError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    InvalidError: HTTPStatus.BAD_REQUEST,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    DeniedError: HTTPStatus.FORBIDDEN,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Status of each family; a subclass has that of its nearest ancestor."""

_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_RESERVED = frozenset({"type", "title", "status", "detail", "instance", "errors", "request_id"})


class ProblemOut(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Bad Request",
                    "status": 400,
                    "detail": "EXPTIME is 'long'; allowed is a number.",
                    "errors": {"EXPTIME": ["Enter a number."]},
                    "EXPTIME": ["Enter a number."],
                }
            ]
        },
    )

    type: str = "about:blank"
    """Names the kind of problem; `about:blank` where the status says it all."""

    title: str
    """The kind of problem in words."""

    status: int = Field(ge=400, le=599)
    """The HTTP status once more."""

    detail: str
    """What is wrong this time, and what would be right."""

    errors: dict[str, list[str]] | None = None
    """Texts by bad parameter or field; each is also a member of its own."""

    request_id: str | None = None
    """The identifier of the request in the archive's log, also in the header X-Request-ID."""


class ProblemResponse(JSONResponse):
    """An answer that is a problem document."""

    media_type = MEDIA_TYPE

    @override
    def render(self, content: Any) -> bytes:
        """Encode the document.

        Parameters
        ----------
        content
            Values that JSON knows.

        Returns
        -------
        bytes
            JSON; half a surrogate pair out of a request's JSON goes back in its escaped form.
        """
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")


def problem_response(
    status: int,
    detail: str,
    *,
    title: str | None = None,
    kind: str = "about:blank",
    errors: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """Write a problem document.

    Parameters
    ----------
    status
        HTTP status.
    detail
        What is wrong this time.
    title
        The kind of problem in words; None for the name of the status.
    kind
        The member ``type``, a URI.
    errors
        Texts by field; None when no field is to blame.
    headers
        Further headers of the answer.

    Returns
    -------
    ProblemResponse
        The answer.
    """
    document: dict[str, object] = {
        "type": kind,
        "title": title or HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
    if errors:
        document["errors"] = dict(errors)
        document |= {name: texts for name, texts in errors.items() if name not in _RESERVED}
    if request_id := structlog.contextvars.get_contextvars().get("request_id"):
        document["request_id"] = request_id
    return ProblemResponse(document, int(status), headers)


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
    """Turn any exception into its problem document.

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
    match error:
        case ArchiveError():
            return _archive_answer(error)
        case RequestValidationError():
            return _validation_answer(request, error)
        case HTTPException():
            return _framework_answer(request, error)
        case _:
            log.error(
                "request.failed", method=request.method, path=request.url.path, exc_info=error
            )
            return problem_response(500, "The archive failed here; its log says why.")


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of an application a problem document.

    Parameters
    ----------
    app
        The application.
    """
    for kind in (ArchiveError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _archive_answer(error: ArchiveError) -> Response:
    """Answer an error that the archive raised on purpose."""
    headers = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = "Token"
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    field = (error.field or WHOLE_BODY) if isinstance(error, InvalidError) else None
    return problem_response(
        status_for(type(error)),
        error.message,
        title=error.title,
        kind=f"urn:skyshelf:problem:{_slug(type(error))}",
        errors={field: [error.message]} if field else None,
        headers=headers,
    )


def _slug(kind: type[ArchiveError]) -> str:
    """Return ``not-found`` for ``NotFoundError``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__.removesuffix("Error")).lower()


def _validation_answer(request: Request, error: RequestValidationError) -> Response:
    """Answer parameters or a body that are not what the operation takes."""
    raw = error.errors()
    if raw[0]["type"] == "json_invalid":
        return problem_response(400, f"JSON parse error - {error.__cause__}")
    if raw[0]["loc"] == ("body",) and isinstance(raw[0].get("input"), bytes):
        return _unsupported_media_type(request)
    found = [describe(item) for item in raw]
    detail = " ".join(item.detail for item in found)
    if any(item.place == "path" for item in found):
        # A path whose parts cannot be right names nothing that exists.
        return problem_response(404, f"Not found. {detail}")
    return problem_response(400, detail, errors=_by_name(found))


def _by_name(found: Iterable[FieldError]) -> dict[str, list[str]]:
    """Gather the texts of each parameter, each text once."""
    texts: dict[str, list[str]] = {}
    for item in found:
        known = texts.setdefault(item.name, [])
        if item.text not in known:
            known.append(item.text)
    return texts


def _framework_answer(request: Request, error: HTTPException) -> Response:
    """Answer what the router or the body parser refused."""
    if error.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return _unsupported_media_type(request)
    details = {
        404: "Not found.",
        405: f'Method "{request.method}" not allowed.',
        413: f"The request body is larger than {request.scope.get(MAX_BODY_SIZE_SCOPE_KEY)} bytes.",
    }
    detail = details.get(error.status_code, error.detail)
    if isinstance(error.__cause__, (UnicodeDecodeError, RecursionError)):
        detail = f"JSON parse error - {error.__cause__}"
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request)) or headers.get("Allow", "")
    return problem_response(error.status_code, detail, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """Ask all routes: the router names only the methods of the first that has the path."""
    scope = request.scope
    root_path = scope.get("app_root_path", scope.get("root_path", ""))
    probe = {"type": "http", "path": scope["path"], "root_path": root_path, "headers": []}
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**probe, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]


def _unsupported_media_type(request: Request) -> Response:
    """Answer a body in a form that the operation does not read."""
    media_type = request.headers.get("content-type", "")[:SHOWN_CHARACTERS]
    return problem_response(415, f'Unsupported media type "{media_type}" in request.')


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document problem answers of an operation: ``responses=problem_responses(400, 404)``.

    Parameters
    ----------
    *statuses
        The statuses that the operation may answer with.

    Returns
    -------
    dict
        What FastAPI takes as ``responses``; `customise_openapi` adds the schema it points to.
    """
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def customise_openapi(app: FastAPI) -> None:
    """Let the OpenAPI document say 400 with a problem where FastAPI would say 422.

    Parameters
    ----------
    app
        The application; its ``openapi`` method is replaced.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["ProblemOut"] = ProblemOut.model_json_schema()
        for path in document["paths"].values():
            for operation in path.values():
                _document_bad_request(operation)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _document_bad_request(operation: dict[str, Any]) -> None:
    """Replace the 422 of one operation; every operation with input can answer 400."""
    responses = operation["responses"]
    responses.pop("422", None)
    if operation.get("parameters") or "requestBody" in operation:
        ((status, response),) = problem_responses(400).items()
        responses.setdefault(str(status), response)
