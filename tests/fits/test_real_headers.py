"""Headers of real instruments, read in place; the rules must hold for all, not for one file."""

import csv
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from astropy.io import fits

from app.core.errors import ArchiveError
from app.fits.errors import NotFitsError, UnreadableError
from app.fits.keywords import BUILT_IN
from app.fits.models import HduKind, HeaderCard, HeaderValue, Metadata, Reading
from app.fits.read import read_file
from tests.fits.test_read import check_storable

FOLDER = Path(__file__).parents[3] / "shared" / "fits"
pytestmark = pytest.mark.skipif(
    not (FOLDER / "MANIFEST.tsv").exists(), reason="the folder of real FITS files is not here"
)

Row = dict[str, str]
Cards = Sequence[tuple[str, object]]


def rows() -> list[Row]:
    manifest = FOLDER / "MANIFEST.tsv"
    if not manifest.exists():
        return []
    with manifest.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@cache
def outcome(path: str) -> Reading | ArchiveError:
    try:
        return read_file(FOLDER / path, BUILT_IN)
    except ArchiveError as error:
        return error


def readings() -> Iterator[tuple[Row, Reading]]:
    for row in rows():
        reading = outcome(row["path"])
        if isinstance(reading, Reading):
            yield row, reading


def test_every_file_gives_a_reading_or_a_reason() -> None:
    for row in rows():
        result = outcome(row["path"])
        if isinstance(result, Reading):
            check_storable(result)
        else:
            assert isinstance(result, NotFitsError | UnreadableError)
            assert result.message


def test_what_astropy_opens_is_read() -> None:
    """Only wrapped files with a wrong checksum, and files without any data, may be rejected."""
    for row in rows():
        if isinstance(outcome(row["path"]), ArchiveError):
            assert (
                "astropy FAIL" in row["notes"]
                or "decompress FAIL" in row["notes"]
                or row["path"].startswith("corrupt/trunc")
            ), row["path"]


def test_number_of_hdus_is_astropys() -> None:
    for row, reading in readings():
        expected = row["hdus"].partition(":")[0]
        assert not expected or len(reading.hdus) == int(expected), row["path"]


def test_cards_are_astropys() -> None:
    """For every file that astropy reads without a word of complaint."""
    compared = 0
    for row, reading in readings():
        if (
            reading.repairs
            or "astropy ok" not in row["notes"]
            or row["path"].startswith("corrupt/")
        ):
            continue
        with warnings.catch_warnings(action="ignore"), fits.open(FOLDER / row["path"]) as file:
            for hdu, theirs in zip(reading.hdus, file, strict=True):
                expected: Cards = [(c.rawkeyword.upper(), c.rawvalue) for c in theirs.header.cards]
                mine: Cards = [(card.keyword, written(card)) for card in hdu.cards]
                if hdu.kind is HduKind.COMPRESSED_IMAGE:
                    expected, mine = image_only(expected), image_only(mine)
                assert_same_cards(mine, expected, row["path"])
                compared += 1
    assert compared > 200


def image_only(cards: Cards) -> Cards:
    """Sort, since astropy orders anew, and leave out scaling, which it drops from floats."""
    return sorted((card for card in cards if card[0] not in {"BZERO", "BSCALE"}), key=str)


def written(card: HeaderCard) -> HeaderValue:
    """Return the value as astropy has it: commentary without text is an empty text."""
    empty = card.value is None and card.keyword in {"COMMENT", "HISTORY", ""}
    return "" if empty else card.value


def assert_same_cards(mine: Cards, theirs: Cards, path: str) -> None:
    assert len(mine) == len(theirs), path
    for (keyword, value), (their_keyword, their_value) in zip(mine, theirs, strict=True):
        assert keyword == their_keyword, path
        if not isinstance(their_value, str | int | float):
            continue
        if not isinstance(their_value, int) or abs(their_value) < 2**63:
            assert value == their_value, (path, keyword)


