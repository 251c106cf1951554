"""What went wrong, in the form of each dialect.

A `Problem` is the same everywhere; the mount that a request came through decides how it is written.
At the root every answer of status 400 and above is ``application/problem+json`` (RFC 9457) with the
members ``type, title, status, detail``. A bad parameter or field has besides an extension member of
its own name, and stands in ``errors`` as well: a field may be called ``type`` or ``status``.
"""

import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app.api.field_errors import WHOLE_BODY

MEDIA_TYPE = "application/problem+json"

WRITER: Final = "skyshelf.problem_writer"
"""Key of an ASGI scope: how the mount that a request came through writes problems."""

_TOLD_OF_ALL_FIELDS: Final = ("about:blank", ":wrong-credentials", ":too-many-to-unpack")
"""Kinds of problems that upstream tells as `WHOLE_BODY`: of bodies that are no objects, PYO-2 and
ARC-1, ARC-63."""

_RESERVED = frozenset({"type", "title", "status", "detail", "instance", "errors", "request_id"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a request.

    Attributes
    ----------
    status
        HTTP status, 400 or above.
    detail
        What is wrong this time.
    title
        The kind of problem in words; None for the name of the status.
    kind
        A URI of the kind of problem.
    errors
        Texts by bad parameter or field; empty where none is to blame.
    headers
        Further headers of the answer.
    extra
        Further members of a problem document; other forms have no place for them.
    """

    status: int
    detail: str
    title: str | None = None
    kind: str = "about:blank"
    errors: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)


ProblemWriter = Callable[[Problem], Response]
"""Writes a problem in the form of one dialect."""


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


class DetailOut(BaseModel):
    """What went wrong, as Django REST framework tells it: `detail`, or texts by bad field."""

    model_config = ConfigDict(
        extra="allow",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"detail": "Not found."}, {"EXPTIME": ["Enter a number."]}]
        },
    )

    detail: str | None = None
    """What is wrong; absent where fields are to blame, each of which is a member with its texts."""


class LenientJSON(JSONResponse):
    """JSON that may give back what no sane client sent."""

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


class ProblemResponse(LenientJSON):
    """An answer that is a problem document."""

    media_type = MEDIA_TYPE


def write_document(problem: Problem) -> Response:
    """Write a problem document (RFC 9457), the form of the root.

    Parameters
    ----------
    problem
        What went wrong.

    Returns
    -------
    Response
        The answer.
    """
    document: dict[str, object] = {
        **problem.extra,
        "type": problem.kind,
        "title": problem.title or HTTPStatus(problem.status).phrase,
        "status": int(problem.status),
        "detail": problem.detail,
    }
    if problem.errors:
        document["errors"] = dict(problem.errors)
        document |= {name: texts for name, texts in problem.errors.items() if name not in _RESERVED}
    if request_id := structlog.contextvars.get_contextvars().get("request_id"):
        document["request_id"] = request_id
    return ProblemResponse(document, int(problem.status), problem.headers)


def write_detail(problem: Problem) -> Response:
    """Write ``{"detail": …}``, or the texts by field where fields are to blame.

    The form of Django REST framework, which the pyobs and LCO archives are made with (contract:
    shared model §2).

    Parameters
    ----------
    problem
        What went wrong.

    Returns
    -------
    Response
        The answer.
    """
    content: dict[str, Any] = _field_texts(problem) or {"detail": _upstream_text(problem)}
    return LenientJSON(content, int(problem.status), problem.headers)


def _field_texts(problem: Problem) -> dict[str, list[str]]:
    """Give the texts by field; none where the upstream archives have ``detail`` instead."""
    if problem.status != HTTPStatus.BAD_REQUEST:
        return {}
    texts = dict(problem.errors)
    if not problem.kind.endswith(_TOLD_OF_ALL_FIELDS):
        texts.pop(WHOLE_BODY, None)
    return texts


def _upstream_text(problem: Problem) -> str:
    """Give the text that clients of the upstream archives may compare."""
    if problem.status != HTTPStatus.NOT_FOUND:
        return problem.detail
    return "File not found." if problem.kind.endswith(":missing-file") else "Not found."


def refuse(scope: MutableMapping[str, Any], problem: Problem) -> Response:
    """Write a problem in the form of the mount that a request came through.

    Parameters
    ----------
    scope
        Of the request.
    problem
        What went wrong.

    Returns
    -------
    Response
        The answer.
    """
    write: ProblemWriter = scope.get(WRITER, write_document)
    return write(problem)
