"""The keyword map: which header keyword says what. The only place that spells them for metadata.

Light on purpose: parents load the map and hand it to the children that read.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from app.core.errors import InvalidError
from app.fits.keyword_tables import CLEAR_WORDS, CONCEPTS, IMAGE_TYPES, NULL_WORDS, squeezed
from app.fits.models import Metadata, ObservationType

UNITS = ("deg", "hour", "s", "ms", "min", "d", "mjd", "jd", "tai", "unix")
"""Units that a rule may fix: ``hour`` for angles; ``mjd``, ``jd``, ``tai`` (seconds since MJD 0,
TAI) and ``unix`` (seconds) for dates. Without one, the header card's comment decides."""

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "site": "site",
        "telescope": "telescope",
        "instrument": "instrument",
        "type": "image_type_raw",
        "filter": "filter_name",
        "exposure": "exposure_s",
        "date": "observed_at",
        "time": "observed_at",
        "night": "night",
        "object": "object_name",
        "position": "ra_deg",
        "binning": "x_binning",
        "proposal": "proposal",
        "request": "request_id",
        "observation": "observation_id",
        "block": "block_id",
        "user": "user_id",
        "level": "reduction_level",
        "airmass": "airmass",
        "public_date": "public_at",
        "telescope_altitude": "telescope_altitude_deg",
        "telescope_azimuth": "telescope_azimuth_deg",
        "focus": "focus",
        "sun_altitude": "sun_altitude_deg",
        "sun_distance": "sun_distance_deg",
        "moon_altitude": "moon_altitude_deg",
        "moon_fraction": "moon_fraction",
        "moon_distance": "moon_distance_deg",
        "data_mean": "data_mean",
    }
)
"""Concept -> attribute of `Metadata` that holds its value."""

