"""Reads the rules of public dates from a TOML file, with errors that name row and key."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from app.core.errors import InvalidError
from app.fits.models import ObservationType
from app.ingest.publicity import BUILT_IN_RULES, NEVER_DAYS, PublicDateRule
from app.settings import PREFIX

_SETTING: Final = f"{PREFIX}PUBLIC_DATE_RULES"
_MAX_DAYS: Final = 1_000_000
_WORDS: Final[Mapping[str, int | None]] = {
    "at once": 0, "never": NEVER_DAYS, "proprietary": None
}  # fmt: skip
TAGS: Final = ("private", "internal", "public")
"""Those of `app.accounts.proposals.ProposalTag`, which is not loaded to check settings."""

_CONDITIONS: Final = ("types", "proposal_contains", "basename_contains", "tags")
_KEYS: Final = ("name", "public", *_CONDITIONS)


def load_public_date_rules(path: Path | None) -> tuple[PublicDateRule, ...]:
    """Read the rules of public dates; they take the place of the built-in ones.

    A file has a table for each rule, in the order in which they are tried::

        [[rule]]
        name = "calibrations"
        types = ["BIAS", "DARK"]
        public = "at once"

    Parameters
    ----------
    path
        The file; None for the built-in rules.

    Returns
    -------
    tuple of PublicDateRule
        In order.

    Raises
    ------
    InvalidError
        If the file cannot be read, or something in it is not allowed; names rule, key and what is.
    """
    if path is None:
        return BUILT_IN_RULES
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidError(
            f"{_SETTING}: {path.name} is no readable TOML file: {error}", field=_SETTING
        ) from error
    rows = content.get("rule", [])
    if content.keys() - {"rule"} or not isinstance(rows, list):
        _reject(path, ", ".join(content), "there may be nothing but tables named [[rule]]")
    rules = tuple(_rule(path, number, row) for number, row in enumerate(rows, 1))
    _check_reach(path, rules)
    return rules


def _reject(path: Path, where: str, what: str) -> NoReturn:
    raise InvalidError(f"{_SETTING}: {path.name}: {where}: {what}", field=_SETTING)


def _rule(path: Path, number: int, row: object) -> PublicDateRule:
    where = f"rule {number}"
    if not isinstance(row, dict):
        _reject(path, where, "it is no table: write [[rule]] above it")
    unknown = [key for key in row if key not in _KEYS]
    if unknown:
        _reject(path, where, f"{unknown[0]!r} is not known; use {', '.join(_KEYS)}")
    texts = {key: _texts(path, f"{where}, {key}", row.get(key)) for key in _CONDITIONS}
    name = row.get("name", str(number))
    if not isinstance(name, str):
        _reject(path, f"{where}, name", f"{name!r} is no text")
    return PublicDateRule(
        name=name,
        delay_days=_delay_days(path, f"{where}, public", row),
        types=frozenset(_type(path, f"{where}, types", text) for text in texts["types"]),
        proposal_contains=texts["proposal_contains"],
        basename_contains=texts["basename_contains"],
        tags=frozenset(_tag(path, f"{where}, tags", text) for text in texts["tags"]),
    )


def _texts(path: Path, where: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        _reject(path, where, f'{value!r} is not allowed; use a list of texts, such as ["A", "B"]')
    if not value:
        _reject(path, where, "the list is empty; leave it out if every frame is meant")
    return tuple(value)


def _type(path: Path, where: str, text: str) -> ObservationType:
    if text not in list(ObservationType):
        _reject(path, where, f"{text!r} is no type; use {', '.join(ObservationType)}")
    return ObservationType(text)


def _tag(path: Path, where: str, text: str) -> str:
    if text not in TAGS:
        _reject(path, where, f"{text!r} is no tag of proposals; use {', '.join(TAGS)}")
    return text


def _delay_days(path: Path, where: str, row: Mapping[str, Any]) -> int | None:
    value = row.get("public")
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_DAYS:
        return value
    words = ", ".join(f'"{word}"' for word in _WORDS)
    found = "it is missing" if value is None else f"{value!r} is not allowed"
    _reject(path, where, f"{found}; use a number of days after the exposure, or one of {words}")


def _check_reach(path: Path, rules: Sequence[PublicDateRule]) -> None:
    """Demand that every rule can apply."""
    for number, rule in enumerate(rules[:-1], 1):
        if rule.takes_all:
            _reject(
                path,
                f"rule {number + 1}",
                f"it never applies, since rule {number} has no condition: put that one last",
            )
