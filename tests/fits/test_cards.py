import math
import time
import warnings
from collections.abc import Iterable

import pytest
from astropy.io.fits import Card
from hypothesis import given
from hypothesis import strategies as st

from app.fits.cards import parse_cards
from app.fits.models import HeaderCard, HeaderValue
from app.fits.repairs import Repairs
from tests.support.raw_cards import image


def parse(*cards: str | bytes) -> tuple[tuple[HeaderCard, ...], tuple[str, ...]]:
    repairs = Repairs()
    return parse_cards(map(image, cards), 0, repairs), repairs.sentences()


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("OBJECT  = 'M31     '           / target", HeaderCard("OBJECT", "M31", "target")),
        ("OBJECT  = ' M31'", HeaderCard("OBJECT", " M31")),
        ("OBSERVER= 'O''Meara'", HeaderCard("OBSERVER", "O'Meara")),
        ("EMPTY   = ''", HeaderCard("EMPTY", "")),
        ("NOTHING =                      / undefined", HeaderCard("NOTHING", None, "undefined")),
        ("FLAG    =                    F", HeaderCard("FLAG", value=False)),
        ("COUNT   =                  -12/ no blank", HeaderCard("COUNT", -12, "no blank")),
        ("BIG     = 123456789012345678901", HeaderCard("BIG", "123456789012345678901")),
        ("HUGE    = 1E999", HeaderCard("HUGE", "1E999")),
        ("DOUBLE  = 1.5D3", HeaderCard("DOUBLE", 1500.0)),
        ("POINT   = .5", HeaderCard("POINT", 0.5)),
        ("COMPLEX = (1.0, -2.0)", HeaderCard("COMPLEX", "(1.0, -2.0)")),
        ("COMMENT   two blanks / a slash", HeaderCard("COMMENT", "  two blanks / a slash")),
        ("HISTORY = 'no value'", HeaderCard("HISTORY", "= 'no value'")),
        ("HISTORY", HeaderCard("HISTORY", None)),
        ("        text without keyword", HeaderCard("", "text without keyword")),
        ("HIERARCH ESO  tel AIRM = 1.2 / x", HeaderCard("ESO TEL AIRM", 1.2, "x")),
        ("DP1     = 'AXIS.1: 2'", HeaderCard("DP1", "AXIS.1: 2")),
        ("ESO-LOG 00:00> START", HeaderCard("ESO-LOG", "00:00> START")),
    ],
)
def test_legal_cards(card: str, expected: HeaderCard) -> None:
    assert parse(card) == ((expected,), ())


@pytest.mark.parametrize(
    ("card", "expected", "words"),
    [
        ("object  = 'M31'", HeaderCard("OBJECT", "M31"), "lower case: OBJECT"),
        ("KEY='x'", HeaderCard("KEY", "x"), "column 9: KEY"),
        ("A.B     = 1", HeaderCard("A.B", 1), "does not allow: A.B"),
        ("EXPTIME = 1,5 / s", HeaderCard("EXPTIME", 1.5, "s"), "not written as FITS asks; 1.5"),
        ("EXPTIME = - 1.5", HeaderCard("EXPTIME", -1.5), "not written as FITS asks"),
        ("VALUE   = NaN", HeaderCard("VALUE", "NaN"), "neither a number nor a quoted string"),
        ("OBJECT  = M 31 / target", HeaderCard("OBJECT", "M 31", "target"), "quoted string"),
        ("OBJECT  = 'M31 / target", HeaderCard("OBJECT", "M31 / target"), "closing quote"),
        ("OBSERVER= 'O'Meara' / who", HeaderCard("OBSERVER", "O'Meara", "who"), "apostrophe"),
        ("OBJECT  = 'M31' target", HeaderCard("OBJECT", "M31", "target"), "without a slash"),
        (b"OBJECT  = 'a\0b'", HeaderCard("OBJECT", "a b"), "control characters"),
        (b"OBJECT  = 'M31\0\0\0'", HeaderCard("OBJECT", "M31"), "control characters"),
        (b"OBJECT  = 'a\tb\x7f'", HeaderCard("OBJECT", "a b"), "control characters"),
        ("OBJECT  = 'Ω 星'", HeaderCard("OBJECT", "Ω 星"), "UTF-8 text"),
        (b"OBJECT  = '20 \xb0C'", HeaderCard("OBJECT", "20 °C"), "read as Latin-1"),
        (
            b"COUNT   =    5\0\0\0\0\0\0of something",
            HeaderCard("COUNT", 5, "of something"),
            "slash",
        ),
    ],
)
def test_repaired_cards(card: str | bytes, expected: HeaderCard, words: str) -> None:
    cards, repairs = parse(card)
    assert cards == (expected,)
    assert any(words in sentence for sentence in repairs)


