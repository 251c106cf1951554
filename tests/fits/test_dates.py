from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fits.dates import moment_of, observed_at, parse_stamp, parse_time_of_day
from app.fits.keywords import BUILT_IN
from app.fits.lookup import Lookup
from app.fits.models import HeaderCard, HeaderValue
from app.fits.repairs import Repairs


def read(*cards: HeaderCard, repairs: Repairs | None = None) -> datetime | None:
    header = {card.keyword: card for card in cards}
    return observed_at(Lookup([[header]], BUILT_IN, repairs or Repairs()))


def card(keyword: str, value: HeaderValue, comment: str = "") -> HeaderCard:
    return HeaderCard(keyword, value, comment)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-03-10T01:02:03.456", "2024-03-10T01:02:03.456"),
        ("2024-03-10T01:02:03.4567890123", "2024-03-10T01:02:03.456789"),
        ("2024-03-10 01:02:03", "2024-03-10T01:02:03"),
        ("2015-02-19 T11:04:00", "2015-02-19T11:04:00"),
        (" 2024-3-9t1:2:3 ", "2024-03-09T01:02:03"),
        ("2024/03/10T01:02", "2024-03-10T01:02:00"),
        ("2024-03-10T01:02:03Z", "2024-03-10T01:02:03"),
        ("2016-01-14T22:27:49.328-0700", "2016-01-15T05:27:49.328"),
        ("2016-01-14T22:27:49+05:30", "2016-01-14T16:57:49"),
        ("2016-01-14T22:27:49 UTC", "2016-01-14T22:27:49"),
        ("2024-03-10T01:60:00", "2024-03-10T02:00:00"),
        ("2016-12-31T23:59:60.5", "2017-01-01T00:00:00.5"),
        ("2024-03-10T24:00:00", "2024-03-11T00:00:00"),
        ("2024-03-10", "2024-03-10T00:00:00"),
        ("20240310", "2024-03-10T00:00:00"),
        ("20240310T010203", "2024-03-10T01:02:03"),
        ("25/12/98", "1998-12-25T00:00:00"),
        ("01/06/2012", "2012-06-01T00:00:00"),
        ("25/12/98 03:04:05", "1998-12-25T03:04:05"),
        (20240310, "2024-03-10T00:00:00"),
        (57000.5, "2014-12-09T12:00:00"),
        ("57000.5", "2014-12-09T12:00:00"),
        (2457001.0, "2014-12-09T12:00:00"),
        (1418126400, "2014-12-09T12:00:00"),
    ],
)
def test_forms(value: HeaderValue, expected: str) -> None:
    assert read(card("DATE-OBS", value)) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "yesterday", "nn/nn/nn", "2024-13-01", "2024-02-30", "0000-00-00", "9999-12-31T00:00:00",
        "1066-10-14", "2024-03-10T25:00:00", "31/31/99", "2024-03-10T01:99:00", -5, 0, 1e300,
        "1e400",
    ],
)  # fmt: skip
def test_nonsense_is_left_out_and_said(value: HeaderValue) -> None:
    repairs = Repairs()
    assert read(card("DATE-OBS", value), repairs=repairs) is None
    assert "was not used: it is no date from 1860 to 2100" in repairs.sentences()[0]


@pytest.mark.parametrize("keyword", ["TIME-OBS", "UT", "UTC-OBS", "UTSTART", "UT-STR"])
def test_time_stands_elsewhere(keyword: str) -> None:
    moment = read(card("DATE-OBS", "2024-03-10"), card(keyword, "01:02:03.5"))
    assert moment == datetime(2024, 3, 10, 1, 2, 3, 500_000, tzinfo=UTC)


def test_time_of_the_same_header_wins() -> None:
    science = {"DATE-OBS": card("DATE-OBS", "2024-03-10"), "UT": card("UT", "03:00:00")}
    primary = {"TIME-OBS": card("TIME-OBS", "01:00:00")}
    lookup = Lookup([[science, primary]], BUILT_IN, Repairs())
    assert observed_at(lookup) == datetime(2024, 3, 10, 3, tzinfo=UTC)
    assert lookup.sources["date"] == "DATE-OBS"
    assert lookup.sources["time"] == "UT"


