"""From what pydantic found wrong to the texts that clients of the dialects know.

The texts are those of Django REST framework and, for query strings, of Django's filter forms
(contracts, "Field texts"), since existing clients show and compare them.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHOWN_CHARACTERS = 100
"""How much of a refused value is given back."""

WHOLE_BODY = "non_field_errors"
"""Name under which errors stand that belong to no single field."""

_SECRETS = frozenset({"password", "auth_token", "token", "signature"})

_REQUIRED = "This field is required."
_TEXTS = {
    "missing": _REQUIRED,
    "int_parsing": "A valid integer is required.",
    "int_parsing_size": "A valid integer is required.",
    "int_from_float": "A valid integer is required.",
    "int_type": "A valid integer is required.",
    "float_parsing": "Enter a number.",
    "float_type": "Enter a number.",
    "finite_number": "Enter a number.",
    "bool_parsing": "Must be a valid boolean.",
    "bool_type": "Must be a valid boolean.",
    "datetime_parsing": "Enter a valid date/time.",
    "date_parsing": "Enter a valid date.",
    "uuid_parsing": "Must be a valid UUID.",
    "string_type": "Not a valid string.",
    "string_unicode": "Not a valid string.",
    "null_character": "Null characters are not allowed.",
    "string_pattern_mismatch": "Enter a valid value.",
    "string_too_long": "Ensure this field has no more than {max_length} characters.",
    "string_too_short": "Ensure this field has at least {min_length} characters.",
    "too_long": "Ensure this field has no more than {max_length} elements.",
    "too_short": "Ensure this field has at least {min_length} elements.",
    "greater_than_equal": "Ensure this value is greater than or equal to {ge}.",
    "greater_than": "Ensure this value is greater than {gt}.",
    "less_than_equal": "Ensure this value is less than or equal to {le}.",
    "less_than": "Ensure this value is less than {lt}.",
    "enum": "Select a valid choice. {value} is not one of the available choices.",
    "literal_error": "Select a valid choice. {value} is not one of the available choices.",
    "list_type": 'Expected a list of items but got type "{kind}".',
    "frozen_set_type": 'Expected a list of items but got type "{kind}".',
    "dict_type": "Invalid data. Expected a dictionary, but got {kind}.",
    "model_type": "Invalid data. Expected a dictionary, but got {kind}.",
    "model_attributes_type": "Invalid data. Expected a dictionary, but got {kind}.",
    "value_error": "{error}",
}
_BODY_TEXTS = {
    "float_parsing": "A valid number is required.",
    "float_type": "A valid number is required.",
    "finite_number": "A valid number is required.",
    "enum": '"{value}" is not a valid choice.',
    "literal_error": '"{value}" is not a valid choice.',
}
_ALLOWED = {
    "int_parsing": "an integer",
    "int_parsing_size": "an integer",
    "int_from_float": "an integer",
    "int_type": "an integer",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_parsing": "true, 1, yes, false, 0 or no",
    "bool_type": "true or false",
    "datetime_parsing": "YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS[.f]], UTC or with an offset",
    "date_parsing": "YYYY-MM-DD",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "too_long": "at most {max_length} elements",
    "too_short": "at least {min_length} elements",
    "greater_than_equal": "a number of at least {ge}",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number of at most {le}",
    "less_than": "a number below {lt}",
    "enum": "{expected}",
    "literal_error": "{expected}",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one parameter or field.

    Attributes
    ----------
    place
        Where it came from: ``query``, ``path``, ``body``, ``header`` or ``cookie``.
    name
        Name of the parameter or of the body's field.
    text
        The short text that clients know.
    detail
        One sentence with the name, the value and what is allowed.
    """

    place: str
    name: str
    text: str
    detail: str


def describe(error: Mapping[str, Any]) -> FieldError:
    """Translate one entry of pydantic's list of errors.

    Parameters
    ----------
    error
        An item of ``RequestValidationError.errors()``.

    Returns
    -------
    FieldError
        The same finding in the words of the dialects.
    """
    place, *steps = (str(step) for step in error["loc"])
    name = steps[0] if steps else WHOLE_BODY
    facts = _facts(error)
    text = _text(error, place, facts)
    return FieldError(place, name, text, _detail(error, ".".join(steps), text, facts))


def _facts(error: Mapping[str, Any]) -> dict[str, object]:
    """Return what the templates may name."""
    value = error.get("input")
    return {
        **error.get("ctx", {}),
        "value": str(value)[:SHOWN_CHARACTERS],
        "kind": type(value).__name__,
    }


def _text(error: Mapping[str, Any], place: str, facts: Mapping[str, object]) -> str:
    """Return the short text."""
    kind = _kind(error["type"])
    if place == "body" and kind != "missing" and error.get("input", "") is None:
        return "This field may not be null."
    if kind == "string_too_short" and facts.get("min_length") == 1:
        return "This field may not be blank."
    template = (_BODY_TEXTS if place == "body" else _TEXTS).get(kind) or _TEXTS.get(kind)
    return template.format_map(facts) if template else str(error["msg"])


def _kind(kind: str) -> str:
    """Fold pydantic's many ways to fail at a date into one."""
    for prefix in ("datetime_", "date_"):
        if kind.startswith(prefix):
            return f"{prefix}parsing"
    return kind


def _detail(error: Mapping[str, Any], path: str, text: str, facts: Mapping[str, object]) -> str:
    """Return the sentence with the name, the value and what is allowed."""
    if not path:
        return text
    if text == _REQUIRED:
        return f"{path} is required."
    allowed = _ALLOWED.get(_kind(error["type"]))
    wanted = f"allowed is {allowed.format_map(facts)}." if allowed else text
    return f"{path} is {_shown(path, error.get('input'))}; {wanted}"


def _shown(path: str, value: object) -> str:
    """Return a refused value, cut, and never a secret."""
    if _SECRETS.intersection(path.split(".")):
        return "(not shown)"
    if isinstance(value, str):
        return repr(value[:SHOWN_CHARACTERS]) + "…" * (len(value) > SHOWN_CHARACTERS)
    return reprlib.repr(value)
