"""Unpacking is the way back: the original's bytes where packing was lossless."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from app.fits.errors import NotFitsError, UnreadableError
from app.fits.pack import pack
from app.fits.unpack import image_cards, unpack
from tests.support.fits_files import make_fits, source_table

RNG = np.random.default_rng(7)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_a_packed_image_comes_back_byte_for_byte(tmp_path: Path, dtype: str) -> None:
    original, packed, back = (tmp_path / name for name in ("a.fits", "a.fits.fz", "b.fits"))
    pixels = RNG.normal(100, 20, (250, 200)).clip(0).round().astype(dtype)
    if dtype.startswith("f"):
        pixels[3, 4] = np.nan
    primary = fits.PrimaryHDU(pixels, fits.Header([("OBJECT", "M67", "target"), ("GAIN", 1.5)]))
    fits.HDUList([primary]).writeto(original, checksum=True)
    assert pack(original, packed).packed
    unpack(packed, back)
    assert back.read_bytes() == original.read_bytes()


def test_tables_and_extensions_stay(tmp_path: Path) -> None:
    original, packed, back = (tmp_path / name for name in ("a.fits", "a.fits.fz", "b.fits"))
    extension = fits.ImageHDU(RNG.integers(0, 99, (300, 280)).astype("i2"), name="ERR")
    make_fits(original, shape=(), hdus=[extension, source_table()], OBJECT="NGC 1")
    assert pack(original, packed).packed
    unpack(packed, back)
    assert back.read_bytes() == original.read_bytes()


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_what_others_compressed_opens_plain(tmp_path: Path, dtype: str) -> None:
    packed, back = tmp_path / "a.fits.fz", tmp_path / "b.fits"
    pixels = RNG.normal(1000, 5, (60, 50)).astype(dtype)
    compressed = fits.CompImageHDU(pixels, fits.Header([("OBJECT", "x"), ("BUNIT", "adu")]))
    fits.HDUList([fits.PrimaryHDU(), compressed, source_table()]).writeto(packed)
    unpack(packed, back)
    with fits.open(packed) as before, fits.open(back, checksum=True) as after:
        after.verify("exception")
        assert [type(hdu).__name__ for hdu in after] == ["PrimaryHDU", "ImageHDU", "BinTableHDU"]
        assert np.array_equal(before[1].data, after[1].data)
        assert (after[1].header["OBJECT"], after[1].header["BUNIT"]) == ("x", "adu")
        assert not [key for key in after[1].header if key.startswith(("Z", "TFORM", "TTYPE"))]


def test_a_wrapped_file_is_unwrapped(tmp_path: Path) -> None:
    original = make_fits(tmp_path / "a.fits")
    wrapped = tmp_path / "a.fits.gz"
    wrapped.write_bytes(gzip.compress(original.read_bytes()))
    unpack(wrapped, tmp_path / "b.fits")
    assert (tmp_path / "b.fits").read_bytes() == original.read_bytes()


def test_damage_is_told(tmp_path: Path) -> None:
    original, packed = make_fits(tmp_path / "a.fits", shape=(200, 200)), tmp_path / "a.fits.fz"
    assert pack(original, packed).packed
    packed.write_bytes(packed.read_bytes()[:-2880])
    with pytest.raises(UnreadableError, match="cannot be unpacked"):
        unpack(packed, tmp_path / "b.fits")
    (tmp_path / "c.fits").write_text("hello")
    with pytest.raises(NotFitsError):
        unpack(tmp_path / "c.fits", tmp_path / "b.fits")


@given(st.lists(st.binary(min_size=80, max_size=80), max_size=12))
def test_any_cards_become_cards(cards: list[bytes]) -> None:
    assert all(len(card) == 80 for card in image_cards(cards))
