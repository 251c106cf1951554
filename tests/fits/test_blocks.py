import io

import pytest

from app.fits import blocks
from app.fits.blocks import HeaderReader, RawHeader
from app.fits.container import ByteSource
from app.fits.errors import UnreadableError
from tests.support.raw_cards import NO_DATA, image, padded, raw_header

DATA = bytes(range(128, 256)) * 90


def read(data: bytes) -> tuple[RawHeader, bytes]:
    source = ByteSource(io.BytesIO(data), len(data))
    return HeaderReader(source).read(), source.read(len(data))


def test_ends_at_end() -> None:
    header, rest = read(raw_header(NO_DATA) + DATA)
    assert header == RawHeader(tuple(map(image, NO_DATA)), has_end=True, cut_off=False)
    assert rest == DATA


@pytest.mark.parametrize("end", [b"END", b"end", b"END\0\0\0\0\0", b"END     / the end"])
def test_end_as_it_is_in_the_field(end: bytes) -> None:
    header, _ = read(padded(b"".join(map(image, NO_DATA)) + image(end), b" "))
    assert header.has_end
    assert len(header.cards) == len(NO_DATA)


@pytest.mark.parametrize("keyword", ["ENDTIME = 1", "END-OBS = 1"])
def test_keywords_that_begin_like_end(keyword: str) -> None:
    header, _ = read(raw_header([*NO_DATA, keyword]))
    assert len(header.cards) == len(NO_DATA) + 1


def test_without_end_the_data_begin_where_cards_end() -> None:
    header, rest = read(raw_header(NO_DATA, end=False) + DATA)
    assert header == RawHeader(tuple(map(image, NO_DATA)), has_end=False, cut_off=False)
    assert rest == DATA


def test_without_end_and_data() -> None:
    header, _ = read(raw_header(NO_DATA, end=False))
    assert not header.has_end
    assert not header.cut_off


def test_some_illegal_cards_do_not_end_a_header() -> None:
    junk = [bytes(80)] * 10
    legal = ["OBJECT  = 'M31'", *["COMMENT x"] * 20]
    header, _ = read(raw_header([*NO_DATA, *junk, *legal]))
    assert header.has_end
    assert image("OBJECT  = 'M31'") in header.cards


def test_cut_off_inside() -> None:
    header, _ = read(raw_header(NO_DATA)[:200])
    assert header.cut_off
    assert header.cards == tuple(map(image, NO_DATA[:2]))


def test_headers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_HEADER_BYTES", 10 * 2880)
    endless = image("COMMENT and so on") * 36 * 12
    with pytest.raises(UnreadableError, match="headers are longer"):
        read(endless)
