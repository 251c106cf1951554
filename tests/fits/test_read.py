import bz2
import gzip
import json
import math
import pickle
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import ArchiveError, UnavailableError
from app.core.offload import Task
from app.fits.errors import NotFitsError, UnreadableError
from app.fits.keywords import BUILT_IN, KeywordMap
from app.fits.models import Container, HduKind, Reading
from app.fits.read import read_file
from tests.support.raw_cards import SIMPLE, array_hdu, header_only, image, padded, write

WCS = (
    "CTYPE1  = 'RA---TAN'", "CTYPE2  = 'DEC--TAN'", "CRVAL1  = 10.0", "CRVAL2  = 20.0",
    "CRPIX1  = 2.5", "CRPIX2  = 2.0", "CDELT1  = -0.01", "CDELT2  = 0.01",
)  # fmt: skip
READ_FILE: Task[[Path, KeywordMap], Reading] = Task("app.fits.read:read_file")


@pytest.mark.parametrize(
    ("wrap", "container"),
    [(bytes, Container.PLAIN), (gzip.compress, Container.GZIP), (bz2.compress, Container.BZIP2)],
)
def test_reads_a_frame_in_any_wrapping(
    tmp_path: Path, wrap: Callable[[bytes], bytes], container: Container
) -> None:
    data = header_only("TELESCOP= 'T'") + array_hdu("OBJECT  = 'M31'", *WCS, extension="IMAGE")
    reading = READ_FILE.resolve()(write(tmp_path / "misnamed.txt", wrap(data)), BUILT_IN)
    assert reading.container is container
    assert [hdu.kind for hdu in reading.hdus] == [HduKind.EMPTY, HduKind.IMAGE]
    assert reading.science is reading.hdus[1]
    assert (reading.metadata.telescope, reading.metadata.object_name) == ("T", "M31")
    assert reading.footprint is not None
    assert reading.metadata.ra_deg == pytest.approx(reading.footprint.center_ra_deg)
    assert reading.metadata.sources["position"] == "WCS"
    assert reading.repairs == ()


def test_sky_area_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    broken = [*WCS[:-2], "CDELT1  = 0.0", "CDELT2  = 0.0"]
    reading = read_file(write(tmp_path / "a", array_hdu(*broken)), BUILT_IN)
    assert reading.footprint is None
    assert any(sentence.startswith("no sky area: ") for sentence in reading.repairs)
    assert reading.metadata.ra_deg == pytest.approx(10.0)


def test_takes_a_text_path(tmp_path: Path) -> None:
    assert read_file(str(write(tmp_path / "a", header_only())), BUILT_IN).science is None


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"", NotFitsError), (b"<html>", NotFitsError), (header_only()[:200], UnreadableError)],
)
def test_rejects(tmp_path: Path, data: bytes, error: type[ArchiveError]) -> None:
    with pytest.raises(error) as caught:
        read_file(write(tmp_path / "a", data), BUILT_IN)
    assert str(tmp_path) not in caught.value.message
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # as it crosses to the parent
    assert (type(again), again.message) == (error, caught.value.message)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        read_file(tmp_path / "none", BUILT_IN)


def test_a_bomb_uses_time_but_no_memory(tmp_path: Path) -> None:
    cards = [SIMPLE, "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 9000000000000000000", "END"]
    header = padded(b"".join(map(image, cards)), b" ")
    path = write(tmp_path / "bomb.gz", gzip.compress(header + bytes(64 << 20), 1))
    read_file(write(tmp_path / "warm", header_only()), BUILT_IN)
    tracemalloc.start()
    try:
        reading = read_file(path, BUILT_IN)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 << 20
    assert "are cut off: 67108864 of 9000000000000000000 bytes" in reading.repairs[0]


