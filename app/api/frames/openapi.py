"""What the OpenAPI document says of bodies that are files."""

from typing import Any

_BINARY = {"type": "string", "format": "binary"}


def file_responses(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Document an answer that is a file.

    Parameters
    ----------
    *media_types
        That it may have.

    Returns
    -------
    dict
        What FastAPI takes as ``responses``.
    """
    content = {media_type: {"schema": _BINARY} for media_type in media_types}
    return {
        200: {"description": "The file", "content": content},
        206: {"description": "The bytes of the range", "content": content},
        304: {"description": "The client's copy is good"},
        412: {"description": "The file is another one by now"},
        416: {"description": "No byte of the range is in the file"},
    }


def upload_schema() -> dict[str, Any]:
    """Document a body of files.

    Returns
    -------
    dict
        What FastAPI takes as ``openapi_extra``.
    """
    schema = {
        "type": "object",
        "properties": {"file": {"type": "array", "items": _BINARY}},
        "additionalProperties": _BINARY,
    }
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }
