"""``skyshelf name``: where a file would go, and which parts of its header say so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from app.core.errors import ArchiveError
from app.fits.keywords import FIELDS
from app.fits.models import Metadata, Reading
from app.fits.read import read_file
from app.fits.template import fields_of
from app.fits.template_functions import Placeholder, Source, text_of
from app.ingest.naming import merged_cards
from app.ingest.publicity import Publicity
from app.ingest.rules import Rules, make_rules
from app.ingest.spool import display_name
from app.settings import PREFIX, Settings

from .output import say, show_table, shown

_CONCEPTS = {field: concept for concept, field in FIELDS.items() if concept != "time"} | {
    "dec_deg": "position",
    "y_binning": "binning",
    "observation_type": "type",
}
"""Attribute of `Metadata` -> concept that it was read by."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a file would go, and why.

    Attributes
    ----------
    key
        Place below the archive root.
    public
        Who will see it and why, as far as the tags of its proposal do not say otherwise.
    pieces
        Placeholder of a template, its text, where that was read.
    metadata
        Attribute of `Metadata`, its value, the keyword it was read from.
    repairs
        What had to be repaired or was left out.
    """

    key: str
    public: str
    pieces: tuple[tuple[str, str, str], ...]
    metadata: tuple[tuple[str, object, str], ...]
    repairs: tuple[str, ...]


def explain(settings: Settings, files: Sequence[Path]) -> int:
    """Say where files would go.

    Parameters
    ----------
    settings
        Of this process.
    files
        The files.

    Returns
    -------
    int
        0; 1 if something could not be filed.
    """
    rules = make_rules(settings)
    failures = 0
    for file in files:
        say(shown(file))
        try:
            _say(explanation_of(file, rules))
        except ArchiveError as error:
            failures += 1
            say(f"  cannot be filed: {error.message}")
    return 1 if failures else 0


def explanation_of(file: Path, rules: Rules) -> Explanation:
    """Find out where a file would go.

    Parameters
    ----------
    file
        A FITS file.
    rules
        Of this archive.

    Returns
    -------
    Explanation
        Place and reasons.

    Raises
    ------
    ArchiveError
        If it cannot be filed.
    """
    filename = display_name(file)
    rules.check_name(filename)
    reading = rules.prepare(read_file(file, rules.keywords), filename)
    destination = rules.naming.destination(reading, filename)
    publicity = rules.public_dates.publicity(reading.metadata, destination.basename, frozenset())
    return Explanation(
        key=destination.key(1),
        public=_who_sees(publicity),
        pieces=tuple(_pieces(reading, rules)),
        metadata=tuple(_said(reading.metadata)),
        repairs=reading.repairs,
    )


def _who_sees(publicity: Publicity) -> str:
    """Say from when on everybody sees a frame, and which rule says so."""
    if publicity.public_at is None:
        who = "internal" if publicity.is_internal else "never public by itself"
    else:
        who = f"public from {publicity.public_at:%Y-%m-%d %H:%M:%S} UTC on"
    return f"{who}: {publicity.reason}"


def _said(metadata: Metadata) -> Iterator[tuple[str, object, str]]:
    for name in (field.name for field in fields(metadata)):
        value = getattr(metadata, name)
        if name != "sources" and value is not None and value != ():
            yield name, value, metadata.sources.get(_CONCEPTS.get(name, ""), "")


def _pieces(reading: Reading, rules: Rules) -> Iterator[tuple[str, str, str]]:
    naming = rules.naming
    values = fields_of(reading.metadata)
    values["site"] = values["site"] or naming.default_site
    source = Source(merged_cards(reading), values, naming.concept_of)
    for template in (naming.path, naming.name):
        for part in template.parts if template else ():
            if isinstance(part, Placeholder):
                yield part.text, part.render(source), _origin(part, source, reading)


def _origin(part: Placeholder, source: Source, reading: Reading) -> str:
    """Say where the value of a placeholder stands."""
    card = source.cards.get(part.key)
    if card is not None and text_of(card).strip():
        return f"header card {part.key}"
    concept = source.concept_of.get(part.key, part.key)
    if concept in reading.metadata.sources:
        return f"{concept}, from {reading.metadata.sources[concept]}"
    if concept == "site":
        return f"{PREFIX}DEFAULT_SITE"
    return concept if source.candidates(part.key) else "the template's default"


def _say(found: Explanation) -> None:
    say(f"  goes to {found.key}")
    say(f"  {found.public}")
    show_table(("  template", "gives", "from"), [(f"  {p[0]}", *p[1:]) for p in found.pieces])
    show_table(("  metadata", "value", "keyword"), [(f"  {m[0]}", *m[1:]) for m in found.metadata])
    for repair in found.repairs:
        say(f"  note: {repair}")
