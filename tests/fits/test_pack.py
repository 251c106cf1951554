"""Packing: what astropy shows of the packed file is what it shows of the original, or it stays."""

import errno
import gzip
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from app.core.errors import UnavailableError
from app.fits import pack as pack_module
from app.fits.layout import header_bytes, raw_cards, units_of
from app.fits.pack import pack
from app.fits.proof import CHANGED_CARDS, prove_equal

Pixels = NDArray[Any]

RNG = np.random.default_rng(11)
NOISE = RNG.normal(1000, 30, (200, 300))
NASTY_F4 = np.array([0x7FC00123, 0x7F800001, 0xFFFFFFFF, 0x80000000, 0x7F800000, 1], "u4").view(
    "f4"
)
NASTY_F8 = np.array([0x7FF8000000000123, 0x7FF0000000000001, 2**64 - 1, 2**63, 1], "u8").view("f8")


def raw_file(path: Path, bitpix: int, stored: Pixels, cards: list[str]) -> Path:
    """Write an image whose bytes and cards are exactly these."""
    axes = [f"NAXIS{n}  = {size:20d}" for n, size in enumerate(reversed(stored.shape), 1)]
    text = [
        "SIMPLE  =                    T / made by hand",
        f"BITPIX  = {bitpix:20d} / stored type",
        f"NAXIS   = {stored.ndim:20d}",
        *axes,
        "EXTEND  =                    T / may be",
        *cards,
    ]
    data = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
    header = header_bytes([card.encode("latin-1").ljust(80)[:80] for card in text])
    path.write_bytes(header + data + bytes(-len(data) % 2880))
    return path


def shown(path: Path) -> list[tuple[str, list[str], Pixels | None]]:
    """Return what a user sees of each HDU: kind, comparable cards, scaled data."""
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")
        return [
            (
                "image" if hdu.is_image else "table",
                [card.image for card in hdu.header.cards if not is_changed(card.keyword)],
                None if hdu.data is None else np.array(hdu.data),
            )
            for hdu in hdus
        ]


def is_changed(keyword: str) -> bool:
    return keyword in CHANGED_CARDS or keyword.startswith("NAXIS")


