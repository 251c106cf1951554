import math
from itertools import starmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fits.keywords import BUILT_IN
from app.fits.lookup import Lookup
from app.fits.models import Footprint, HeaderCard, HeaderValue
from app.fits.position import Pointing, parse_sexagesimal, pointing
from app.fits.repairs import Repairs

FOOTPRINT = Footprint(((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)), 0.4, 0.3, 1.0)


Entry = tuple[str, HeaderValue] | tuple[str, HeaderValue, str]


def read(
    *cards: Entry,
    footprint: Footprint | None = None,
    repairs: Repairs | None = None,
) -> Pointing | None:
    header = {card.keyword: card for card in starmap(HeaderCard, cards)}
    return pointing(Lookup([[header]], BUILT_IN, repairs or Repairs()), footprint, header)


def assert_at(
    place: Pointing | None, ra_deg: float, dec_deg: float, tolerance: float = 1e-9
) -> None:
    assert place is not None
    assert place.ra_deg == pytest.approx(ra_deg, abs=tolerance)
    assert place.dec_deg == pytest.approx(dec_deg, abs=tolerance)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30:00", 12.5),
        (" 12 30 00.0 ", 12.5),
        ("12h30m00s", 12.5),
        ("+12d30m", 12.5),
        ("-00:30:00", -0.5),
        ("- 0 30", -0.5),
        ("12:30,5", 12 + 30.5 / 60),
        ("12°30'36\"", 12.51),
        ("\u221212:30", -12.5),
        ("12.5", None),
        ("12:75:00", None),
        ("north", None),
    ],
)
def test_sexagesimal(text: str, value: float | None) -> None:
    assert parse_sexagesimal(text) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("ra", "dec", "comment", "ra_deg", "dec_deg"),
    [
        ("12:30:00", "-00:30:00", "", 187.5, -0.5),
        ("12 30 00", "+45 30 00", "", 187.5, 45.5),
        (187.5, -0.5, "", 187.5, -0.5),
        ("187.5", "-0,5", "", 187.5, -0.5),
        ("187,5", "45", "", 187.5, 45),
        (12.5, 45.5, "[hours] right ascension", 187.5, 45.5),
        (12.5, 45.5, "[HH:MM:SS] right ascension", 187.5, 45.5),
        (12.5, 45.5, "Right Ascension in degrees", 12.5, 45.5),
        (187.5, 45.5, "Right Ascension in hours", 187.5, 45.5),
        ("187:30:00", "45:30:00", "degrees all the same", 187.5, 45.5),
        (-10.0, 5.0, "", 350.0, 5.0),
        (360.0, 5.0, "", 0.0, 5.0),
    ],
)
def test_forms(
    ra: HeaderValue, dec: HeaderValue, comment: str, ra_deg: float, dec_deg: float
) -> None:
    assert_at(read(("RA", ra, comment), ("DEC", dec)), ra_deg, dec_deg)


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        (10.0, 91.0),
        (10.0, -90.001),
        (400.0, 10.0),
        ("here", "there"),
        ("nan", 10.0),
        (1e300, 1e300),
        (10.0, True),
    ],
)
def test_nonsense_is_left_out_and_the_image_asked(ra: HeaderValue, dec: HeaderValue) -> None:
    repairs = Repairs()
    assert read(("RA", ra), ("DEC", dec)) is None
    assert_at(read(("RA", ra), ("DEC", dec), footprint=FOOTPRINT, repairs=repairs), 0.4, 0.3)
    if ra != "nan":
        assert "is no position on the sky" in repairs.sentences()[0]


def test_zero_zero_is_not_known() -> None:
    assert read(("OBJCTRA", "00 00 00"), ("OBJCTDEC", "+00 00 00")) is None
    assert_at(read(("RA", 0.0), ("DEC", 0.0), ("CAT-RA", "01:00:00"), ("CAT-DEC", "0:0:0")), 15, 0)


def test_one_coordinate_is_no_position() -> None:
    assert read(("RA", 10.0)) is None
    assert_at(read(("RA", 10.0), ("DEC", None), ("OBJCTRA", "1 0 0"), ("OBJCTDEC", "1 0 0")), 15, 1)


@pytest.mark.parametrize(
    "keywords",
    [("TEL-RA", "TEL-DEC"), ("RA_TARG", "DEC_TARG"), ("TARG_RA", "TARG_DEC"), ("RA-D", "DEC-D")],
)
def test_other_keywords(keywords: tuple[str, str]) -> None:
    assert_at(read((keywords[0], 187.5), (keywords[1], 45.5)), 187.5, 45.5)


def test_frames() -> None:
    vega_fk4: list[Entry] = [("RA", "18:35:14.7"), ("DEC", "+38:44:10")]
    frames: list[list[Entry]] = [
        [("RADESYS", "FK4")],
        [("EQUINOX", 1950.0)],
        [("RADECSYS", "FK4"), ("EQUINOX", 1950)],
    ]
    for extra in frames:
        assert_at(read(*vega_fk4, *extra), 279.2342, 38.7827, 0.005)
    fk5 = read(("RA", 100.0), ("DEC", 20.0), ("RADESYS", "FK5"), ("EQUINOX", 2000.0))
    assert_at(fk5, 100.0, 20.0, 1e-4)
    assert fk5 != Pointing(100.0, 20.0)
    assert_at(
        read(("RA", 100.0), ("DEC", 20.0), ("RADESYS", "ICRS"), ("EQUINOX", 1950.0)), 100.0, 20.0
    )
    assert_at(read(("RA", 100.0), ("DEC", 20.0), ("EPOCH", 2012.5)), 100.0, 20.0)
    today = read(("RA", 100.0), ("DEC", 20.0), ("EQUINOX", 2025.0))
    assert today is not None
    assert math.hypot(today.ra_deg - 100, today.dec_deg - 20) > 0.1


def test_reference_point_is_the_last_resort() -> None:
    wcs: list[Entry] = [
        ("CTYPE1", "DEC--TAN"),
        ("CTYPE2", "RA---TAN"),
        ("CRVAL1", -5.0),
        ("CRVAL2", 370.0),
    ]
    assert_at(read(*wcs), 10.0, -5.0)
    assert_at(read(*wcs, footprint=FOOTPRINT), 0.4, 0.3)
    assert (
        read(("CTYPE1", "LINEAR"), ("CTYPE2", "LINEAR"), ("CRVAL1", 1.0), ("CRVAL2", 2.0)) is None
    )


VALUES = st.one_of(
    st.text(max_size=20),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.from_regex(r"[0-9: .+-]{1,20}"),
)


@given(
    ra=VALUES, dec=VALUES, equinox=VALUES, frame=st.sampled_from(["FK4", "FK5", "ICRS", "", "x"])
)
def test_anything_gives_a_position_on_the_sky_or_none(
    ra: HeaderValue, dec: HeaderValue, equinox: HeaderValue, frame: str
) -> None:
    place = read(("RA", ra), ("DEC", dec), ("EQUINOX", equinox), ("RADESYS", frame))
    assert place is None or (0 <= place.ra_deg < 360 and -90 <= place.dec_deg <= 90)