def is_damaged(row: Row) -> bool:
    """Whether the manifest, made with astropy, could not see what is read here."""
    return row["path"].startswith("corrupt/") or "illegal header bytes" in row["notes"]


def text_agrees(
    column: str, get: Callable[[Metadata], str | None], source: str, own: set[str]
) -> None:
    """Compare a column with what was read, where both were read from the same keyword.

    ``own`` are keywords of which our rules are deliberately not those of the manifest.
    """
    compared = 0
    for row, reading in readings():
        keyword = reading.metadata.sources.get(source)
        if is_damaged(row) or keyword in own:
            continue
        if f"{column}<-ORIGIN" in row["notes"] or (keyword is None and is_null(row[column])):
            assert keyword is None
            continue
        if keyword is None:
            raise AssertionError((row["path"], row[column]))
        if row[column] and not (column == "filter" and " DECam" in row[column]):
            assert (get(reading.metadata) or "")[:60] == row[column], (row["path"], keyword)
            compared += 1
    assert compared > 40, column


def is_null(text: str) -> bool:
    return text.strip().upper() in {"", "N/A", "NONE", "UNKNOWN"}


def test_telescopes() -> None:
    text_agrees("telescope", lambda m: m.telescope, "telescope", {"TELID"})


def test_instruments() -> None:
    text_agrees("instrument", lambda m: m.instrument, "instrument", set())


def test_objects() -> None:
    text_agrees("object", lambda m: m.object_name, "object", {"TARGPROP"})


def test_filters() -> None:
    # WFPC2's FILTER1 is a number, NIRISS has its filters in the pupil wheel.
    text_agrees("filter", lambda m: m.filter_name, "filter", {"FILTNAM1", "PUPIL"})


def test_decam_filters_are_short() -> None:
    found = [
        reading.metadata.filter_name for row, reading in readings() if " DECam" in row["filter"]
    ]
    assert len(found) >= 4
    assert all(name and " " not in name for name in found)


def test_exposures() -> None:
    compared = 0
    for row, reading in readings():
        exposure_s, keyword = reading.metadata.exposure_s, reading.metadata.sources.get("exposure")
        # Of JWST, EXPOSURE is a number of an exposure; EFFEXPTM is the time.
        if is_damaged(row) or keyword == "EFFEXPTM":
            continue
        assert (exposure_s is None) == (row["exptime"] == ""), row["path"]
        if exposure_s is not None:
            # Photographic plates give minutes, Kepler gives days.
            factors = (1, 60, 86_400) if keyword == "EXPOSURE" else (1,)
            expected = [pytest.approx(float(row["exptime"]) * factor) for factor in factors]
            assert exposure_s in expected, row["path"]
            compared += 1
    assert compared > 80


def test_dates() -> None:
    compared = 0
    for row, reading in readings():
        written, moment = row["date_obs"], reading.metadata.observed_at
        if is_damaged(row):
            continue
        try:
            expected = datetime.fromisoformat(written.removesuffix("Z"))
        except ValueError:
            continue  # the odd ones have their own tests
        assert moment is not None, row["path"]
        if expected.tzinfo is None:
            expected = expected.replace(tzinfo=moment.tzinfo)
        # TT is 69 s ahead of UTC; a date alone takes its time of day from elsewhere.
        tolerance_s = 86_400 if len(written) == 10 else 70
        assert abs((moment - expected).total_seconds()) <= tolerance_s, row["path"]
        compared += 1
    assert compared > 80


@pytest.mark.parametrize(
    ("column", "least"),
    [
        ("observed_at", 115),
        ("telescope", 110),
        ("instrument", 110),
        ("ra_deg", 115),
        ("exposure_s", 105),
    ],
)
def test_most_headers_say_it(column: str, least: int) -> None:
    assert sum(getattr(reading.metadata, column) is not None for _, reading in readings()) >= least
