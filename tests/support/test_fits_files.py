from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tests.support.fits_files import DEFAULT_CARDS, make_fits, ramp, source_table, wcs_header


def test_defaults_make_a_valid_raw_frame(tmp_path: Path) -> None:
    with fits.open(make_fits(tmp_path / "new" / "a.fits")) as hdus:
        hdus.verify("exception")
        assert len(hdus) == 1
        assert hdus[0].data.shape == (32, 24)
        assert hdus[0].data.dtype == np.uint16
        assert {key: hdus[0].header[key] for key in DEFAULT_CARDS} == DEFAULT_CARDS


def test_cards_are_set_added_and_left_out(tmp_path: Path) -> None:
    path = make_fits(tmp_path / "a.fits", DAY_OBS="2020-01-02", FILTER=None, TARG__RA=1.5)
    header = fits.getheader(path)
    assert header["DAY-OBS"] == "2020-01-02"
    assert "FILTER" not in header
    assert header["TARG_RA"] == 1.5


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_pixels_keep_their_type(tmp_path: Path, dtype: str) -> None:
    data = fits.getdata(make_fits(tmp_path / "a.fits", shape=(3, 4), dtype=dtype))
    assert data.dtype.newbyteorder("=") == np.dtype(dtype)
    assert np.array_equal(data, ramp((3, 4), dtype))


def test_wcs_is_centred(tmp_path: Path) -> None:
    plain = fits.getheader(make_fits(tmp_path / "a.fits", wcs=True))
    assert WCS(plain, fix=False).wcs_pix2world(11.5, 15.5, 0) == pytest.approx((132.846, 11.814))
    polar = fits.getheader(make_fits(tmp_path / "b.fits", wcs=(0.0, -89.5)))
    assert WCS(polar, fix=False).wcs_pix2world(11.5, 15.5, 0) == pytest.approx((0.0, -89.5))


def test_extensions_follow_an_empty_primary(tmp_path: Path) -> None:
    science = fits.ImageHDU(ramp((8, 6), "float32"), wcs_header((8, 6), 10.0, 20.0), name="SCI")
    path = make_fits(tmp_path / "a.fits.gz", shape=(), hdus=[science, source_table()])
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    with fits.open(path) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "CAT"]
        assert hdus[0].data is None
        assert len(hdus["CAT"].data) == 3
