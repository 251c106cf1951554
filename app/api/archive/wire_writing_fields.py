"""Types of the fields that an ingester posts, and the texts of what they refuse."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.api.validation import Text
from app.core.errors import InvalidError
from app.core.sky_polygon import polygon_of
from app.storage.protocol import check_key

CONFIGURATION_TYPES: Final = frozenset(
    {
        "BIAS", "DARK", "EXPOSE", "SPECTRUM", "LAMPFLAT", "SKYFLAT", "STANDARD", "TRAILED", "GUIDE",
        "EXPERIMENTAL", "CATALOG", "ARC", "BPM", "DOUBLE", "TARGET", "TRACE", "OBJECT",
    }
)  # fmt: skip
"""What a frame may be: the types of the contract, and those of the instruments of that archive."""

_PRINTABLE: Final = re.compile("[!-~]+")
_MAX_KEY: Final = 32
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9._-]{1,19}")
_INT32: Final = 2**31 - 1


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _filled(value: str) -> str:
    """Refuse empty text.

    Raises
    ------
    PydanticCustomError
        If there is nothing but blanks.
    """
    if not value:
        raise PydanticCustomError("blank", "This field may not be blank.")
    return value


def _printable(value: str) -> str:
    """Refuse what cannot stand in a link.

    Raises
    ------
    PydanticCustomError
        If it is too long or not made of printable ASCII characters.
    """
    if len(value) > _MAX_KEY:
        raise PydanticCustomError(
            "string_too_long", "Too long: {max_length}", {"max_length": _MAX_KEY}
        )
    if not _PRINTABLE.fullmatch(value):
        raise PydanticCustomError("unprintable", "Use printable ASCII characters without blanks.")
    return value


def _extension(value: str) -> str:
    """Refuse what is no extension of a file name.

    Raises
    ------
    PydanticCustomError
        If it is none, or too long.
    """
    if not _EXTENSION.fullmatch(value):
        raise PydanticCustomError(
            "extension", "Use a dot and at most 19 letters, digits, dots, dashes or underscores."
        )
    return value


def _name(value: str) -> str:
    """Refuse what cannot name a file.

    Raises
    ------
    PydanticCustomError
        If it cannot.
    """
    try:
        check_key(f"{value}.fits.fz")
    except InvalidError as error:
        raise PydanticCustomError("name", "Not a file name: {why}", {"why": str(error)}) from error
    if "/" in value:
        raise PydanticCustomError("name", "Not a file name: it holds a slash.")
    return value


def _type(value: str) -> str:
    """Refuse an unknown type.

    Raises
    ------
    PydanticCustomError
        If it is none of `CONFIGURATION_TYPES`.
    """
    if value not in CONFIGURATION_TYPES:
        raise PydanticCustomError(
            "choice", '"{value}" is not a valid choice.', {"value": value[:100]}
        )
    return value


def _type_or_none(value: str) -> str:
    """Refuse an unknown type, but not an empty one."""
    return _type(value) if value else value


def _ring(value: object) -> tuple[tuple[float, float], ...] | None:
    """Read the ring of a GeoJSON polygon; right ascensions are brought to 0…360.

    Raises
    ------
    PydanticCustomError
        If it is none that the archive can search.
    """
    if value is None:
        return None
    try:
        (ring,) = _polygon_coordinates(value)
        vertices = tuple((float(ra_deg) % 360 % 360, float(dec_deg)) for ra_deg, dec_deg in ring)
        polygon_of(vertices)
    except InvalidError as error:
        why = error.message.removeprefix("Invalid polygon: ")
        raise PydanticCustomError("area", "Invalid polygon: {why}", {"why": why}) from error
    except (TypeError, ValueError, OverflowError) as error:
        shown = {"why": str(value)[:200]}
        raise PydanticCustomError("area", "Invalid polygon: {why}", shown) from error
    return vertices[:-1] if vertices[0] == vertices[-1] else vertices


def _polygon_coordinates(value: object) -> Any:  # noqa: ANN401  # whatever was sent
    """Get the rings of a GeoJSON polygon.

    Raises
    ------
    ValueError
        If it is another object.
    """
    if not isinstance(value, dict) or value.get("type") != "Polygon":
        raise ValueError("no GeoJSON object of type Polygon")
    return value.get("coordinates")


Filled = Annotated[Text, BeforeValidator(_stripped), AfterValidator(_filled)]
Plain = Annotated[Text, BeforeValidator(_stripped)]
Printable = Annotated[Filled, AfterValidator(_printable)]
FileName = Annotated[Filled, AfterValidator(_name)]
Area = Annotated[
    tuple[tuple[float, float], ...] | None,
    BeforeValidator(_ring),
    WithJsonSchema({"type": ["object", "null"], "description": "GeoJSON Polygon, degrees."}),
]
ConfigurationType = Annotated[
    Filled,
    AfterValidator(_type),
    WithJsonSchema({"type": "string", "enum": sorted(CONFIGURATION_TYPES)}),
]
MaybeType = Annotated[Plain, AfterValidator(_type_or_none)]
Extension = Annotated[Filled, AfterValidator(_extension)]
Md5 = Annotated[Printable, AfterValidator(str.lower)]
Level = Annotated[int, Field(ge=0, le=_INT32)]
