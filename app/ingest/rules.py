"""What this archive demands of a file and does with it; read from the settings at the start."""

from dataclasses import dataclass

from app.core.errors import InvalidError
from app.fits.keywords import KeywordMap, load_keyword_map
from app.fits.models import Reading
from app.fits.template import FIELDS, Template, TemplateError, TemplateKind, parse_template
from app.ingest.models import IgnoredNameError
from app.ingest.naming import Naming
from app.ingest.public_date_file import load_public_date_rules
from app.ingest.publicity import PublicDates
from app.ingest.required import Requirement
from app.ingest.rule_sets import RULE_SETS, Complete, RuleSet
from app.settings import PREFIX, Settings
from app.settings.ingest import Pack


@dataclass(frozen=True, slots=True)
class Rules:
    """What this archive demands of a file and does with it.

    Attributes
    ----------
    keywords
        How headers are read.
    naming
        Where frames go.
    requirement
        What a header must have.
    public_dates
        From when on frames are public.
    pack
        When uncompressed images are packed.
    ignored_parts
        Files with one of these in their name are not filed.
    complete
        Adds to a reading what is read elsewhere than in the header.
    center_is_pointing
        Whether the position of a frame is where the telescope pointed.
    """

    keywords: KeywordMap
    naming: Naming
    requirement: Requirement
    public_dates: PublicDates
    pack: Pack
    ignored_parts: tuple[str, ...]
    complete: Complete
    center_is_pointing: bool

    def check_name(self, filename: str) -> None:
        """Refuse a file that is not for the archive.

        Parameters
        ----------
        filename
            As it came, without folders.

        Raises
        ------
        IgnoredNameError
            If the rule set ignores such names.
        """
        part = next((part for part in self.ignored_parts if part in filename), None)
        if part is not None:
            raise IgnoredNameError(
                f"files with {part!r} in their name are not filed by these rules: rename it, or"
                f" change {PREFIX}INGEST_RULES"
            )

    def prepare(self, reading: Reading, filename: str) -> Reading:
        """Complete a reading by the rule set, and check that it has what is required.

        Parameters
        ----------
        reading
            What the file says.
        filename
            As it came, without folders.

        Returns
        -------
        Reading
            What is to be filed.

        Raises
        ------
        KeywordMissingError
            If the header lacks what is required.
        """  # the requirement raises it
        completed = self.complete(reading, filename)
        self.requirement.check(completed)
        return completed


def make_rules(settings: Settings) -> Rules:
    """Read templates, keyword map and public dates, so that a fault in them stops the start.

    Parameters
    ----------
    settings
        Of the process; where they say nothing, the rule set says what holds.

    Returns
    -------
    Rules
        What this archive demands of a file.

    Raises
    ------
    InvalidError
        If a template, the keyword map or a rule of public dates is wrong.
    """
    rule_set = RULE_SETS[settings.ingest_rules]
    keywords = load_keyword_map(settings.keywords_file, rule_set.keywords)
    return Rules(
        keywords=keywords,
        naming=_naming(settings, rule_set, keywords),
        requirement=_requirement(settings, rule_set, keywords),
        public_dates=PublicDates(
            rules=load_public_date_rules(settings.public_date_rules),
            proprietary_days=settings.proprietary_days,
            known_types=keywords.image_types,
            judges_unnamed=rule_set.judges_unnamed,
        ),
        pack=settings.pack,
        ignored_parts=rule_set.ignored_parts,
        complete=rule_set.complete,
        center_is_pointing=rule_set.center_is_pointing,
    )


def _naming(settings: Settings, rule_set: RuleSet, keywords: KeywordMap) -> Naming:
    path, name = settings.path_formatter, settings.filename_formatter
    return Naming(
        path=_template("PATH", rule_set.path_formatter if path is None else path, "path"),
        name=None if name is None else _template("FILENAME", name, "name"),
        concept_of=_fields_by_keyword(keywords),
        default_site=settings.default_site,
        cut=rule_set.cut,
        name_keyword=rule_set.name_keyword,
    )


def _template(setting: str, text: str, kind: TemplateKind) -> Template:
    """Read a template.

    Raises
    ------
    InvalidError
        If it does not follow the language; names setting and column.
    """
    try:
        return parse_template(text, kind=kind)
    except TemplateError as error:
        name = f"{PREFIX}{setting}_FORMATTER"
        raise InvalidError(f"{name}: {error.message}", field=name) from error


def _requirement(settings: Settings, rule_set: RuleSet, keywords: KeywordMap) -> Requirement:
    required = settings.required_keywords
    if required is None:
        needs_name = rule_set.name_keyword and settings.filename_formatter is None
        required = (*rule_set.required, *([rule_set.name_keyword] if needs_name else []))
    return Requirement(required, rule_set.where, keywords, demands_type=rule_set.demands_type)


def _fields_by_keyword(keywords: KeywordMap) -> dict[str, str]:
    """Tell which normalised field of a template stands in for a keyword."""
    return {keyword: concept for keyword, concept in keywords.concepts.items() if concept in FIELDS}
