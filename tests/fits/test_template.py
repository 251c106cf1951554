"""The formatter language: parsing, rendering, and that no header leaves the root."""

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import ArchiveError
from app.fits.models import HeaderValue, Metadata, ObservationType
from app.fits.template import (
    FIELDS,
    MissingKeywordError,
    TemplateError,
    TemplateKind,
    UnsafeNameError,
    UnusableValueError,
    basename_of,
    fields_of,
    parse_template,
)


def render(text: str, kind: TemplateKind = "name", **cards: HeaderValue) -> str:
    header = {keyword.replace("_", "-"): value for keyword, value in cards.items()}
    return parse_template(text, kind=kind).render(header, {})


@pytest.mark.parametrize(
    ("text", "kind", "column"),
    [
        ("", "name", 1),
        ("", "path", 1),
        ("/", "path", 1),
        ("ab{SITEID", "path", 3),
        ("ab{SITEID{X}", "path", 3),
        ("{SITEID}}", "path", 9),
        ("{SITEID}/{}", "path", 11),
        ("{SITEID}/{Site}", "path", 11),
        ("{SITEID}/{nonsense}", "path", 11),
        ("{ SITEID}", "path", 2),
        ("{SITEID|}", "path", 9),
        ("{SITEID|reverse}", "path", 9),
        ("{SITEID|lower|reverse}", "path", 15),
        ("{SITEID|lower:x}", "path", 9),
        ("{N|string}", "path", 4),
        ("{N|string:d:d}", "path", 4),
        ("{N|string:q}", "path", 11),
        ("{N|string:%s%s}", "path", 11),
        ("{N|string:9999d}", "path", 11),
        ("{D|date:/}", "name", 9),
        ("{D|date:/../}", "path", 9),
        ("{D|time:;}", "path", 9),
        ("{D|default:}", "path", 12),
        ("{D|default:..}", "path", 12),
        ("{D|default:a/b}", "path", 12),
        ("{F|filter:}", "path", 11),
        ("{F|filter:imagetyp}", "path", 11),
        ("{F|filter:IMAGETYP:/}", "path", 11),
        ("{A}/{B}", "name", 4),
        ("/{A}", "path", 1),
        ("{A}//{B}", "path", 5),
        ("{A}//", "path", 5),
        ("{A}/../{B}", "path", 5),
        ("{A}/.{B}", "path", 5),
        ("{A}/-{B}", "path", 5),
        ("{A}\\{B}", "path", 4),
        ("{A}\n", "name", 4),
        ("{A}\0", "name", 4),
        ("x" * 1001, "name", 1001),
    ],
)
def test_a_fault_is_named_by_its_column(text: str, kind: TemplateKind, column: int) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(text, kind=kind)
    assert caught.value.column == column
    assert f"column {column}:" in caught.value.message
    assert caught.value.allowed in caught.value.message


def test_a_missing_keyword_is_named_with_its_remedies() -> None:
    with pytest.raises(MissingKeywordError) as caught:
        render("x-{SITEID|lower}", TELID="1m0a")
    assert caught.value.field == "SITEID"
    assert "{SITEID|lower}" in caught.value.message
    assert "|default:" in caught.value.message


@pytest.mark.parametrize("value", [None, "", "   "])
def test_undefined_and_blank_count_as_missing(value: HeaderValue) -> None:
    with pytest.raises(MissingKeywordError):
        render("{SITEID}", SITEID=value)
    assert render("{SITEID|default:none}", SITEID=value) == "none"


def test_the_field_steps_in_for_the_card() -> None:
    template = parse_template("{SITEID}/{DAY-OBS}", kind="path")
    fields: dict[str, HeaderValue | date] = {"site": "tlv", "night": date(2026, 11, 20)}
    concept_of = {"SITEID": "site", "DAY-OBS": "night"}
    assert template.render({}, fields, concept_of=concept_of) == "tlv/2026-11-20"
    cards: dict[str, HeaderValue] = {"SITEID": "sa", "DAY-OBS": None}
    assert template.render(cards, fields, concept_of=concept_of) == "sa/2026-11-20"


