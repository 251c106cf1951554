"""Reading planes: right pixels, decimated, from every kind of image, and never more than asked."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from app.core.errors import ArchiveError, TooLargeError
from app.fits import image
from app.fits.errors import NotFitsError, UnreadableError
from app.fits.image import read_plane
from app.fits.results import NoImageError

RNG = np.random.default_rng(7)


def write(path: Path, *hdus: fits.ImageHDU) -> Path:
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_every_type_of_pixel_is_read(tmp_path: Path, dtype: str) -> None:
    pixels = (RNG.random((30, 20)) * 200).astype(dtype)
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    plane = read_plane(tmp_path / "a.fits", width_px=100)
    np.testing.assert_array_equal(plane.pixels, pixels)
    assert (plane.full_width_px, plane.full_height_px, plane.line) == (20, 30, False)
    assert plane.pixels.dtype.isnative


@pytest.mark.parametrize("compression", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1"])
def test_compressed_images_are_sampled_from_their_tiles(tmp_path: Path, compression: str) -> None:
    pixels = RNG.integers(0, 1000, (64, 96)).astype("i2")
    path = write(tmp_path / "a.fits.fz", fits.CompImageHDU(pixels, compression_type=compression))
    np.testing.assert_array_equal(read_plane(path, width_px=24).pixels, pixels[::4, ::4])


def test_astropy_stands_in_where_cfitsio_fails(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 2**60, (64, 96))
    compressed = fits.CompImageHDU(pixels, compression_type="GZIP_2")
    path = write(tmp_path / "a.fits.fz", compressed)
    np.testing.assert_array_equal(
        read_plane(path, width_px=48).pixels, pixels[::2, ::2].astype("f8")
    )


def test_plain_images_are_averaged_over_blocks_and_nan_do_not_count(tmp_path: Path) -> None:
    pixels = RNG.random((40, 80)).astype("f4")
    pixels[0, 0], pixels[0, 1] = np.nan, np.inf
    pixels[4:8, 4:8] = np.nan
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    plane = read_plane(tmp_path / "a.fits", width_px=20)
    pixels[0, 1] = np.nan
    blocks = pixels.reshape(10, 4, 20, 4)
    expected = np.nanmean(np.where(np.isnan(blocks[:, :, 1:]), 1, blocks[:, :, 1:]), axis=(1, 3))
    assert np.isnan(plane.pixels[1, 1])
    assert plane.pixels[0, 0] == pytest.approx(np.nanmean(pixels[:4, :4]))
    expected[1, 0] = np.nan
    np.testing.assert_allclose(plane.pixels[:, 1:], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "width_px", "expected"),
    [
        ((400, 100), 50, (200, 50)),  # portrait: the width counts
        ((100, 400), 50, (12, 50)),
        ((30, 400), 50, (10, 50)),
        ((3, 4000), 50, (3, 50)),
        ((20_000, 5), 50, (4000, 5)),
        ((5, 20_000), 10_000, (5, 4000)),
        ((30, 40), 100, (30, 40)),
    ],
)
def test_planes_are_of_bounded_size_in_every_proportion(
    tmp_path: Path, shape: tuple[int, int], width_px: int, expected: tuple[int, int]
) -> None:
    fits.writeto(tmp_path / "a.fits", np.zeros(shape, "u1"))
    assert read_plane(tmp_path / "a.fits", width_px=width_px).pixels.shape == expected


def test_slabs_join_without_seams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = RNG.random((97, 83)).astype("f4")
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    whole = read_plane(tmp_path / "a.fits", width_px=27).pixels
    monkeypatch.setattr(image, "_SLAB_PX", 700)
    np.testing.assert_array_equal(read_plane(tmp_path / "a.fits", width_px=27).pixels, whole)
    monkeypatch.setattr(image, "MAX_AVERAGED_PX", 10)
    sampled = read_plane(tmp_path / "a.fits", width_px=27).pixels
    np.testing.assert_array_equal(sampled, pixels[:96:3, :81:3])


def test_scale_and_blank_are_applied(tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(np.array([[1, 2, 3], [4, -9, 6]], "i2"))
    hdu.header["BSCALE"], hdu.header["BZERO"], hdu.header["BLANK"] = 0.5, 10.0, -9
    path = tmp_path / "a.fits"
    # astropy would scale on writing: write the cards over an unscaled image
    fits.writeto(path, np.array([[1, 2, 3], [4, -9, 6]], "i2"))
    with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
        hdus[0].header.update(hdu.header)
    plane = read_plane(path, width_px=10)
    np.testing.assert_array_equal(plane.pixels, [[10.5, 11, 11.5], [12, np.nan, 13]])


def test_blank_in_compressed_integers_is_nan(tmp_path: Path) -> None:
    hdu = fits.CompImageHDU(np.array([[1, 2, 3], [4, -9, 6]], "i2"), compression_type="RICE_1")
    path = write(tmp_path / "a.fits.fz", hdu)
    with fits.open(path, mode="update", disable_image_compression=True) as hdus:
        hdus[1].header["BLANK"] = -9
    np.testing.assert_array_equal(read_plane(path, width_px=10).pixels, [[1, 2, 3], [4, np.nan, 6]])


def test_the_science_image_is_sci_else_the_first_with_data(tmp_path: Path) -> None:
    first, second = np.ones((4, 5), "f4"), np.full((4, 5), 2, "f4")
    path = write(
        tmp_path / "a.fits", fits.ImageHDU(first, name="ERR"), fits.ImageHDU(second, name="sci")
    )
    assert read_plane(path, width_px=10).hdu_index == 2
    assert read_plane(path, "err", width_px=10).pixels[0, 0] == 1
    assert read_plane(path, 1, width_px=10).pixels[0, 0] == 1
    other = write(tmp_path / "b.fits", fits.ImageHDU(first), fits.ImageHDU(second, name="SCIENCE"))
    assert read_plane(other, width_px=10).hdu_index == 1


@pytest.mark.parametrize("ext", [0, 3, 99, -1, "SKY", "PRIMARY"])
def test_a_wrong_ext_is_refused_and_the_images_are_named(tmp_path: Path, ext: int | str) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])], name="CAT")
    path = write(tmp_path / "a.fits", fits.ImageHDU(np.ones((2, 2)), name="ERR"), table)
    with pytest.raises(NoImageError, match="images: 1 ERR") as caught:
        read_plane(path, ext, width_px=10)
    assert caught.value.field == "ext"


def test_tables_headers_and_groups_hold_no_image(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])
    groups = fits.GroupsHDU(
        fits.GroupData(
            np.ones((2, 1, 1, 3), "f4"), bitpix=-32, parnames=["U"], pardata=[[1.0, 2.0]]
        )
    )
    for number, hdus in enumerate(([fits.PrimaryHDU()], [fits.PrimaryHDU(), table], [groups])):
        path = tmp_path / f"{number}.fits"
        fits.HDUList(hdus).writeto(path)
        with pytest.raises(NoImageError, match="no image"):
            read_plane(path, width_px=10)


@pytest.mark.parametrize("shape", [(50,), (1, 50), (50, 1), (3, 1, 50)])
def test_one_dimensional_images_are_lines(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.arange(np.prod(shape), dtype="f4").reshape(shape)
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    plane = read_plane(tmp_path / "a.fits", width_px=10)
    assert plane.line
    np.testing.assert_array_equal(plane.pixels, np.arange(50)[None, :])


def test_of_cubes_the_first_plane_is_read(tmp_path: Path) -> None:
    cube = RNG.random((3, 4, 20, 30)).astype("f4")
    fits.PrimaryHDU(cube).writeto(tmp_path / "a.fits")
    np.testing.assert_array_equal(read_plane(tmp_path / "a.fits", width_px=99).pixels, cube[0, 0])
    path = write(
        tmp_path / "b.fits", fits.CompImageHDU(cube, quantize_level=0, compression_type="GZIP_2")
    )
    np.testing.assert_array_equal(read_plane(path, width_px=15).pixels, cube[0, 0, ::2, ::2])


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_wrapped_files_are_unwrapped_into_the_scratch_folder_for_a_while(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    fits.writeto(tmp_path / "a.fits", np.full((4, 5), 3, "f4"))
    (tmp_path / "b").write_bytes(compress((tmp_path / "a.fits").read_bytes()))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert read_plane(tmp_path / "b", width_px=10, scratch=scratch).pixels[0, 0] == 3
    assert list(scratch.iterdir()) == []


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits.writeto(tmp_path / "a.fits", np.zeros((500, 500), "f8"))
    (tmp_path / "b").write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
    monkeypatch.setattr("app.fits.decoding.MAX_COPY_BYTES", 1_000_000)
    with pytest.raises(TooLargeError):
        read_plane(tmp_path / "b", width_px=10, scratch=tmp_path)


def test_a_name_is_not_evaluated_by_cfitsio(tmp_path: Path) -> None:
    path = write(tmp_path / "a[1:2,1:2].fits", fits.CompImageHDU(np.ones((20, 30), "i2")))
    assert read_plane(path, width_px=99).pixels.shape == (20, 30)


def test_rows_that_are_cut_off_are_nan(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", np.ones((100, 100), "f4"))
    data = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "b.fits").write_bytes(data[: 2880 + 400 * 30 + 7])
    plane = read_plane(tmp_path / "b.fits", width_px=50)
    assert plane.pixels.shape == (50, 50)
    assert np.isfinite(plane.pixels[:15]).all()
    assert np.isnan(plane.pixels[15:]).all()


def card(text: str) -> bytes:
    return text.ljust(80).encode()


def lying_image(path: Path, naxis: int, bitpix: int) -> Path:
    cards = [
        "SIMPLE  =                    T",
        f"BITPIX  = {bitpix:20d}",
        "NAXIS   =                    2",
        f"NAXIS1  = {naxis:20d}",
        f"NAXIS2  = {naxis:20d}",
        "END",
    ]
    path.write_bytes(b"".join(map(card, cards)).ljust(2880) + bytes(2880))
    return path


@pytest.mark.parametrize("naxis", [10**9, 10**6, 2**31, 2**62])
def test_lying_sizes_allocate_nothing(tmp_path: Path, naxis: int) -> None:
    with pytest.raises(ArchiveError):
        read_plane(lying_image(tmp_path / "a.fits", naxis, -64), width_px=4096)


def test_lying_sizes_of_compressed_images_allocate_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits.fz", fits.CompImageHDU(np.ones((20, 30), "i2")))
    with fits.open(path, mode="update", disable_image_compression=True) as hdus:
        for key in ("ZNAXIS1", "ZNAXIS2", "ZTILE1", "ZTILE2"):
            hdus[1].header[key] = 10**6
    with pytest.raises(ArchiveError):
        read_plane(path, width_px=600)


def test_what_is_not_fits_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.fits").write_text("<html>")
    with pytest.raises(NotFitsError, match="HTML"):
        read_plane(tmp_path / "a.fits", width_px=10)


def test_an_error_tells_no_path(tmp_path: Path) -> None:
    path = lying_image(tmp_path / "a.fits", 10, 12)
    with pytest.raises(UnreadableError) as caught:
        read_plane(path, width_px=10, scratch=tmp_path)
    assert "BITPIX" in caught.value.message
    assert str(tmp_path) not in caught.value.message
