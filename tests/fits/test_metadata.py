from datetime import UTC, date, datetime
from itertools import starmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fits.keywords import BUILT_IN, load_keyword_map
from app.fits.metadata import read_metadata
from app.fits.models import Hdu, HduKind, HeaderCard, HeaderValue, Metadata, ObservationType
from app.fits.repairs import Repairs

Entry = tuple[str, HeaderValue] | tuple[str, HeaderValue, str]


def hdu(*entries: Entry, index: int = 0) -> Hdu:
    return Hdu(index, "", HduKind.IMAGE, (4, 3), 16, tuple(starmap(HeaderCard, entries)))


def read(*entries: Entry) -> Metadata:
    return read_metadata([hdu(*entries)], hdu(*entries), None, BUILT_IN, Repairs())


def repairs_of(*entries: Entry) -> tuple[str, ...]:
    repairs = Repairs()
    read_metadata([hdu(*entries)], None, None, BUILT_IN, repairs)
    return repairs.sentences()


def test_a_pyobs_frame() -> None:
    metadata = read(
        ("SITEID", "tlv"), ("TELID", "0m5"), ("INSTRUME", "sbig"), ("IMAGETYP", "object"),
        ("FILTER", "R"), ("EXPTIME", 30.0), ("DATE-OBS", "2024-03-10T21:00:00.5"),
        ("DAY-OBS", "2024-03-10"), ("OBJECT", "M31"), ("TEL-RA", 10.7), ("TEL-DEC", 41.3),
        ("XBINNING", 2), ("YBINNING", 2), ("PROPID", "P1"), ("REQNUM", "12"), ("OBSNUM", 7),
        ("RLEVEL", 1), ("TEL-ALT", 50.0), ("TEL-AZ", 120.0), ("TEL-FOCU", 41.5), ("SUNALT", -40.0),
        ("SUNDIST", 100.0), ("MOONALT", 10.0), ("MOONFRAC", 0.5), ("MOONDIST", 60.0),
        ("DATAMEAN", 1000.5), ("USERID", "me"), ("AIRMASS", 1.2), ("BLKUID", 99),
        ("L1PUBDAT", "2025-03-10T00:00:00"),
    )  # fmt: skip
    sources = metadata.sources
    assert sources["exposure"] == "EXPTIME"
    assert sources["position"] == "TEL-RA"
    assert metadata == Metadata(
        site="tlv", telescope="0m5", instrument="sbig",
        observation_type=ObservationType.EXPOSE, image_type_raw="object", filter_name="R",
        exposure_s=30.0, observed_at=datetime(2024, 3, 10, 21, 0, 0, 500_000, tzinfo=UTC),
        day_obs=date(2024, 3, 10), night=date(2024, 3, 10), object_name="M31", ra_deg=10.7,
        dec_deg=41.3, x_binning=2, y_binning=2, proposal="P1", request_id="12",
        observation_id="7", block_id="99", airmass=1.2, reduction_level=1,
        public_at=datetime(2025, 3, 10, tzinfo=UTC), telescope_altitude_deg=50.0,
        telescope_azimuth_deg=120.0, focus=41.5, sun_altitude_deg=-40.0, sun_distance_deg=100.0,
        moon_altitude_deg=10.0, moon_fraction=0.5, moon_distance_deg=60.0, data_mean=1000.5,
        user_id="me", sources=sources,
    )  # fmt: skip


def test_an_empty_header_says_nothing() -> None:
    assert read() == Metadata()


@pytest.mark.parametrize(
    "word", ["", "  ", "N/A", "n/a", "UNKNOWN", "Unspecified", "none", "-", "???", None]
)
def test_null_words(word: HeaderValue) -> None:
    assert read(("OBJECT", word), ("TARGNAME", "M31")).object_name == "M31"
    assert read(("REQNUM", word)).request_id is None


def test_numbers_as_text() -> None:
    metadata = read(("OBJECT", 37333), ("REQNUM", 12.0), ("PROPID", True), ("OBSNUM", 0))
    assert (metadata.object_name, metadata.request_id, metadata.proposal) == ("37333", "12", None)
    assert metadata.observation_id == "0"