def test_continued_string() -> None:
    cards, repairs = parse(
        "TEXT    = 'one &' / first", "CONTINUE  'two &'", "CONTINUE  'three' / last", "NEXT    = 1"
    )
    assert cards == (HeaderCard("TEXT", "one two three", "first last"), HeaderCard("NEXT", 1))
    assert repairs == ()


def test_ampersand_without_continue_stays() -> None:
    cards, _ = parse("TEXT    = 'R&D &'", "OTHER   = 1")
    assert cards[0] == HeaderCard("TEXT", "R&D &")


def test_continue_out_of_place_is_commentary() -> None:
    cards, _ = parse("TEXT    = 'whole'", "CONTINUE  'lost'")
    assert cards == (HeaderCard("TEXT", "whole"), HeaderCard("CONTINUE", "  'lost'"))


def test_long_chain_is_linear() -> None:
    count = 20_000
    chain = ["TEXT    = '&'", *[f"CONTINUE  '{'x' * 60}&'"] * count, "CONTINUE  'end'"]
    start = time.perf_counter()
    cards, _ = parse(*chain)
    assert time.perf_counter() - start < 5
    assert len(str(cards[0].value)) == 60 * count + 3


def test_nine_thousand_cards_are_quick() -> None:
    start = time.perf_counter()
    cards, _ = parse(*["EXPTIME =                 10.0 / [s] Exposure length"] * 9000)
    assert len(cards) == 9000
    assert time.perf_counter() - start < 1


def test_faults_of_one_kind_make_one_sentence() -> None:
    _, repairs = parse(*[f"key{i}    = {i}" for i in range(9)])
    assert repairs == ("HDU 0: keywords in lower case: KEY0, KEY1, KEY2, KEY3, KEY4 and 4 more",)


def keywords() -> st.SearchStrategy[str]:
    names = st.text("ABCXYZ019_-", min_size=1, max_size=8)
    return names.filter(lambda name: name not in {"END", "HISTORY", "COMMENT"})


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=150)
VALUES: st.SearchStrategy[HeaderValue] = st.one_of(
    TEXT,
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


def astropys(card: Card) -> tuple[str, HeaderValue, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = str(card)
        read = Card.fromstring(text)
        return text, read.value, read.comment


@given(keyword=keywords(), value=VALUES, comment=st.text("abc /'&", max_size=20))
def test_agrees_with_astropy(keyword: str, value: HeaderValue, comment: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written, expected, expected_comment = astropys(Card(keyword, value, comment))
    images = [written[i : i + 80] for i in range(0, len(written), 80)]
    cards, _ = parse(*images)
    assert len(cards) == 1
    assert cards[0].keyword == keyword
    # astropy reads '''/' as ', so that texts are held to what was written.
    assert cards[0].value == (value.rstrip() if isinstance(value, str) else expected)
    assert type(cards[0].value) is type(expected)
    if len(images) == 1 and cards[0].value == expected:
        assert cards[0].comment == expected_comment.strip()


def texts_of(cards: Iterable[HeaderCard]) -> Iterable[str]:
    for card in cards:
        yield card.keyword
        yield card.comment
        if isinstance(card.value, str):
            yield card.value


@given(st.lists(st.binary(min_size=80, max_size=80), max_size=8))
def test_any_bytes_give_storable_values(images: list[bytes]) -> None:
    cards = parse_cards(images, 0, Repairs())
    for text in texts_of(cards):
        assert "\0" not in text
        text.encode("utf-8")
    for card in cards:
        if isinstance(card.value, float):
            assert math.isfinite(card.value)
        if isinstance(card.value, int):
            assert abs(card.value) < 2**63


@given(
    st.lists(
        st.sampled_from(
            [b"TEXT    = '", b"CONTINUE  '", b"HIERARCH a", b"K='", b"K       = ", b"END"]
        ).flatmap(lambda head: st.binary(max_size=60).map(lambda tail: (head + tail).ljust(80))),
        max_size=8,
    )
)
def test_nearly_legal_cards_never_raise(images: list[bytes]) -> None:
    assert len(parse_cards(images, 0, Repairs())) <= len(images)
