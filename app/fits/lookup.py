"""Finds what the headers of a file say about a concept, and cleans it."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.fits.header import Header
from app.fits.keyword_tables import squeezed
from app.fits.keywords import KeywordMap, Rule
from app.fits.models import HeaderCard
from app.fits.repairs import Repairs, quoted

MAX_TEXT_CHARS = 1000
"""Longer texts are cut in the metadata [character]; the header keeps them whole."""

NUMBER = re.compile(r"([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD][+-]?\d{1,3})?)(?: *[A-Za-z%]+)?")


@dataclass(frozen=True, slots=True)
class Found:
    """A value that a rule found.

    Attributes
    ----------
    rule
        Which rule.
    card
        The card of its keyword.
    partner
        The card of the partner; None if the rule has none.
    header
        Where they stand.
    """

    rule: Rule
    card: HeaderCard
    partner: HeaderCard | None
    header: Header


class Lookup:
    """Answers for one file, concept by concept.

    Parameters
    ----------
    groups
        Headers by rank: within a group every rule is tried in each header in turn, and a later
        group is only asked where the earlier ones say nothing.
    keyword_map
        Which keyword says what.
    repairs
        Takes what had to be left out.
    """

    def __init__(
        self, groups: Sequence[Sequence[Header]], keyword_map: KeywordMap, repairs: Repairs
    ) -> None:
        self.keyword_map = keyword_map
        self.sources: dict[str, str] = {}
        self._groups = groups
        self._repairs = repairs

    def candidates(self, concept: str) -> Iterator[Found]:
        """Yield what the rules of a concept find, best first.

        Parameters
        ----------
        concept
            Of the keyword map.

        Yields
        ------
        Found
            Defined values that are no null words.
        """
        for headers in self._groups:
            for rule in self.keyword_map.rules[concept]:
                for header in headers:
                    yield from self._found(rule, header)

    def _found(self, rule: Rule, header: Header) -> Iterator[Found]:
        if rule.keyword.endswith("*"):
            names = [name for name in header if name.startswith(rule.keyword[:-1])]
        else:
            names = [rule.keyword] if rule.keyword in header else []
        partner = header.get(rule.partner)
        if rule.partner and (partner is None or self.is_null(partner)):
            return
        for name in names:
            if not self.is_null(header[name]):
                yield Found(rule, header[name], partner, header)

    def is_null(self, card: HeaderCard) -> bool:
        """Whether a card says nothing.

        Parameters
        ----------
        card
            Any.

        Returns
        -------
        bool
            True for undefined values and null words.
        """
        return card.value is None or squeezed(str(card.value)) in self.keyword_map.null_words

    def chosen(self, concept: str, found: Found) -> None:
        """Note where the value of a concept was read.

        Parameters
        ----------
        concept
            Of the keyword map.
        found
            What was used.
        """
        self.sources[concept] = found.card.keyword

    def left_out(self, card: HeaderCard, why: str) -> None:
        """Note that a value was not used.

        Parameters
        ----------
        card
            Where it stands.
        why
            What is wrong with it.
        """
        self.note(card, f"was not used: {why}")

    def note(self, card: HeaderCard, what: str) -> None:
        """Note anything else about a value.

        Parameters
        ----------
        card
            Where it stands.
        what
            What to say after the value.
        """
        self._repairs.add(f"{card.keyword} = {quoted(card.value)} {what}")

    def text(self, concept: str) -> str | None:
        """Return the text of a concept.

        Parameters
        ----------
        concept
            Of the keyword map.

        Returns
        -------
        str or None
            Trimmed, at most `MAX_TEXT_CHARS`; numbers as they print; None if nothing is said.
        """
        for found in self.candidates(concept):
            if text := self.text_of(found.card):
                self.chosen(concept, found)
                return text
        return None

    def text_of(self, card: HeaderCard) -> str:
        """Return a value as text.

        Parameters
        ----------
        card
            Any.

        Returns
        -------
        str
            Trimmed and cut to `MAX_TEXT_CHARS`; empty for logical values.
        """
        value = card.value
        if value is None or isinstance(value, bool):
            return ""
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            value = int(value)
        text = str(value).strip()
        if len(text) <= MAX_TEXT_CHARS:
            return text
        self._repairs.add(
            f"{card.keyword} has {len(text)} characters; the metadata keep {MAX_TEXT_CHARS}"
        )
        return text[:MAX_TEXT_CHARS].rstrip()

    def number(self, concept: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """Return the number of a concept.

        Parameters
        ----------
        concept
            Of the keyword map.
        low, high
            Bounds, both allowed; what is outside was not measured.

        Returns
        -------
        float or None
            Finite; None if nothing is said.
        """
        for found in self.candidates(concept):
            value = number_of(found.card)
            if value is not None and low <= value <= high:
                self.chosen(concept, found)
                return value
            self.left_out(found.card, f"it is no number from {low:g} to {high:g}")
        return None


def number_of(card: HeaderCard) -> float | None:
    """Read a number, also from text.

    Parameters
    ----------
    card
        Any; text may have a decimal comma or a unit behind.

    Returns
    -------
    float or None
        Finite; None if it is no number.
    """
    if card.value is None or isinstance(card.value, bool):
        return None
    match = NUMBER.fullmatch(str(card.value).strip())
    if match is None:
        return None
    value = float(match[1].replace(",", ".").upper().replace("D", "E"))
    return value if math.isfinite(value) else None