def test_long_text_is_cut_and_said() -> None:
    entry = ("OBJECT", "x" * 11_000)
    assert read(entry).object_name == "x" * 1000
    assert "OBJECT has 11000 characters" in repairs_of(entry)[0]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("FILTER", "V")], "V"),
        ([("FILTER", "air"), ("FILTER1", "air"), ("FILTER2", "NOTPRESENT")], "air"),
        ([("FILTER1", "air"), ("FILTER2", "air"), ("FILTER3", "rp")], "rp"),
        ([("FILTER1", "CLEAR1L"), ("FILTER2", "F814W")], "F814W"),
        ([("FILTER1", "GG455_G0329"), ("FILTER2", "open2-8")], "GG455_G0329"),
        ([("FILTER1", 33), ("FILTNAM1", "F673N")], "F673N"),
        ([("FILTER01", "HSC-i")], "HSC-i"),
        ([("BAND", "K")], "K"),
        ([("ESO INS FILT1 NAME", "R_SPECIAL")], "R_SPECIAL"),
        ([("FILTER", "CLEAR"), ("PUPIL", "F158M")], "F158M"),
        ([("FILTER", "F444W"), ("PUPIL", "CLEAR")], "F444W"),
        ([("FILTER", "CLEAR"), ("PUPIL", "CLEARP")], "CLEAR"),
        ([("FILTER", "r DECam SDSS c0002 6415.0 1480.0")], "r"),
        ([("FILTER", "zd DECam k1038")], "zd"),
        ([("FILTER", "Clear Blue")], "Clear Blue"),
        ([("FILTER", "NONE")], None),
    ],
)
def test_filters(entries: list[Entry], expected: str | None) -> None:
    assert read(*entries).filter_name == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("EXPTIME", "30.0")], 30.0),
        ([("EXPTIME", "30,5 s")], 30.5),
        ([("EXPTIME", 0)], 0.0),
        ([("EXPOSURE", 65.0, "Observation: Exposure Minutes")], 3900.0),
        ([("EXPOSURE", 2.0, "[d] time on source")], 172_800.0),
        ([("EXPOSURE", 5.0, "Minimum exposure time, seconds")], 5.0),
        ([("EXP_TIME", 1500, "[ms]")], 1.5),
        ([("EXPOSURE", "9", "Exposure request number"), ("EFFEXPTM", 107.4)], 107.4),
        ([("EXPOSURE", "9", "Exposure request number")], None),
        ([("EXPTIME", -1e30), ("EXPOSURE", 3.0)], 3.0),
        ([("EXPTIME", "nan"), ("EXPOSURE", 3.0)], 3.0),
        ([("EXPTIME", "1e999")], None),
    ],
)
def test_exposures(entries: list[Entry], expected: float | None) -> None:
    assert read(*entries).exposure_s == (None if expected is None else pytest.approx(expected))


def test_what_is_out_of_range_is_said() -> None:
    assert repairs_of(("EXPTIME", -5.0)) == (
        "EXPTIME = -5.0 was not used: it is no exposure time from 0 to 1e+08 s",
    )
    assert repairs_of(("AIRMASS", -1.0)) == (
        "AIRMASS = -1.0 was not used: it is no number from 0.9 to 100",
    )


@pytest.mark.parametrize(
    ("entries", "kind", "raw"),
    [
        ([("IMAGETYP", "Light Frame")], ObservationType.EXPOSE, "Light Frame"),
        ([("IMAGETYP", "OBJECT")], ObservationType.EXPOSE, "OBJECT"),
        ([("IMAGETYP", "acquisition")], ObservationType.EXPOSE, "acquisition"),
        ([("IMAGETYP", "Bias Frame")], ObservationType.BIAS, "Bias Frame"),
        ([("OBSTYPE", "zero")], ObservationType.BIAS, "zero"),
        ([("IMAGETYP", "DARK")], ObservationType.DARK, "DARK"),
        ([("IMAGETYP", "flat")], ObservationType.SKYFLAT, "flat"),
        ([("OBSTYPE", "SKYFLAT")], ObservationType.SKYFLAT, "SKYFLAT"),
        ([("OBSTYPE", "dome flat")], ObservationType.LAMPFLAT, "dome flat"),
        ([("ESO DPR TYPE", "FLAT,SKY")], ObservationType.SKYFLAT, "FLAT,SKY"),
        ([("IMAGETYP", "focus")], ObservationType.EXPERIMENTAL, "focus"),
        ([("IMAGETYP", "something new")], ObservationType.EXPERIMENTAL, "something new"),
        ([("OBSTYPE", "odd"), ("IMAGETYP", "Light")], ObservationType.EXPOSE, "Light"),
        ([("FRAME", 47)], None, None),
        ([("FRAME", "Flat")], ObservationType.SKYFLAT, "Flat"),
    ],
)
def test_types(entries: list[Entry], kind: ObservationType | None, raw: str | None) -> None:
    metadata = read(*entries)
    assert (metadata.observation_type, metadata.image_type_raw) == (kind, raw)


def test_every_type_is_its_own_word() -> None:
    for kind in ObservationType:
        assert read(("OBSTYPE", kind.value)).observation_type is kind


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("XBINNING", 2), ("YBINNING", 3)], (2, 3)),
        ([("XBINNING", "2"), ("YBINNING", 3.0)], (2, 3)),
        ([("CCDSUM", "2 2")], (2, 2)),
        ([("BINNING", "1, 4")], (1, 4)),
        ([("BINNING", "2x2")], (2, 2)),
        ([("CCDSUM", 1.0)], (1, 1)),
        ([("CCDXBIN", 2), ("CCDYBIN", 2)], (2, 2)),
        ([("XBINNING", 2)], (None, None)),
        ([("XBINNING", 0), ("YBINNING", 1)], (None, None)),
        ([("XBINNING", 1.5), ("YBINNING", 1)], (None, None)),
        ([("XBINNING", 10**6), ("YBINNING", 1), ("CCDSUM", "2 2")], (2, 2)),
    ],
)
def test_binnings(entries: list[Entry], expected: tuple[int | None, int | None]) -> None:
    metadata = read(*entries)
    assert (metadata.x_binning, metadata.y_binning) == expected


