"""The functions of the formatter language: what may follow a ``|`` in a placeholder.

A function maps candidates to candidates: the possible values of a keyword, best first. Values
that it cannot use drop out, and a later ``default`` steps in when none is left.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from app.core.errors import InvalidError
from app.fits.models import HeaderValue
from app.fits.safe_names import UnsafeNameError, is_safe, safe_text

Value = str | int | float | bool | date | datetime
Candidates = tuple[Value, ...]

_PRINTF: Final = re.compile(r"%?(?P<spec>[-+0]*\d{0,3}(\.\d{1,2})?(?P<type>[diouxXeEfFgGs]))")
_LIGHT_WORDS: Final = frozenset(
    ["light", "object", "flat", "expose", "science", "skyflat", "domeflat", "lampflat"]
)
_DARK_WORDS: Final = frozenset(["dark", "bias", "zero"])


class MissingKeywordError(InvalidError):
    """A template needs a keyword that the header does not give.

    Parameters
    ----------
    keyword
        The keyword or field that is missing.
    part
        The part of the template that needs it.
    """

    title = "Missing keyword"

    def __init__(self, keyword: str, part: str) -> None:
        super().__init__(
            f"{part} needs {keyword!r}, which is missing or undefined: fix the header, or give a"
            f" default in the template: {{{keyword}|default:unknown}}",
            field=keyword,
        )


class UnusableValueError(InvalidError):
    """A keyword is there, but its value is not what a function of the template takes."""

    title = "Unusable value"


class SafeText(str):
    """Text of digits and of separators from the template; its slashes do make directories."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of one frame come from.

    Attributes
    ----------
    cards
        Keyword, upper case -> value of the header card.
    fields
        Field name, lower case -> normalised value.
    concept_of
        Keyword -> name of the field that it stands for.
    """

    cards: Mapping[str, HeaderValue]
    fields: Mapping[str, HeaderValue | date | datetime]
    concept_of: Mapping[str, str]

    def candidates(self, key: str) -> Candidates:
        """Look a keyword or field up.

        Parameters
        ----------
        key
            Keyword in capitals, or field name.

        Returns
        -------
        Candidates
            The card's value, then that of the field; missing, undefined and blank ones left out.
        """
        found = (self.cards.get(key), self.fields.get(self.concept_of.get(key, key)))
        return tuple(value for value in found if value is not None and text_of(value).strip())


def text_of(value: Value) -> str:
    """Write a value as text, before unsafe characters are replaced.

    Parameters
    ----------
    value
        Value of a card or field.

    Returns
    -------
    str
        Logical values as ``T`` and ``F``, times in UTC as ``Y-m-dTH:M:S``, others as Python does.
    """
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, datetime):
        moment = moment_of(value)
        return str(value) if moment is None else moment.isoformat()[:19]
    if isinstance(value, int) and value.bit_length() > 10_000:
        return hex(value)  # decimal digits of such numbers are refused by Python itself
    return value if isinstance(value, str) else str(value)


def moment_of(value: Value) -> date | datetime | None:
    """Read a value as a date or a time.

    Parameters
    ----------
    value
        A date, a time (naive: UTC), or ISO 8601 text, ``YYYYMMDD`` included.

    Returns
    -------
    date | datetime | None
        A date where no time of day is given, else a naive time in UTC; None for other values.
    """
    try:
        if not isinstance(value, date):
            value = _parsed_moment(text_of(value).strip())
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return value


def _parsed_moment(text: str) -> date | datetime:
    """Read ISO 8601 text; a ValueError otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)


