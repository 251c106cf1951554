"""What a header must have for its file to be filed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.fits.keywords import KeywordMap, concept_of, metadata_value
from app.fits.models import Hdu, Reading
from app.ingest.models import KeywordMissingError
from app.ingest.naming import merged_cards
from app.settings import PREFIX

_READABLE: Final = frozenset({"date", "exposure"})
"""Concepts whose keyword does not count where its value cannot be read."""

_TYPE: Final = "type"


class Where(StrEnum):
    """Where required keywords must stand."""

    ANYWHERE = "the header"
    """In any HDU, and any other keyword of the same concept will do."""
    ONE_HEADER = "the most complete header"
    """All in the header of one HDU (ARC-80)."""
    SCIENCE_HEADER = "the science header"
    """In the header of the HDU named SCI, else of the first image (PYO-50)."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a header must have.

    Attributes
    ----------
    keywords
        Upper case.
    where
        Where they must stand.
    keyword_map
        How headers are read.
    demands_type
        Whether the observation type must be known, from the header or the file name.
    """

    keywords: tuple[str, ...]
    where: Where
    keyword_map: KeywordMap
    demands_type: bool = False

    def check(self, reading: Reading) -> None:
        """Refuse a file whose header lacks what is required.

        Parameters
        ----------
        reading
            What the file says, completed by its name.

        Raises
        ------
        KeywordMissingError
            If it lacks a keyword; names all that are missing.
        """
        missing = self._missing(reading) if self.keywords else ()
        if missing:
            raise KeywordMissingError(
                f"{self.where.value} has no usable {', '.join(missing)}: complete the header,"
                f" extend the keyword map, or change {PREFIX}REQUIRED_KEYWORDS",
                field=missing[0],
            )

    def _missing(self, reading: Reading) -> Sequence[str]:
        if self.where is Where.ANYWHERE:
            return [word for word in self.keywords if not self._is_said(reading, word)]
        hdus: Sequence[Hdu] = reading.hdus
        if self.where is Where.SCIENCE_HEADER:
            hdus = [reading.science] if reading.science else []
        found = [self._missing_in(hdu, reading) for hdu in hdus]
        return min(found, key=len, default=self.keywords)

    def _is_said(self, reading: Reading, keyword: str) -> bool:
        if concept_of(keyword, self.keyword_map) is None:
            return keyword in merged_cards(reading)
        return metadata_value(reading.metadata, keyword, self.keyword_map) is not None

    def _missing_in(self, hdu: Hdu, reading: Reading) -> Sequence[str]:
        there = {card.keyword for card in hdu.cards}
        return [word for word in self.keywords if not self._is_usable(word, there, reading)]

    def _is_usable(self, keyword: str, there: set[str], reading: Reading) -> bool:
        """Tell whether a keyword is there, whatever its value, except for what must be read."""
        concept = concept_of(keyword, self.keyword_map)
        if concept == _TYPE and self.demands_type:
            return reading.metadata.observation_type is not None
        if (
            concept in _READABLE
            and metadata_value(reading.metadata, keyword, self.keyword_map) is None
        ):
            return False
        return keyword in there