def assert_shown_equal(original: Path, packed: Path) -> None:
    before, after = shown(original), shown(packed)
    for (kind, cards, data), (other_kind, other_cards, other) in zip(
        before, after[len(after) - len(before) :], strict=True
    ):
        assert kind == other_kind
        assert cards == other_cards
        if data is not None and other is not None:
            assert other.dtype.newbyteorder("=") == data.dtype.newbyteorder("=")
            assert other.astype(data.dtype).tobytes() == data.tobytes()


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_every_type_shrinks_and_stays_equal(tmp_path: Path, dtype: str) -> None:
    original, packed = tmp_path / "a.fits", tmp_path / "a.fits.fz"
    fits.writeto(original, (NOISE / 8).round().astype(dtype))
    result = pack(original, packed)
    assert (result.packed, result.reason) == (True, None)
    assert result.size_bytes == packed.stat().st_size < original.stat().st_size
    assert_shown_equal(original, packed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.fits", "a.fits.fz"]


def test_long_integers_are_packed_too(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", NOISE.astype("i8"))
    assert pack(tmp_path / "a.fits", tmp_path / "b.fits.fz").packed
    assert_shown_equal(tmp_path / "a.fits", tmp_path / "b.fits.fz")


def test_every_bit_of_floats_survives(tmp_path: Path) -> None:
    for bitpix, nasty in ((-32, NASTY_F4), (-64, NASTY_F8)):
        pixels = np.resize(nasty, (100, 90)).copy()
        original = raw_file(tmp_path / f"{-bitpix}.fits", bitpix, pixels, [])
        packed = tmp_path / f"{-bitpix}.fz"
        assert pack(original, packed).packed
        with fits.open(packed) as hdus:
            assert hdus[1].data.astype(pixels.dtype).tobytes() == pixels.tobytes()


CARDS = [
    "BSCALE  =                  2.0 / scaled",
    "BZERO   =                100.0 / shifted",
    "BLANK   =               -32768 / nothing",
    "OBJECT  = 'it''s'              / a quote",
    "COMMENT a comment   with  blanks",
    "",
    "HISTORY first",
    "HIERARCH ESO DET CHIP1 NAME = 'x' / long keyword",
    "LONGSTR = 'a very long string that goes on and on until it has to be con&'",
    "CONTINUE  'tinued' / here",
    "EXPTIME = 1.50 / free format",
    "OBJECT  = 'twice'",
    "UNDEF   =",
    "        a blank keyword with text",
    "",
]


def test_cards_stand_in_the_packed_file_byte_for_byte(tmp_path: Path) -> None:
    stored = NOISE.astype("i2")
    stored[5] = -32768
    original = raw_file(tmp_path / "a.fits", 16, stored, CARDS)
    assert pack(original, tmp_path / "b.fits").packed
    assert_shown_equal(original, tmp_path / "b.fits")
    before = raw_cards(original, units_of(original)[0])
    after = raw_cards(tmp_path / "b.fits", units_of(tmp_path / "b.fits")[1])
    assert after[-len(before) :][6:] == before[6:]
    assert after[-len(before)] == b"ZSIMPLE =                    T / made by hand".ljust(80)


def test_checksums_of_the_original_are_kept_under_their_own_names(tmp_path: Path) -> None:
    with fits.HDUList([fits.PrimaryHDU(NOISE.astype("i2"))]) as hdus:
        hdus.writeto(tmp_path / "a.fits", checksum=True)
    assert pack(tmp_path / "a.fits", tmp_path / "b.fits").packed
    original = fits.getheader(tmp_path / "a.fits")
    with fits.open(tmp_path / "b.fits", disable_image_compression=True) as hdus:
        assert hdus[1].header["ZHECKSUM"] == original["CHECKSUM"]
        assert hdus[1].header["ZDATASUM"] == original["DATASUM"]
    assert fits.getheader(tmp_path / "b.fits", 1)["CHECKSUM"] == original["CHECKSUM"]


def test_tables_and_empty_hdus_are_copied_and_a_primary_image_moves(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns(
        [fits.Column("a", "J", array=[1, 2]), fits.Column("v", "PE()", array=[[1.0], [2.0, 3.0]])],
        name="CAT",
    )
    hdus = [
        fits.PrimaryHDU(NOISE.astype("u2")),
        table,
        fits.ImageHDU(name="EMPTY"),
        fits.ImageHDU(NOISE.astype("f4"), name="SCI"),
        fits.CompImageHDU(NOISE.astype("i2"), name="DONE"),
    ]
    original, packed = tmp_path / "a.fits", tmp_path / "b.fits"
    fits.HDUList(hdus).writeto(original)
    assert pack(original, packed).packed
    assert_shown_equal(original, packed)
    with fits.open(packed) as opened:
        names = [hdu.header.get("EXTNAME", "") for hdu in opened]
        assert [type(hdu).__name__ for hdu in opened][4:] == ["CompImageHDU", "CompImageHDU"]
    assert names == ["", "", "CAT", "EMPTY", "SCI", "DONE"]
    first, second = units_of(original), units_of(packed)
    for index in (1, 2, 4):
        one = original.read_bytes()[first[index].header_at : first[index].end_at]
        other = packed.read_bytes()[second[index + 1].header_at : second[index + 1].end_at]
        assert one == other


def test_an_empty_primary_stays_the_primary(tmp_path: Path) -> None:
    hdus = [
        fits.PrimaryHDU(header=fits.Header([("TELID", "1m0a")])),
        fits.ImageHDU(NOISE.astype("i2")),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    assert pack(tmp_path / "a.fits", tmp_path / "b.fits").packed
    with fits.open(tmp_path / "b.fits") as opened:
        assert len(opened) == 2
        assert opened[0].header["TELID"] == "1m0a"


def only_table(path: Path) -> None:
    fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])]).writeto(path)


def wrapped(path: Path) -> None:
    fits.writeto(path.with_suffix(".tmp"), NOISE)
    path.write_bytes(gzip.compress(path.with_suffix(".tmp").read_bytes()))


def groups(path: Path) -> None:
    data = fits.GroupData(
        np.ones((2, 1, 1, 3), "f4"), bitpix=-32, parnames=["U"], pardata=[[1.0, 2.0]]
    )
    fits.GroupsHDU(data).writeto(path)


def cut_off(path: Path) -> None:
    fits.writeto(path, NOISE)
    path.write_bytes(path.read_bytes()[:-3000])


def followed(path: Path) -> None:
    fits.writeto(path, NOISE)
    path.write_bytes(path.read_bytes() + b"more")


