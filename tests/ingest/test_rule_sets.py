"""A rule set picks defaults; what a setting says wins."""

from pathlib import Path

import pytest

from app.core.errors import InvalidError
from app.fits.models import ObservationType
from app.ingest.lco_names import level_in, type_in
from app.ingest.models import IgnoredNameError
from app.ingest.required import Where
from app.ingest.rule_sets import RULE_SETS
from app.ingest.rules import Rules, make_rules
from app.settings.ingest import IngestRules
from tests.support.archive import settings_in


def rules_of(tmp_path: Path, ingest_rules: str, **settings: object) -> Rules:
    return make_rules(settings_in(tmp_path, ingest_rules=ingest_rules, **settings))


def test_every_rule_set_is_known() -> None:
    assert set(RULE_SETS) == set(IngestRules)


@pytest.mark.parametrize(
    ("name", "path", "required"),
    [
        ("any", "{SITEID}/{DAY-OBS|default:undated}/", 0),
        ("pyobs", "{SITEID}/{DAY-OBS}/", 10),
        ("lco", "{SITEID}/{INSTRUME}/{DAY-OBS|date:}/{stage}/", 8),
    ],
)
def test_defaults(tmp_path: Path, name: str, path: str, required: int) -> None:
    rules = rules_of(tmp_path, name)
    assert rules.naming.path.text == path
    assert rules.naming.name is None
    assert len(rules.requirement.keywords) == required


@pytest.mark.parametrize("name", list(IngestRules))
def test_settings_win(tmp_path: Path, name: str) -> None:
    rules = rules_of(
        tmp_path,
        name,
        path_formatter="{telescope}",
        filename_formatter="{object}",
        required_keywords="object",
    )
    assert rules.naming.path.text == "{telescope}"
    assert rules.naming.name is not None
    assert rules.requirement.keywords == ("OBJECT",)
    assert rules_of(tmp_path, name, required_keywords="-").requirement.keywords == ()


def test_fname_is_needed_only_where_it_names_the_frame(tmp_path: Path) -> None:
    assert "FNAME" in rules_of(tmp_path, "pyobs").requirement.keywords
    named = rules_of(tmp_path, "pyobs", filename_formatter="{object}")
    assert "FNAME" not in named.requirement.keywords
    assert len(named.requirement.keywords) == 9


def test_only_lco_ignores_names(tmp_path: Path) -> None:
    name = "coj1m011-fa12-20261118-0042-l00.fits"
    with pytest.raises(IgnoredNameError, match="-l00"):
        rules_of(tmp_path, "lco").check_name(name)
    for other in ("any", "pyobs"):
        rules_of(tmp_path, other).check_name(name)


def test_a_keyword_map_is_laid_over_that_of_the_rule_set(tmp_path: Path) -> None:
    file = tmp_path / "keywords.toml"
    file.write_text('[concepts]\nrelated = ["MYBIAS"]\n[words]\nnull = ["nothing"]\n')
    rules = rules_of(tmp_path, "lco", keywords_file=file)
    related = [rule.keyword for rule in rules.keywords.rules["related"]]
    assert related[:2] == ["MYBIAS", "L1IDBIAS"]
    assert "L1RAW" not in related
    assert {"nothing", "unspecified"} <= rules.keywords.null_words
    assert "none" not in rules.keywords.null_words
    assert rules.keywords.leading == RULE_SETS[IngestRules.LCO].required


def test_where_required_keywords_stand_is_told() -> None:
    assert [RULE_SETS[name].where for name in IngestRules] == [
        Where.ANYWHERE,
        Where.SCIENCE_HEADER,
        Where.ONE_HEADER,
    ]


@pytest.mark.parametrize(
    ("basename", "extension", "level"),
    [
        ("x-e91", ".fits.fz", 91),
        ("x-e91_cat", ".fits", 91),
        ("x-e9", ".fits", 0),
        ("x-e\u0663\u0663", ".fits", 0),
        ("x", ".TAR.gz", 90),
        ("", "", 0),
    ],
)
def test_levels_in_names(basename: str, extension: str, level: int) -> None:
    assert level_in(basename, extension) == level


@pytest.mark.parametrize(
    ("basename", "kind"),
    [
        ("ogg0m404-en06-20261118-0001-e00", ObservationType.SPECTRUM),
        ("ogg0m404-kb82-20261118-0001-e91_cat", ObservationType.EXPOSE),
        ("ogg0m404-kb82-20261118-0001-e00x", ObservationType.EXPOSE),
        ("ogg0m404-kb82-20261118-0001-e000", None),
        ("ogg0m404-kb82-20261118-0001", None),
        ("ogg0m404-kb82-20261118-0001-E00", None),
        ("", None),
    ],
)
def test_types_in_names(basename: str, kind: ObservationType | None) -> None:
    assert type_in(basename) is kind


@pytest.mark.parametrize("template", ["{stage}/{level}", "{stage|upper}"])
def test_the_stage_is_a_field(tmp_path: Path, template: str) -> None:
    assert rules_of(tmp_path, "any", path_formatter=template).naming.path.text == template


def test_an_unknown_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="INGEST_RULES"):
        rules_of(tmp_path, "eso")