def test_a_card_without_a_time_gives_way_to_the_field() -> None:
    template = parse_template("{DATE-OBS|date}_{DATE-OBS|time}", kind="name")
    at = datetime(1999, 12, 31, 23, 1, 2, tzinfo=timezone(timedelta(hours=-2)))
    for card in ("2000-01-01", "01/01/00"):
        text = template.render({"DATE-OBS": card}, {"date": at}, concept_of={"DATE-OBS": "date"})
        assert text == "2000-01-01_01-01-02"


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("{N|string:04d}", 7, "0007"),
        ("{N|string:04d}", "7", "0007"),
        ("{N|string:04d}", 7.9, "0007"),
        ("{N|string:%.2f}", "1.005e1", "10.05"),
        ("{N|string:5s}", "ab", "ab"),
        ("{N|string:x}", 255, "ff"),
        ("{N}", True, "T"),
        ("{N}", 1.5, "1.5"),
        ("{N}", "Größe", "Größe"),
        ("{N}", "Gro\u0308ße", "Größe"),
        ("{N}", "a\\b:c*d?e\x00f\ng", "a_b_c_d_e_f_g"),
        ("{N}", "../../etc/passwd", "___.._etc_passwd"),
        ("{N}", "-rf", "_rf"),
        ("x{N}", "-10.0", "x-10.0"),
        ("{N|date:}", "20261120", "20261120"),
        ("{N|date:.}", 20261120, "2026.11.20"),
        ("{N|time}", "2026-11-20T01:02:03+01:00", "00-02-03"),
        ("{N|lower|upper}", "aB", "AB"),
        ("{N|string:d|default:none}", "x", "none"),
    ],
)
def test_values_are_written(text: str, value: HeaderValue, expected: str) -> None:
    assert render(text, N=value) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [("{N|string:d}", "x"), ("{N|string:d}", float("nan")), ("{N|date}", "x"), ("{N|time}", 1)],
)
def test_a_value_that_a_function_cannot_use(text: str, value: HeaderValue) -> None:
    with pytest.raises(UnusableValueError) as caught:
        render(text, N=value)
    assert caught.value.field == "N"
    assert repr(str(value)) in caught.value.message


@pytest.mark.parametrize("value", [".", "..", " .. ", "...."])
def test_dots_alone_are_refused(value: str) -> None:
    with pytest.raises(UnsafeNameError):
        render("a{N}", N=value)


def test_too_long_is_refused_not_cut() -> None:
    assert len(render("{N}", N="x" * 200)) == 200
    with pytest.raises(UnsafeNameError, match="201 bytes"):
        render("{N}", N="x" * 201)
    with pytest.raises(UnsafeNameError, match="bytes"):
        render("{N}", N="ä" * 101)
    with pytest.raises(UnsafeNameError, match="1205 bytes"):
        render("/".join(["{N}"] * 6), "path", N="x" * 200)


@pytest.mark.parametrize(
    ("image_type", "expected"),
    [
        ("light", "x_V"),
        ("OBJECT", "x_V"),
        ("flat", "x_V"),
        ("Light Frame", "x_V"),
        ("SKYFLAT", "x_V"),
        ("bias", "x"),
        ("Dark Frame", "x"),
        ("dark flat", "x"),
        ("focus", "x"),
    ],
)
def test_filter_is_for_light_only(image_type: str, expected: str) -> None:
    assert render("x{FILTER|filter}", IMAGETYP=image_type, FILTER="V") == expected
    assert render("x{FILTER|filter:OBSTYPE}", OBSTYPE=image_type, FILTER="V") == expected


def test_filter_needs_the_filter_for_light_only() -> None:
    assert render("x{FILTER|filter}", IMAGETYP="dark") == "x"
    with pytest.raises(MissingKeywordError, match="FILTER"):
        render("x{FILTER|filter}", IMAGETYP="light")
    with pytest.raises(MissingKeywordError, match="IMAGETYP"):
        render("x{FILTER|filter}", FILTER="V")
    with pytest.raises(UnsafeNameError, match="empty component"):
        render("{FILTER|filter}/x", "path", IMAGETYP="dark")


def test_filter_knows_the_normalised_type() -> None:
    fields = fields_of(Metadata(observation_type=ObservationType.EXPOSE, filter_name="rp"))
    assert parse_template("x{filter|filter}", kind="name").render({}, fields) == "x_rp"