Apply = Callable[[Candidates, tuple[str, ...], Source], Candidates]
Check = Callable[[tuple[str, ...], bool], str | None]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    Attributes
    ----------
    usage
        How it is written, for error messages.
    apply
        Maps candidates and arguments to candidates.
    least, most
        How many arguments it takes.
    check
        Says what its arguments may be if they are wrong; told whether slashes are allowed.
    """

    usage: str
    apply: Apply
    least: int = 0
    most: int = 0
    check: Check = lambda _arguments, _in_path: None


def _lower(values: Candidates, _arguments: tuple[str, ...], _source: Source) -> Candidates:
    return tuple(text_of(value).lower() for value in values)


def _upper(values: Candidates, _arguments: tuple[str, ...], _source: Source) -> Candidates:
    return tuple(text_of(value).upper() for value in values)


def _default(values: Candidates, arguments: tuple[str, ...], _source: Source) -> Candidates:
    return values or arguments


def _date(values: Candidates, arguments: tuple[str, ...], _source: Source) -> Candidates:
    separator = arguments[0] if arguments else "-"
    moments = (moment_of(value) for value in values)
    return tuple(
        SafeText(separator.join((f"{at.year:04d}", f"{at.month:02d}", f"{at.day:02d}")))
        for at in moments
        if at is not None
    )


def _time(values: Candidates, arguments: tuple[str, ...], _source: Source) -> Candidates:
    separator = arguments[0] if arguments else "-"
    moments = (moment_of(value) for value in values)
    return tuple(
        SafeText(separator.join((f"{at.hour:02d}", f"{at.minute:02d}", f"{at.second:02d}")))
        for at in moments
        if isinstance(at, datetime)
    )


def _string(values: Candidates, arguments: tuple[str, ...], _source: Source) -> Candidates:
    match = _PRINTF.fullmatch(arguments[0])
    if match is None:
        return ()
    printed = (_printed(value, match["spec"], match["type"]) for value in values)
    return tuple(text for text in printed if text is not None)


def _printed(value: Value, spec: str, kind: str) -> str | None:
    """Print a value by a printf format; None where it is not the number that this takes."""
    try:
        if kind == "s":
            return ("%" + spec) % text_of(value)
        number = _number(value)
        return ("%" + spec) % (number if kind in "eEfFgG" else int(number))
    except (ValueError, OverflowError):
        return None


def _number(value: Value) -> int | float:
    """Read a value as a number; a ValueError otherwise."""
    if isinstance(value, int | float):
        return value
    text = text_of(value)
    try:
        return int(text)
    except ValueError:
        return float(text)


def _filter(values: Candidates, arguments: tuple[str, ...], source: Source) -> Candidates:
    type_key, prefix = (*arguments, *("IMAGETYP", "_")[len(arguments) :])
    types = source.candidates(type_key) or source.candidates("type")
    if not types:
        raise MissingKeywordError(type_key, f"the function filter:{type_key}")
    if not _takes_light(text_of(types[0])):
        return ("",)
    return tuple(prefix + text_of(value) for value in values)


def _takes_light(image_type: str) -> bool:
    """Tell whether frames of a type are taken through a filter: lights, objects, flats."""
    words = set(re.split(r"[^a-z]+", image_type.lower()))
    return bool(words & _LIGHT_WORDS) and not words & _DARK_WORDS


def _check_separator(arguments: tuple[str, ...], in_path: bool) -> str | None:  # noqa: FBT001  # one of two kinds of template
    separator = "".join(arguments)
    fits = all(is_safe(character) for character in separator) or (in_path and separator == "/")
    return None if fits else "a separator of - _ . + , = @" + (" or a single /" if in_path else "")


def _check_text(arguments: tuple[str, ...], _in_path: bool) -> str | None:  # noqa: FBT001  # as above
    text = arguments[0]
    fits = text.strip(".") and all(is_safe(character) for character in text)
    return None if fits else "a text of letters, digits and - _ . + , = @"


def _check_format(arguments: tuple[str, ...], _in_path: bool) -> str | None:  # noqa: FBT001  # as above
    fits = _PRINTF.fullmatch(arguments[0])
    return None if fits else "a printf format such as 04d, .1f or s"


def _check_filter(arguments: tuple[str, ...], _in_path: bool) -> str | None:  # noqa: FBT001  # as above
    fits = all(arguments[:1]) and all(is_safe(character) for character in "".join(arguments[1:]))
    return None if fits else "a keyword, then a prefix of letters, digits and - _ . + , = @"


FUNCTIONS: Final[Mapping[str, Function]] = {
    "lower": Function("lower", _lower),
    "upper": Function("upper", _upper),
    "date": Function("date[:separator]", _date, most=1, check=_check_separator),
    "time": Function("time[:separator]", _time, most=1, check=_check_separator),
    "string": Function("string:format", _string, least=1, most=1, check=_check_format),
    "filter": Function("filter[:typekey[:prefix]]", _filter, most=2, check=_check_filter),
    "default": Function("default:text", _default, least=1, most=1, check=_check_text),
}
"""Every function by its name."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments, as written."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A part of a template in braces.

    Attributes
    ----------
    text
        As written, braces included.
    key
        Keyword in capitals, or field name.
    calls
        Functions, in order.
    """

    text: str
    key: str
    calls: tuple[Call, ...]

    def render(self, source: Source) -> str:
        """Write the value of this part.

        Parameters
        ----------
        source
            The values of the frame.

        Returns
        -------
        str
            Safe text, which may begin with a dot or be empty after ``filter``.

        Raises
        ------
        MissingKeywordError
            If there is neither value nor default.
        UnsafeNameError
            If the value consists of dots alone.
        UnusableValueError
            If a function cannot use the value and there is no default.
        """
        first = values = source.candidates(self.key)
        for call in self.calls:
            values = FUNCTIONS[call.name].apply(values, call.arguments, source)
        if not values:
            raise self._nothing_left(first)
        value = values[0]
        text = value if isinstance(value, SafeText) else safe_text(text_of(value))
        if text and not text.strip("."):
            raise UnsafeNameError(
                f"{self.text}: the value {text!r} of {self.key!r} names nothing; fix the header",
                field=self.key,
            )
        return text

    def _nothing_left(self, first: Candidates) -> InvalidError:
        """Say why there is no value."""
        if not first:
            return MissingKeywordError(self.key, self.text)
        return UnusableValueError(
            f"{self.text} cannot use the value {text_of(first[0])[:80]!r} of {self.key!r}: fix the"
            " header, or add |default:text to the template",
            field=self.key,
        )