def test_time_from_mjd_of_the_same_day() -> None:
    same_day = read(card("DATE-OBS", "2014-12-09"), card("MJD-OBS", 57000.75))
    assert same_day == datetime(2014, 12, 9, 18, tzinfo=UTC)
    repairs = Repairs()
    other_day = read(card("DATE-OBS", "2014-12-09"), card("MJD-OBS", 48000.75), repairs=repairs)
    assert other_day == datetime(2014, 12, 9, tzinfo=UTC)
    assert "has no time of day; 00:00 was taken" in repairs.sentences()[0]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("MJD-OBS", 57000.25),
        ("MJD-OBS", "57000,25"),
        ("JD", 2457000.75),
        ("TAI-BEG", 57000.25 * 86400 + 35),
        ("UNIXTIME", 1418104800),
        ("DATE-BEG", "2014-12-09T06:00:00"),
    ],
)
def test_other_keywords(keyword: str, value: HeaderValue) -> None:
    moment = read(card("DATE-OBS", "UNKNOWN"), card(keyword, value))
    assert moment is not None
    assert abs(moment - datetime(2014, 12, 9, 6, tzinfo=UTC)) < timedelta(milliseconds=1)


def test_mjd_zero_is_not_set() -> None:
    assert read(card("MJD-OBS", 0.0)) is None


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ([card("TIMESYS", "UTC")], "12:00:00"),
        ([card("TIMESYS", "TT")], "11:58:52.816"),
        ([card("TIMESYS", "TAI")], "11:59:25"),
        ([card("TIMESYS", "tai")], "11:59:25"),
        ([card("TIMESYS", "GPS")], "11:59:44"),
        ([card("TIMESYS", "1993.0")], "12:00:00"),
        ([card("TIMESYS", "UNKNOWN")], "12:00:00"),
    ],
)
def test_time_scales(cards: list[HeaderCard], expected: str) -> None:
    moment = read(card("DATE-OBS", "2015-06-30T12:00:00"), *cards)
    assert moment is not None
    wanted = datetime.fromisoformat(f"2015-06-30T{expected}").replace(tzinfo=UTC)
    assert abs(moment - wanted) < timedelta(milliseconds=1)


def test_comment_and_zone_say_more_than_timesys() -> None:
    tai = card("TIMESYS", "TAI")
    noon = datetime(2015, 6, 30, 12, tzinfo=UTC)
    assert read(card("DATE-OBS", "2015-06-30T12:00:00", "UTC at start"), tai) == noon
    assert read(card("DATE-OBS", "2015-06-30T12:00:00Z"), tai) == noon
    moment = read(card("DATE-OBS", "2015-06-30T12:00:00", "TAI date at start"))
    assert moment == noon - timedelta(seconds=35)


def test_public_dates_may_be_far_ahead() -> None:
    lookup = Lookup([[{"L1PUBDAT": card("L1PUBDAT", "2999-01-01T00:00:00")}]], BUILT_IN, Repairs())
    assert moment_of(lookup, "public_date") == datetime(2999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("01:02:03.5", 3723.5),
        ("1:2", 3720),
        ("01 02 03", 3723),
        ("01:60:00", 7200),
        ("2024-03-10T00:00:05", 5),
        ("2024-03-10", None),
        ("noon", None),
        ("25:00:00", None),
    ],
)
def test_times_of_day(text: str, seconds: float | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert parse_time_of_day(text) == expected


@given(st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_what_isoformat_writes_is_read(moment: datetime) -> None:
    stamp = parse_stamp(moment.isoformat())
    assert stamp is not None
    assert stamp.moment == moment
    assert read(card("DATE-OBS", moment.isoformat())) == moment.replace(tzinfo=UTC)


@given(
    value=st.one_of(
        st.text(max_size=40),
        st.floats(),
        st.integers(),
        st.booleans(),
        st.from_regex(r"[0-9/:T .+-]{1,30}"),
    ),
    keyword=st.sampled_from(["DATE-OBS", "MJD-OBS", "JD", "TAI", "UNIXTIME"]),
    scale=st.sampled_from(["UTC", "TT", "TAI", "TDB", "TCB", "GPS", "x"]),
)
def test_anything_else_never_raises(value: HeaderValue, keyword: str, scale: str) -> None:
    moment = read(card(keyword, value), card("TIMESYS", scale))
    assert moment is None or moment.utcoffset() == timedelta(0)