def clashing(path: Path) -> None:
    raw_file(path, 16, NOISE.astype("i2"), ["TTYPE1  = 'of a table'", "ZCMPTYPE= 'of another'"])


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (only_table, "no uncompressed image"),
        (wrapped, "compressed by gzip"),
        (groups, "random groups"),
        (cut_off, "cut off"),
        (followed, "behind its last"),
        (clashing, "not proven equal"),
        (lambda path: fits.writeto(path, np.ones((3, 3))), "does not shrink"),
        (lambda path: path.write_text("<html>"), "HTML"),
        (lambda path: path.write_bytes(b"SIMPLE  =   T"), "damaged"),
    ],
)
def test_what_cannot_be_packed_stays_with_a_reason(
    tmp_path: Path, write: Callable[..., Any], words: str
) -> None:
    original = tmp_path / "a.fits"
    write(original)
    before = original.read_bytes()
    result = pack(original, tmp_path / "b.fits")
    assert not result.packed
    assert words in (result.reason or "")
    assert result.size_bytes == len(before)
    assert original.read_bytes() == before
    assert not (tmp_path / "b.fits").exists()


def test_large_images_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_module, "MAX_IMAGE_BYTES", 1000)
    fits.writeto(tmp_path / "a.fits", NOISE)
    result = pack(tmp_path / "a.fits", tmp_path / "b.fits")
    assert "at most 1000" in (result.reason or "")


def test_the_proof_finds_what_differs(tmp_path: Path) -> None:
    original, packed = tmp_path / "a.fits", tmp_path / "b.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])
    fits.HDUList([fits.PrimaryHDU(NOISE.astype("i2")), table]).writeto(original)
    assert pack(original, packed).packed
    good = packed.read_bytes()
    _, unit, after = units_of(packed)

    def differs(data: bytes) -> str:
        packed.write_bytes(data)
        return prove_equal(original, packed) or ""

    assert differs(good) == ""
    one_bit = bytearray(good)
    one_bit[unit.data_at + 200 * 8 + 5000] ^= 1
    assert "pixels" in differs(bytes(one_bit)) or "failed" in differs(bytes(one_bit))
    assert "HDUs" in differs(good[: unit.end_at])
    assert "bytes differ" in differs(good[: after.data_at] + b"\1" + good[after.data_at + 1 :])
    end = good.index(b"END".ljust(80), unit.header_at)
    extra = (
        good[:end]
        + b"EXTRA   =                    1".ljust(80)
        + b"END".ljust(80)
        + good[end + 160 :]
    )
    assert "cards" in differs(extra)


SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=12)


def arrays(dtype: str) -> st.SearchStrategy[Pixels]:
    if dtype[0] == "f":  # any bits: NaN payloads, infinities, -0.0, denormals
        return hnp.arrays("u" + dtype[1:], SHAPES).map(lambda array: array.view(dtype))
    return hnp.arrays(dtype, SHAPES)


@given(
    pixels=st.sampled_from(["u1", "i2", "i4", "i8", "f4", "f8"]).flatmap(arrays),
    zero=st.sampled_from([None, 0, 32768, 2147483648, -128]),
    blank=st.sampled_from([None, 0, 5]),
)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_image_is_written_equal_even_where_it_does_not_shrink(
    tmp_path: Path, pixels: Pixels, zero: int | None, blank: int | None
) -> None:
    bitpix = pixels.dtype.itemsize * (-8 if pixels.dtype.kind == "f" else 8)
    assume(not (zero == -128 and blank is not None))  # astropy cannot show the original
    cards = [] if zero is None else [f"BZERO   = {zero:20d}"]
    cards += [] if blank is None or bitpix < 0 else [f"BLANK   = {blank:20d}"]
    original = raw_file(tmp_path / "a.fits", bitpix, pixels, cards)
    assert pack_module._write(original, tmp_path / "b.fits") is None
    assert prove_equal(original, tmp_path / "b.fits") is None
    assert_shown_equal(original, tmp_path / "b.fits")


def test_a_full_disk_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = raw_file(tmp_path / "a.fits", 16, np.zeros((64, 64), np.int16), [])

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("app.fits.pack._write_compressed", refuse)
    with pytest.raises(UnavailableError, match="No space left"):
        pack(source, tmp_path / "a.fits.fz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.fits"]
