import pickle
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.errors import InvalidError
from app.fits.keyword_page import keyword_map_page
from app.fits.keyword_tables import CONCEPTS, IMAGE_TYPES, MEANINGS
from app.fits.keywords import (
    BUILT_IN,
    FIELDS,
    Rule,
    concept_of,
    load_keyword_map,
    metadata_value,
)
from app.fits.models import Metadata, ObservationType


def test_every_rule_of_the_tables_can_be_read() -> None:
    for concept, texts in CONCEPTS.items():
        assert [rule.written() for rule in BUILT_IN.rules[concept]] == list(texts)


def test_every_concept_has_a_meaning_and_every_field_exists() -> None:
    assert MEANINGS.keys() == CONCEPTS.keys()
    assert FIELDS.keys() <= CONCEPTS.keys()
    assert all(hasattr(Metadata(), field) for field in FIELDS.values())


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("EXPTIME", Rule("EXPTIME")),
        ("exptime [MS]", Rule("EXPTIME", "", "ms")),
        ("RA/DEC [hour]", Rule("RA", "DEC", "hour")),
        ("ESO DET  WIN1 BINX/ESO DET WIN1 BINY", Rule("ESO DET WIN1 BINX", "ESO DET WIN1 BINY")),
        ("L1AVG*", Rule("L1AVG*")),
        ("", None),
        ("A/B/C", None),
        ("EXPTIME [weeks]", None),
        ("KEY=1", None),
    ],
)
def test_rules(text: str, rule: Rule | None) -> None:
    assert Rule.parse(text) == rule


@pytest.mark.parametrize(
    ("keyword", "concept"),
    [
        ("DATE-OBS", "date"),
        ("mjd-obs", "date"),
        ("SITEID", "site"),
        ("DAY-OBS", "night"),
        ("DEC", "position"),
        ("HIERARCH ESO TEL AIRM START", "airmass"),
        ("NAXIS1", None),
        ("FNAME", None),
        ("L1BIAS", None),
        ("", None),
    ],
)
def test_concept_of(keyword: str, concept: str | None) -> None:
    assert concept_of(keyword) == concept


def test_metadata_value() -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    metadata = Metadata(observed_at=moment, site="tlv")
    assert metadata_value(metadata, "DATE-OBS") == moment
    assert metadata_value(metadata, "SITE") == "tlv"
    assert metadata_value(metadata, "OBJECT") is None
    assert metadata_value(metadata, "NAXIS1") is None


def test_no_file_is_the_built_in_map() -> None:
    assert load_keyword_map(None) is BUILT_IN


def test_own_keywords_come_first(tmp_path: Path) -> None:
    path = tmp_path / "keywords.toml"
    path.write_text(
        '[concepts]\nsite = ["OBSID", "ESO TEL GEOLON"]\nposition = ["PRA/PDEC [hour]"]\n'
        '[image_types]\n"Sky Frame" = "SKYFLAT"\nfocus = "GUIDE"\n'
        '[words]\nnull = ["n.n."]\nclear = ["Substrate"]\n'
    )
    own = load_keyword_map(path)
    assert own.rules["site"][:3] == (Rule("OBSID"), Rule("ESO TEL GEOLON"), Rule("SITEID"))
    assert own.rules["position"][0] == Rule("PRA", "PDEC", "hour")
    assert own.rules["object"] == BUILT_IN.rules["object"]
    assert own.image_types["skyframe"] is ObservationType.SKYFLAT
    assert own.image_types["focus"] is ObservationType.GUIDE
    assert IMAGE_TYPES["focus"] is ObservationType.EXPERIMENTAL
    assert {"nn"} < own.null_words
    assert {"substrate"} < own.clear_words
    assert concept_of("PDEC", own) == "position"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not toml", "no readable TOML file"),
        (
            "[concept]\n",
            "section: 'concept' is not allowed; use one of concepts, image_types, words",
        ),
        (
            '[concepts]\nplace = ["X"]',
            "concept: 'place' is not allowed; use one of site, telescope",
        ),
        ('[concepts]\nsite = "X"', "concepts.site: 'X' is not allowed; use a list of texts"),
        ("[concepts]\nsite = [1]", "concepts.site: [1] is not allowed"),
        ('[concepts]\nsite = ["A/B/C"]', "concepts.site: 'A/B/C' is not allowed; use KEYWORD"),
        ('[image_types]\nx = "NICE"', "image_types.x: 'NICE' is not allowed; use one of BIAS"),
        ("[image_types]\nx = [1]", "image_types.x: [1] is not allowed"),
        ('[words]\nempty = ["x"]', "list of words: 'empty' is not allowed; use one of null, clear"),
        ("words = 3", "words: 3 is not allowed; use a table"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "keywords.toml"
    path.write_text(text)
    with pytest.raises(InvalidError) as error:
        load_keyword_map(path)
    assert words in error.value.message
    assert "keywords.toml" in error.value.message
    assert str(tmp_path) not in error.value.message


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="no readable TOML file"):
        load_keyword_map(tmp_path / "none.toml")


def test_crosses_to_a_child_process() -> None:
    assert concept_of("RA") == "position"
    assert pickle.loads(pickle.dumps(BUILT_IN)) == BUILT_IN  # noqa: S301  # our own bytes


def test_page_shows_everything() -> None:
    page = keyword_map_page()
    for concept, rules in BUILT_IN.rules.items():
        assert f"| `{concept}` | {MEANINGS[concept]} |" in page
        for rule in rules:
            assert f"`{rule.written()}`" in page
    assert "| SKYFLAT | `skyflat`" in page


def test_parents_stay_light() -> None:
    code = (
        "import sys; import app.fits.keywords, app.fits.errors, app.fits.models, app.core.night;"
        "print(sorted({'astropy', 'numpy', 'fitsio', 'PIL'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # ours
    assert answer.stdout.strip() == "[]"
