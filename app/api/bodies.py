"""Bodies that clients send as JSON or as a form, whichever they like."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

Shape = TypeVar("Shape", bound=BaseModel)

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def body_of(shape: type[Shape]) -> Callable[[Request], Awaitable[Shape]]:
    """Make a dependency that reads a body of a shape, sent as JSON or as a form.

    Parameters
    ----------
    shape
        Model of the body. In forms, fields that are lists may be repeated, with or without ``[]``
        after their name.

    Returns
    -------
    Callable
        For ``Depends``.
    """

    async def read(request: Request) -> Shape:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        values = await _form(request, shape) if kind in _FORMS else await _json(request, kind)
        try:
            return shape.model_validate(values)
        except ValidationError as error:
            raise RequestValidationError(
                [{**each, "loc": ("body", *each["loc"])} for each in error.errors()], body=values
            ) from error

    return read


def body_schema(shape: type[BaseModel]) -> dict[str, Any]:
    """Describe such a body for the OpenAPI document.

    Parameters
    ----------
    shape
        Model of the body.

    Returns
    -------
    dict
        For ``openapi_extra``.
    """
    schema = shape.model_json_schema()
    content = {kind: {"schema": schema} for kind in ("application/json", *_FORMS)}
    return {"requestBody": {"required": True, "content": content}}


async def _json(request: Request, kind: str) -> Any:  # noqa: ANN401  # whatever was sent
    body = await request.body()
    if body and kind and not kind.endswith("json"):
        # What FastAPI says of such a body; see `app.api.problems`.
        raise RequestValidationError(
            [{"type": "dict_type", "loc": ("body",), "msg": "not JSON", "input": body}]
        )
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise RequestValidationError(
            [
                {
                    "type": "json_invalid",
                    "loc": ("body",),
                    "msg": "JSON decode error",
                    "input": {},
                    "ctx": {"error": str(error)},
                }
            ]
        ) from error


async def _form(request: Request, shape: type[BaseModel]) -> dict[str, Any]:
    form = await request.form(max_files=0)
    values: dict[str, Any] = {}
    for name, field in shape.model_fields.items():
        sent = [*form.getlist(name), *form.getlist(f"{name}[]")]
        if sent:
            values[name] = sent if _is_list(field.annotation) else sent[-1]
    return values


def _is_list(annotation: object) -> bool:
    return "list[" in str(annotation) or "frozenset[" in str(annotation)
