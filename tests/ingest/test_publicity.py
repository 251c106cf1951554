"""From when on a frame is public: L1PUBDAT, then the first rule that applies."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.accounts.proposals import ProposalTag
from app.core.errors import InvalidError
from app.fits.keyword_tables import IMAGE_TYPES
from app.fits.models import Metadata, ObservationType
from app.ingest.public_date_file import TAGS, load_public_date_rules
from app.ingest.publicity import NEVER_DAYS, PublicDates, Publicity
from app.ingest.rules import make_rules
from tests.support.archive import settings_in

SHOT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXPOSE = ObservationType.EXPOSE


def judged(
    metadata: Metadata,
    basename: str = "a-e00",
    tags: frozenset[str] = frozenset(),
    rules: Path | None = None,
) -> Publicity:
    dates = PublicDates(load_public_date_rules(rules), 365, IMAGE_TYPES)
    return dates.publicity(metadata, basename, tags)


def of_proposal(proposal: str, kind: ObservationType | None = EXPOSE) -> Metadata:
    return Metadata(observed_at=SHOT, proposal=proposal, observation_type=kind)


@pytest.mark.parametrize(
    ("metadata", "days"),
    [
        (of_proposal("LCO2026A-001"), 365),
        (of_proposal("LCO2026A-001", None), 365),
        (of_proposal("X", ObservationType.BIAS), 0),
        (of_proposal("X", ObservationType.SKYFLAT), 0),
        (of_proposal("X", ObservationType.LAMPFLAT), 365),
        (of_proposal("LCOEPO2026"), 0),
        (of_proposal("standard"), 0),
        (of_proposal("LCOEngineering"), NEVER_DAYS),
        (of_proposal("LCOEngineering", ObservationType.DARK), 0),
    ],
)
def test_frames_of_a_proposal_become_public(metadata: Metadata, days: int) -> None:
    publicity = judged(metadata)
    assert publicity.public_at == SHOT + timedelta(days=days)
    assert not publicity.is_internal


def test_the_header_decides_first() -> None:
    said = Metadata(observed_at=SHOT, proposal="LCO2026A-001", public_at=SHOT)
    assert judged(said, tags=frozenset({"private"})).public_at == SHOT


def test_a_frame_without_proposal_is_internal() -> None:
    publicity = judged(Metadata(observed_at=SHOT))
    assert publicity.public_at is None
    assert publicity.is_internal


def test_a_frame_of_a_proposal_without_date_is_for_its_members() -> None:
    publicity = judged(Metadata(proposal="LCO2026A-001"))
    assert publicity.public_at is None
    assert not publicity.is_internal


def test_a_date_beyond_the_calendar_means_never() -> None:
    late = Metadata(observed_at=datetime(9999, 1, 1, tzinfo=UTC), proposal="X")
    assert judged(late).public_at is None


def test_a_word_that_nobody_knows_makes_nothing_public() -> None:
    known = Metadata(
        observed_at=SHOT,
        proposal="X",
        observation_type=ObservationType.EXPERIMENTAL,
        image_type_raw="Focus",
    )
    assert judged(known).public_at == SHOT
    unknown = Metadata(
        observed_at=SHOT,
        proposal="X",
        observation_type=ObservationType.EXPERIMENTAL,
        image_type_raw="my new mode",
    )
    assert judged(unknown).public_at == SHOT + timedelta(days=365)


RULES = """
[[rule]]
name = "quick look"
basename_contains = ["-q"]
types = ["EXPOSE", "SPECTRUM"]
public = 7

[[rule]]
proposal_contains = ["SECRET"]
public = "never"

[[rule]]
tags = ["internal"]
public = "proprietary"

[[rule]]
name = "the rest"
public = "at once"
"""


def test_rules_of_a_file_take_the_place_of_the_built_in_ones(tmp_path: Path) -> None:
    file = tmp_path / "public.toml"
    file.write_text(RULES)

    def days(proposal: str, basename: str = "a", tags: frozenset[str] = frozenset()) -> int:
        publicity = judged(of_proposal(proposal), basename, tags, file)
        assert publicity.public_at is not None
        return (publicity.public_at - SHOT).days

    assert days("SECRET", "a-q1") == 7
    assert days("SECRET") == NEVER_DAYS
    assert days("X", tags=frozenset({"internal", "public"})) == 365
    assert days("LCOEngineering") == 0
    assert judged(of_proposal("X"), "a-q1", rules=file).reason == "the rule 'quick look'"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[[rule", "no readable TOML"),
        ("[[rules]]\npublic = 1", "[[rule]]"),
        ("rule = [1]", "rule 1: it is no table"),
        ("[[rule]]\npublic = 1\ncolour = 1", "rule 1: 'colour' is not known"),
        ("[[rule]]\ntypes = ['BIAS']", "rule 1, public: it is missing"),
        ("[[rule]]\npublic = -1", "rule 1, public: -1 is not allowed"),
        ("[[rule]]\npublic = 1.5", "1.5 is not allowed"),
        ("[[rule]]\npublic = true", "True is not allowed"),
        ("[[rule]]\npublic = 'soon'", '"at once", "never", "proprietary"'),
        ("[[rule]]\npublic = 0\ntypes = ['bias']", "rule 1, types: 'bias' is no type; use BIAS"),
        ("[[rule]]\npublic = 0\ntags = 'a'", "rule 1, tags: 'a' is not allowed"),
        ("[[rule]]\npublic = 0\ntags = []", "the list is empty"),
        ("[[rule]]\npublic = 0\ntags = ['secret']", "'secret' is no tag of proposals"),
        ("[[rule]]\npublic = 0\nproposal_contains = ['']", "[''] is not allowed"),
        ("[[rule]]\npublic = 0\nname = 1", "rule 1, name: 1 is no text"),
        ("[[rule]]\npublic = 0\n[[rule]]\npublic = 1", "rule 2: it never applies"),
    ],
)
def test_a_wrong_rule_stops_the_start_and_is_named(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "public.toml"
    file.write_text(text)
    with pytest.raises(InvalidError) as caught:
        make_rules(settings_in(tmp_path, public_date_rules=file))
    assert caught.value.message.startswith("SKYSHELF_PUBLIC_DATE_RULES: public.toml")
    assert what in caught.value.message


def test_the_tags_are_those_of_proposals() -> None:
    assert set(TAGS) == set(ProposalTag)


def test_a_file_of_rules_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"nowhere\.toml"):
        make_rules(settings_in(tmp_path, public_date_rules=tmp_path / "nowhere.toml"))
