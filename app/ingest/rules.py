"""What this archive demands of a file and does with it; read from the settings at the start."""

from dataclasses import dataclass

from app.fits.keywords import KeywordMap, concept_of, load_keyword_map, metadata_value
from app.fits.models import Reading
from app.fits.template import FIELDS, parse_template
from app.ingest.models import KeywordMissingError
from app.ingest.naming import Naming, merged_cards
from app.settings import Pack, Settings


@dataclass(frozen=True, slots=True)
class Rules:
    """What this archive demands of a file and does with it.

    Attributes
    ----------
    keywords
        How headers are read.
    naming
        Where frames go.
    required
        Keywords without which nothing is filed.
    pack
        When uncompressed images are packed.
    proprietary_days
        How long science frames stay proprietary [days].
    """

    keywords: KeywordMap
    naming: Naming
    required: tuple[str, ...]
    pack: Pack
    proprietary_days: int

    def check(self, reading: Reading) -> None:
        """Refuse a file whose header lacks what is required.

        Parameters
        ----------
        reading
            What the file says.

        Raises
        ------
        KeywordMissingError
            If it lacks a keyword, and every other one of the same concept.
        """
        missing = [keyword for keyword in self.required if not self._has(reading, keyword)]
        if missing:
            raise KeywordMissingError(
                f"the header has no usable {', '.join(missing)}: complete the header, extend the"
                " keyword map, or change SKYSHELF_REQUIRED_KEYWORDS",
                field=missing[0],
            )

    def _has(self, reading: Reading, keyword: str) -> bool:
        if concept_of(keyword, self.keywords) is None:
            return keyword in merged_cards(reading)
        return metadata_value(reading.metadata, keyword, self.keywords) is not None


def make_rules(settings: Settings) -> Rules:
    """Read templates and keyword map, so that a fault in them stops the start.

    Parameters
    ----------
    settings
        Of the process.

    Returns
    -------
    Rules
        What this archive demands of a file.

    Raises
    ------
    InvalidError
        If a template or the keyword map is wrong.
    """
    keywords = load_keyword_map(settings.keywords_file)
    name = settings.filename_formatter
    naming = Naming(
        path=parse_template(settings.path_formatter, kind="path"),
        name=None if name is None else parse_template(name, kind="name"),
        concept_of=_fields_by_keyword(keywords),
        default_site=settings.default_site,
    )
    return Rules(
        keywords=keywords,
        naming=naming,
        required=settings.required_keywords,
        pack=settings.pack,
        proprietary_days=settings.proprietary_days,
    )


def _fields_by_keyword(keywords: KeywordMap) -> dict[str, str]:
    """Tell which normalised field of a template stands in for a keyword."""
    return {keyword: concept for keyword, concept in keywords.concepts.items() if concept in FIELDS}
