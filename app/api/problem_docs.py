"""Problems in the OpenAPI document: which an operation may answer with, and their schema."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from app.api.problem_forms import MEDIA_TYPE, ProblemOut


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