_RULE = re.compile(
    r"(?P<keyword>[A-Z0-9_.-]+(?: [A-Z0-9_.-]+)*\*?)"
    r"(?:/(?P<partner>[A-Z0-9_.-]+(?: [A-Z0-9_.-]+)*))?"
    rf"(?: \[(?P<unit>{'|'.join(UNITS)})\])?",
    re.IGNORECASE,
)
_SECTIONS = ("concepts", "image_types", "words")
_WORDS = ("null", "clear")
_TITLE = "KEYWORDS_FILE"


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a value may stand.

    Attributes
    ----------
    keyword
        Upper case, without ``HIERARCH``; with a star at the end any keyword that begins so.
    partner
        The second of a pair, such as the declination; empty if there is none.
    unit
        One of `UNITS`; empty if the card's comment decides.
    """

    keyword: str
    partner: str = ""
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> "Rule | None":
        """Read a rule as it is written in tables and files.

        Parameters
        ----------
        text
            ``KEYWORD``, ``KEYWORD/PARTNER``, ``KEYWORD [unit]``.

        Returns
        -------
        Rule or None
            None if it is not written so.
        """
        match = _RULE.fullmatch(" ".join(text.split()))
        if match is None:
            return None
        keyword, partner, unit = match["keyword"], match["partner"] or "", match["unit"] or ""
        return cls(keyword.upper(), partner.upper(), unit.lower())

    def written(self) -> str:
        """Return the rule as it is written in tables and files.

        Returns
        -------
        str
            What `parse` takes.
        """
        pair = f"{self.keyword}/{self.partner}" if self.partner else self.keyword
        return f"{pair} [{self.unit}]" if self.unit else pair


@dataclass(frozen=True)
class KeywordMap:
    """Which keyword says what.

    Attributes
    ----------
    rules
        Concept -> rules, in the order in which they are tried.
    image_types
        Squeezed word (see `app.fits.keyword_tables.squeezed`) -> type.
    null_words
        Squeezed words that mean that nothing is said.
    clear_words
        Squeezed words for a wheel position without a filter.
    leading
        The first header that has all of these keywords is read before the others; empty: the
        science header is.
    """

    rules: dict[str, tuple[Rule, ...]]
    image_types: dict[str, ObservationType]
    null_words: frozenset[str]
    clear_words: frozenset[str]
    leading: tuple[str, ...] = ()

    @cached_property
    def concepts(self) -> dict[str, str]:
        """Keyword -> concept, the first of several; only concepts that `FIELDS` has."""
        found: dict[str, str] = {}
        for concept in FIELDS:
            for rule in self.rules[concept]:
                found.setdefault(rule.keyword, concept)
                if rule.partner:
                    found.setdefault(rule.partner, concept)
        return found


def squeezed_all(words: Iterable[str]) -> frozenset[str]:
    """Reduce words to what is compared.

    Parameters
    ----------
    words
        As they stand in headers or tables.

    Returns
    -------
    frozenset
        See `app.fits.keyword_tables.squeezed`.
    """
    return frozenset(map(squeezed, words))


def parsed_rules(texts: Iterable[str]) -> tuple[Rule, ...]:
    """Read the rules of a table.

    Parameters
    ----------
    texts
        As `Rule.parse` takes them.

    Returns
    -------
    tuple of Rule
        In order.
    """
    return tuple(rule for text in texts if (rule := Rule.parse(text)) is not None)


BUILT_IN = KeywordMap(
    rules={concept: parsed_rules(texts) for concept, texts in CONCEPTS.items()},
    image_types=IMAGE_TYPES,
    null_words=squeezed_all(NULL_WORDS),
    clear_words=squeezed_all(CLEAR_WORDS),
)


def concept_of(keyword: str, keyword_map: KeywordMap = BUILT_IN) -> str | None:
    """Tell which concept a keyword stands for.

    Parameters
    ----------
    keyword
        As in a header or setting; case does not count, nor does a leading ``HIERARCH``.
    keyword_map
        Where to look.

    Returns
    -------
    str or None
        The concept; None if the keyword has none, or one whose value the metadata do not hold.
    """
    return keyword_map.concepts.get(keyword.upper().removeprefix("HIERARCH ").strip())


def metadata_value(metadata: Metadata, keyword: str, keyword_map: KeywordMap = BUILT_IN) -> object:
    """Return what the metadata say about the concept of a keyword, wherever it was read from.

    Parameters
    ----------
    metadata
        Of one frame.
    keyword
        Such as ``DATE-OBS``, which a frame with nothing but MJD-OBS has by this, too.
    keyword_map
        Where to look.

    Returns
    -------
    object
        The value; None if it is not said, or the keyword stands for no concept.
    """
    field = FIELDS.get(concept_of(keyword, keyword_map) or "")
    return None if field is None else getattr(metadata, field)


def load_keyword_map(path: Path | None, base: KeywordMap = BUILT_IN) -> KeywordMap:
    """Lay a TOML file over a built-in map.

    Its rules are tried before the built-in ones of the concept; its words are added::

        [concepts]
        site = ["OBSID", "ESO TEL GEOLON"]
        exposure = ["SHUTTIME [ms]"]

        [image_types]
        "sky frame" = "SKYFLAT"

        [words]
        null = ["n.n."]
        clear = ["substrate"]

    Parameters
    ----------
    path
        The file; None for the built-in map alone.
    base
        The map below: that of the rule set.

    Returns
    -------
    KeywordMap
        The merged map.

    Raises
    ------
    InvalidError
        If the file cannot be read, or something in it is not allowed; names file, key and what is.
    """
    if path is None:
        return base
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidError(
            f"{path.name} is no readable TOML file: {error}", field=_TITLE
        ) from error
    _check_names(path, content, "section", _SECTIONS)
    tables = {name: _table(path, content, name) for name in _SECTIONS}
    _check_names(path, tables["concepts"], "concept", CONCEPTS)
    _check_names(path, tables["words"], "list of words", _WORDS)
    own = {
        concept: _own_rules(path, concept, texts) for concept, texts in tables["concepts"].items()
    }
    words = {name: _texts(path, f"words.{name}", tables["words"].get(name, [])) for name in _WORDS}
    return replace(
        base,
        rules={c: (*own.get(c, ()), *built_in) for c, built_in in base.rules.items()},
        image_types=base.image_types | _own_types(path, tables["image_types"]),
        null_words=base.null_words | squeezed_all(words["null"]),
        clear_words=base.clear_words | squeezed_all(words["clear"]),
    )


def _reject(path: Path, key: str, value: object, allowed: str) -> NoReturn:
    raise InvalidError(f"{path.name}: {key}: {value!r} is not allowed; use {allowed}", field=_TITLE)


def _check_names(path: Path, table: Mapping[str, Any], what: str, allowed: Iterable[str]) -> None:
    for name in table:
        if name not in allowed:
            _reject(path, what, name, f"one of {', '.join(allowed)}")


def _table(path: Path, content: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        _reject(path, name, table, f"a table, [{name}]")
    return table


def _texts(path: Path, key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        _reject(path, key, value, 'a list of texts, such as ["A", "B"]')
    return value


def _own_rules(path: Path, concept: str, value: object) -> tuple[Rule, ...]:
    key = f"concepts.{concept}"
    rules = []
    for text in _texts(path, key, value):
        rule = Rule.parse(text)
        if rule is None:
            units = ", ".join(UNITS)
            _reject(
                path, key, text, f"KEYWORD, KEYWORD/PARTNER or KEYWORD [unit], unit one of {units}"
            )
        rules.append(rule)
    return tuple(rules)


def _own_types(path: Path, table: Mapping[str, object]) -> dict[str, ObservationType]:
    types = {}
    for word, value in table.items():
        if value not in list(ObservationType):
            _reject(path, f"image_types.{word}", value, f"one of {', '.join(ObservationType)}")
        types[squeezed(word)] = ObservationType(str(value))
    return types
