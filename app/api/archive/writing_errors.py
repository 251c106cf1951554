"""Errors of posts as Django REST framework nests them: those of a version stand in its place."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from app.api.field_errors import describe
from app.api.problem_forms import LenientJSON
from app.frames.announced import KnownVersionError

_VERSIONS = "version_set"


def refused_fields(error: ValidationError, sent: Mapping[str, Any]) -> Response:
    """Answer a body that is not what the operation takes.

    Parameters
    ----------
    error
        What is wrong with it.
    sent
        The body.

    Returns
    -------
    Response
        400, with texts by field.
    """
    fields: dict[str, Any] = {}
    versions: dict[int, dict[str, list[str]]] = {}
    for each in error.errors():
        found = describe({**each, "loc": ("body", *each["loc"])})
        match each["loc"]:
            case (name, int(place), str(field), *_) if name == _VERSIONS:
                texts = versions.setdefault(place, {}).setdefault(field, [])
            case _:
                texts = fields.setdefault(found.name, [])
        texts.append(found.text)
    if versions:
        count = len(sent[_VERSIONS])
        fields[_VERSIONS] = [versions.get(place, {}) for place in range(count)]
    return LenientJSON(fields, 400)


def known_versions(error: KnownVersionError) -> Response:
    """Answer a post of versions that are in the archive already (ARC-73).

    Parameters
    ----------
    error
        Which ones.

    Returns
    -------
    Response
        400, with texts by version and field.
    """
    versions: Sequence[dict[str, list[str]]] = [
        {name: [f"version with this {name} already exists."] for name in flaw}
        for flaw in error.flaws
    ]
    return LenientJSON({_VERSIONS: versions}, 400)
