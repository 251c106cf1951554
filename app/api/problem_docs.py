"""Problems in the OpenAPI document: which an operation may answer with, and their schema."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

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


def json_refusal(
    status: int, schema: dict[str, Any], *, beside: str | None = None
) -> dict[int | str, dict[str, Any]]:
    """Document a refusal in an upstream's own JSON, where it is no problem of the mount's form.

    Parameters
    ----------
    status
        Of the refusal.
    schema
        Of its JSON.
    beside
        Media type of the form that other refusals of this status have; None for none.

    Returns
    -------
    dict
        What FastAPI takes as ``responses``.
    """
    document = problem_responses(status)
    content = {"application/json": {"schema": schema}}
    if beside is not None:
        content[beside] = {"schema": {"$ref": "#/components/schemas/ProblemOut"}}
    document[status]["content"] = content
    return document


def customise_openapi(app: FastAPI, shape: type[BaseModel] = ProblemOut) -> None:
    """Let the OpenAPI document say 400 where FastAPI would say 422, and what refuses a caller.

    Parameters
    ----------
    app
        The application; its ``openapi`` method is replaced.
    shape
        Of errors, as this application writes them.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas[shape.__name__] = shape.model_json_schema()
        for path in document["paths"].values():
            for operation in path.values():
                _document_bad_request(operation)
                _document_refused_caller(operation)
                _name_shape(operation["responses"], shape)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _document_bad_request(operation: dict[str, Any]) -> None:
    """Replace the 422 of one operation; every operation with input can answer 400."""
    responses = operation["responses"]
    responses.pop("422", None)
    if operation.get("parameters") or "requestBody" in operation:
        _add(responses, 400)


def _document_refused_caller(operation: dict[str, Any]) -> None:
    """Say that whoever looks at callers may refuse a token, or one who asks too often."""
    if operation.get("x-caller", "anybody") != "anybody":
        _add(operation["responses"], 401, 429)


def _name_shape(responses: dict[str, Any], shape: type[BaseModel]) -> None:
    """Say in which shape errors come, where that is another one."""
    schema = {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}
    for response in responses.values():
        content = response.get("content", {})
        if shape is not ProblemOut and content.pop(MEDIA_TYPE, None):
            content["application/json"] = schema


def _add(responses: dict[str, Any], *statuses: int) -> None:
    for status, response in problem_responses(*statuses).items():
        responses.setdefault(str(status), response)