def test_repairs_are_bounded(tmp_path: Path) -> None:
    cards = [f"BAD{i:05} = value{i}" if i < 1 else f"BAD{i:05}= value{i}" for i in range(400)]
    reading = read_file(write(tmp_path / "a", header_only(*cards)), BUILT_IN)
    assert len(reading.repairs) == 51
    assert reading.repairs[-1].endswith(" more")


def test_nine_thousand_cards_are_quick(tmp_path: Path) -> None:
    cards = [f"KEY{i:<5}= {i * 0.37} / some comment" for i in range(9000)]
    path = write(tmp_path / "a", header_only(*cards))
    start = time.perf_counter()
    assert len(read_file(path, BUILT_IN).hdus[0].cards) == 9003
    assert time.perf_counter() - start < 1


def check_storable(reading: Reading) -> None:
    """Whatever was read must go through JSON into PostgreSQL."""
    for hdu in reading.hdus:
        for card in hdu.cards:
            text = json.dumps(
                [card.keyword, card.value, card.comment], ensure_ascii=False, allow_nan=False
            )
            assert "\\u0000" not in text
            text.encode("utf-8")
            assert not isinstance(card.value, float) or math.isfinite(card.value)
    assert "\0" not in str(reading.metadata)
    assert len(reading.repairs) <= 51


ANY_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read_or_reject(path: Path, data: bytes) -> None:
    try:
        reading = read_file(write(path, data), BUILT_IN)
    except ArchiveError:
        return
    check_storable(reading)


@ANY_FILE
@given(data=st.binary(max_size=9000))
def test_any_bytes_after_simple(tmp_path: Path, data: bytes) -> None:
    read_or_reject(tmp_path / "a", image(SIMPLE) + data)


@ANY_FILE
@given(data=st.binary(max_size=500), wrap=st.sampled_from([b"\x1f\x8b\x08", b"BZh9", b""]))
def test_any_bytes_after_any_magic(tmp_path: Path, data: bytes, wrap: bytes) -> None:
    read_or_reject(tmp_path / "a", wrap + data)


STRUCTURE = st.sampled_from([
    "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "GROUPS", "ZIMAGE", "ZBITPIX",
    "ZNAXIS", "ZNAXIS1", "EXTNAME", "CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CD1_1", "CD2_2",
    "CRPIX1", "RADESYS", "EQUINOX", "RA", "DEC", "DATE-OBS", "TIMESYS", "EXPTIME", "FILTER",
    "CONTINUE", "HISTORY",
])  # fmt: skip
SOME_VALUE = st.one_of(
    st.sampled_from([
        "T", "F", "8", "16", "-32", "0", "1", "2", "-1", "999", "1E400", "NaN", "99999999999999999",
        "'RA---TAN'", "'DEC--TAN'", "'BINTABLE'", "'IMAGE'", "'&'", "'FK4'", "'TDB'", "",
    ]),
    st.text(st.characters(max_codepoint=0x2FF), max_size=25),
)  # fmt: skip
CARD = st.builds(
    lambda keyword, value: f"{keyword:8}= {value}".encode("utf-8", "replace")[:80],
    STRUCTURE,
    SOME_VALUE,
)


@ANY_FILE
@given(
    first=st.lists(CARD, max_size=12),
    second=st.lists(CARD, max_size=12),
    data=st.binary(max_size=300),
)
def test_any_cards(tmp_path: Path, first: list[bytes], second: list[bytes], data: bytes) -> None:
    primary = padded(b"".join([image(SIMPLE), *map(image, first), image("END")]), b" ")
    extension = padded(
        b"".join([image("XTENSION= 'BINTABLE'"), *map(image, second), image("END")]), b" "
    )
    read_or_reject(tmp_path / "a", primary + extension + data)


@ANY_FILE
@given(cards=st.lists(CARD, max_size=15))
def test_any_cards_over_an_image(tmp_path: Path, cards: list[bytes]) -> None:
    read_or_reject(tmp_path / "a", array_hdu(*WCS, *cards))