def test_every_field_is_an_attribute() -> None:
    fields = fields_of(Metadata(site="tlv", observed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)))
    assert set(fields) == set(FIELDS)
    template = parse_template("{site}_{date}_{level}", kind="name")
    assert template.render({}, fields) == "tlv_2026-01-02T03_04_05_0"


def test_a_template_crosses_processes() -> None:
    template = parse_template("{SITEID}/{DAY-OBS|date:}/", kind="path")
    assert pickle.loads(pickle.dumps(template)) == template  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    ("name", "basename", "extension"),
    [
        ("a.fits", "a", ".fits"),
        ("a.FITS.FZ", "a", ".FITS.FZ"),
        ("a.fits.gz", "a", ".fits.gz"),
        ("a.gz.fits", "a", ".gz.fits"),
        ("Light_M31_-10.0C_001.fits", "Light_M31_-10.0C_001", ".fits"),
        ("M31.2020-01-01.fit.bz2", "M31.2020-01-01", ".fit.bz2"),
        ("acis.evt", "acis", ".evt"),
        ("x.ftz", "x", ".ftz"),
        ("noextension", "noextension", ""),
        ("a.dat", "a.dat", ""),
        (".fits", ".fits", ""),
        ("", "", ""),
    ],
)
def test_basename(name: str, basename: str, extension: str) -> None:
    assert basename_of(name) == (basename, extension)


@given(st.text())
def test_basename_and_extension_are_the_name(name: str) -> None:
    assert "".join(basename_of(name)) == name


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**5000),
    st.floats(),
    st.text(),
    st.text(alphabet="./\\-_ ~\0\n\u0301\u0338:A=", max_size=8),
    st.sampled_from(["..", "../../x", "/etc/passwd", "~root", "a/../../b", "\ud800", "2026-11-20"]),
)
FIELD_VALUES = st.one_of(
    VALUES, st.dates(), st.datetimes(timezones=st.sampled_from([None, UTC, timezone.max]))
)
TEMPLATES: list[tuple[str, TemplateKind]] = [
    ("{A}/{B-C}/", "path"),
    ("{A}{B-C}/x{A}", "path"),
    ("{A|lower}/{night|date:/}/{A|default:x}", "path"),
    ("{A|date}{A|time}", "name"),
    ("{A|date|lower}", "name"),
    ("{A|string:s}={B-C|string:.3f}", "name"),
    ("{A|string:d|default:-x}", "name"),
    ("{B-C|filter:A}{A|filter:B-C:-}", "path"),
    ("{night}.{date}", "name"),
    ("{A}={B-C}", "name"),
]


@given(
    template=st.sampled_from(TEMPLATES),
    cards=st.dictionaries(st.sampled_from(["A", "B-C"]), VALUES),
    fields=st.dictionaries(st.sampled_from(["site", "night", "date", "type"]), FIELD_VALUES),
)
def test_no_header_leaves_the_root(
    template: tuple[str, TemplateKind],
    cards: dict[str, HeaderValue],
    fields: dict[str, HeaderValue | date | datetime],
) -> None:
    text, kind = template
    try:
        path = parse_template(text, kind=kind).render(cards, fields, concept_of={"A": "site"})
    except ArchiveError:
        return
    root = Path("/archive/root")
    components = path.split("/")
    resolved = (root / path).resolve()
    assert root in resolved.parents
    assert resolved.relative_to(root).parts == tuple(components)
    assert len(components) <= text.count("/") + text.count("date:/") + 1
    assert all(0 < len(component.encode()) <= 200 for component in components)
    assert not any(component[0] in ".-" for component in components)


@given(st.text(alphabet="{}|:/.-AB abdefilrtuw\\\0\n04", max_size=30), st.text())
def test_any_template_gives_a_safe_path_or_an_error(text: str, value: str) -> None:
    try:
        path = parse_template(text, kind="path").render({"A": value, "B": 1.5}, {"date": value})
    except ArchiveError:
        return
    root = Path("/archive/root")
    assert (root / path).resolve().relative_to(root).parts == tuple(path.split("/"))
