"""Names in the archive: formatters, defaults, and names that came with the file."""

from datetime import date
from pathlib import Path

import pytest

from app.core.errors import InvalidError
from app.fits.models import Container, Hdu, HduKind, HeaderCard, Metadata, Reading
from app.ingest.naming import Destination
from app.ingest.rules import make_rules
from tests.support.archive import settings_in


def a_reading(metadata: Metadata, **cards: str) -> Reading:
    header = tuple(HeaderCard(name.replace("_", "-"), value) for name, value in cards.items())
    primary = Hdu(0, "", HduKind.IMAGE, (10, 10), 16, header)
    return Reading(Container.PLAIN, (primary,), 0, metadata, None, ())


def destination(tmp_path: Path, reading: Reading, name: str, **settings: str) -> Destination:
    return make_rules(settings_in(tmp_path, **settings)).naming.destination(reading, name)


NIGHT = Metadata(site="tlv", night=date(2026, 11, 20), telescope="1m0a")


def test_by_default_site_and_night_name_the_folder(tmp_path: Path) -> None:
    reading = a_reading(NIGHT, SITEID="tlv", DAY_OBS="20261120")
    found = destination(tmp_path, reading, "M31.fits.fz")
    assert found.key(1) == "tlv/20261120/M31.fits.fz"
    assert found.key(3) == "tlv/20261120/M31.v3.fits.fz"


def test_what_the_header_lacks_comes_from_the_metadata(tmp_path: Path) -> None:
    found = destination(tmp_path, a_reading(NIGHT), "M31.fits")
    assert found.folder == "tlv/2026-11-20"


def test_a_frame_without_site_has_the_default_one(tmp_path: Path) -> None:
    reading = a_reading(Metadata(night=date(2026, 11, 20)))
    assert destination(tmp_path, reading, "a.fits").folder == "unknown/2026-11-20"
    own = destination(tmp_path, reading, "a.fits", default_site="home")
    assert own.folder == "home/2026-11-20"


def test_a_missing_keyword_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="DAY-OBS"):
        destination(tmp_path, a_reading(Metadata()), "a.fits", path_formatter="{DAY-OBS}")


def test_a_frame_without_date_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert destination(tmp_path, a_reading(Metadata()), "a.fits").folder == "unknown/undated"


def test_a_name_formatter_keeps_the_extension(tmp_path: Path) -> None:
    template = "{telescope}-{night}"
    found = destination(tmp_path, a_reading(NIGHT), "x.FIT.gz", filename_formatter=template)
    assert found.name == "1m0a-2026-11-20.fit.gz"
    bare = destination(tmp_path, a_reading(NIGHT), "x", filename_formatter=template)
    assert bare.name == "1m0a-2026-11-20.fits"


@pytest.mark.parametrize(
    ("name", "basename"),
    [
        ("Light_M31_-10.0C_001.fits", "Light_M31_-10.0C_001"),
        ("M 31.fits", "M 31"),
        ("-rf.fits", "_rf"),
        ("../../etc/passwd.fits", "___.._etc_passwd"),
        ("a\\b.fits", "a_b"),
        ("a\nb.fits", "a_b"),
        ("Größe.fits", "Größe"),
    ],
)
def test_names_stay_unless_they_are_unsafe(tmp_path: Path, name: str, basename: str) -> None:
    assert destination(tmp_path, a_reading(NIGHT), name).basename == basename


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="longer than"):
        destination(tmp_path, a_reading(NIGHT), "x" * 190 + ".fits")


def test_a_wrong_template_stops_the_start_at_its_column(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="column 9"):
        make_rules(settings_in(tmp_path, path_formatter="{SITEID|bogus}"))