@pytest.mark.parametrize(
    ("day_obs", "expected"),
    [
        ("20150219", date(2015, 2, 19)),
        ("2015-02-19", date(2015, 2, 19)),
        (20150219, date(2015, 2, 19)),
    ],
)
def test_day_obs(day_obs: HeaderValue, expected: date) -> None:
    metadata = read(("DAY-OBS", day_obs), ("DATE-OBS", "2020-01-01T00:00:00"))
    assert metadata.day_obs == metadata.night == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], date(2013, 8, 31)),
        ([("LONGITUD", -70.8)], date(2013, 8, 31)),
        ([("OBS-LONG", 70.8, "[deg] Observatory east longitude")], date(2013, 8, 31)),
        ([("SITELONG", "-70:48:00")], date(2013, 8, 31)),
        ([("SITELONG", "nowhere"), ("LONG-OBS", -70.8)], date(2013, 8, 31)),
        ([("LONGITUD", 149.1), ("OBSTYPE", "DARK")], date(2013, 9, 1)),
    ],
)
def test_night_from_longitude(entries: list[Entry], expected: date) -> None:
    assert read(("DATE-OBS", "2013-09-01T06:02:55"), *entries).night == expected


def test_sign_of_a_longitude_that_would_be_at_noon_is_turned() -> None:
    west_positive = read(("DATE-OBS", "2017-04-30T05:59:45"), ("OBS-LONG", "111:36.0"))
    assert west_positive.night == date(2017, 4, 29)
    assert west_positive.sources["longitude"] == "OBS-LONG"
    hopeless = read(("DATE-OBS", "2017-04-30T12:00:00"), ("LONGITUD", 0.0))
    assert "longitude" not in hopeless.sources


def test_related_names() -> None:
    metadata = read(
        ("FNAME", "own.fits"), ("L1AVG001", "first.fits"), ("L1AVG002", "second.fits.fz"),
        ("L1BIAS", "bias_1x1"), ("L1DARK", "N/A"), ("L1FLAT", ""),
        ("L1RAW", "/data/raw/first.fits.gz"), ("L1IDMASK", "C:\\data\\mask.fit"),
        ("ORIGNAME", "own.fits"), ("L1BIASX", "no"), ("L1STATBI", 1),
    )  # fmt: skip
    assert metadata.related == ("first", "second", "bias_1x1", "mask")


def test_science_comes_first_then_primary_then_the_others() -> None:
    primary = hdu(("OBJECT", "primary"), ("TELESCOP", "T"), ("EXPTIME", 5.0))
    science = hdu(("OBJECT", "science"), ("EXPOSURE", 7.0), index=1)
    table = hdu(("OBJECT", "table"), ("INSTRUME", "I"), index=2)
    metadata = read_metadata([primary, science, table], science, None, BUILT_IN, Repairs())
    assert (metadata.object_name, metadata.telescope, metadata.instrument) == ("science", "T", "I")
    assert metadata.exposure_s == 5.0  # the better keyword wins within the first two
    tables_only = read_metadata([primary, table], None, None, BUILT_IN, Repairs())
    assert (tables_only.object_name, tables_only.instrument) == ("primary", "I")


def test_telescope_is_never_the_software() -> None:
    assert read(("ORIGIN", "NOAO-IRAF FITS Image Kernel")).telescope is None


def test_own_keyword_map(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        '[concepts]\nexposure = ["SHUTTIME [ms]"]\nsite = ["PLACE"]\n[words]\nnull = ["void"]'
    )
    entries: list[Entry] = [
        ("SHUTTIME", 1500),
        ("EXPTIME", 3.0),
        ("PLACE", "Void"),
        ("SITEID", "tlv"),
    ]
    metadata = read_metadata([hdu(*entries)], None, None, load_keyword_map(path), Repairs())
    assert (metadata.exposure_s, metadata.site) == (1.5, "tlv")


KEYWORDS = sorted({
    name
    for rules in BUILT_IN.rules.values()
    for rule in rules
    for name in (rule.keyword.replace("*", "1"), rule.partner)
    if name
})  # fmt: skip
VALUES: st.SearchStrategy[HeaderValue] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.from_regex(r"\A[-+0-9:T/ .,xa-zA-Z]{1,30}\Z"),
)


@given(
    st.dictionaries(st.sampled_from(KEYWORDS), st.tuples(VALUES, st.text(max_size=20)), max_size=25)
)
def test_any_header_gives_metadata(header: dict[str, tuple[HeaderValue, str]]) -> None:
    metadata = read(*((name, value, comment) for name, (value, comment) in header.items()))
    assert (metadata.ra_deg is None) == (metadata.dec_deg is None)
    assert (metadata.x_binning is None) == (metadata.y_binning is None)
    assert metadata.exposure_s is None or 0 <= metadata.exposure_s <= 1e8
    assert metadata.night is not None or metadata.observed_at is None
    assert metadata.object_name is None or metadata.object_name.strip()
