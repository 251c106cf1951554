"""Thumbnails: the promised size, the right way up, the scaling of the contract, odd images."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFont

from app.fits.results import NoImageError
from app.previews.thumbnail_models import ThumbnailSpec
from app.previews.thumbnail_render import fitted, render_thumbnail, sampled

Pixels = NDArray[Any]
Wish = Any
"""Fields of a ThumbnailSpec."""

SEEDED = np.random.default_rng(1)


def picture(path: Path, **wish: Wish) -> Image.Image:
    opened = Image.open(io.BytesIO(render_thumbnail(path, ThumbnailSpec(**wish))))
    opened.load()
    assert (opened.format, opened.mode) == ("JPEG", "RGB")
    return opened


def shown(tmp_path: Path, pixels: Pixels, **wish: Wish) -> Pixels:
    fits.writeto(tmp_path / "a.fits", pixels, overwrite=True)
    levels: Pixels = np.asarray(picture(tmp_path / "a.fits", **wish)).astype(int)
    assert np.ptp(levels, axis=2).max() == 0 or wish.get("label")  # grey
    grey: Pixels = levels[..., 0]
    return grey


@pytest.mark.parametrize(
    ("shape", "wish", "size"),
    [
        ((50, 100), {}, (100, 50)),
        ((500, 1000), {}, (200, 100)),
        ((1000, 500), {}, (100, 200)),
        ((500, 1000), {"width_px": 50}, (50, 25)),
        ((500, 1000), {"height_px": 20}, (40, 20)),
        ((10, 10), {"width_px": 4000, "height_px": 4000}, (10, 10)),
        ((3, 3000), {}, (200, 1)),
        ((9000, 20), {"height_px": 4000}, (9, 4000)),
    ],
)
def test_a_picture_fits_its_box_and_is_never_enlarged(
    tmp_path: Path, shape: tuple[int, int], wish: dict[str, int], size: tuple[int, int]
) -> None:
    assert shown(tmp_path, SEEDED.normal(size=shape).astype("f4"), **wish).shape == size[::-1]


@given(*[st.integers(1, 10_000)] * 2, *[st.integers(1, 4000)] * 2)
def test_a_fitted_size_keeps_the_shape(width: int, height: int, box_x: int, box_y: int) -> None:
    x, y = fitted((width, height), ThumbnailSpec(width_px=box_x, height_px=box_y))
    assert 1 <= x <= min(width, box_x)
    assert 1 <= y <= min(height, box_y)
    scale = min(1, box_x / width, box_y / height)
    assert abs(x - width * scale) <= 1
    assert abs(y - height * scale) <= 1


def test_row_0_is_at_the_bottom(tmp_path: Path) -> None:
    pixels = SEEDED.normal(100, 5, (400, 400)).astype("f4")
    pixels[:200, :200] += 500
    levels = shown(tmp_path, pixels)
    quarters = levels[:100, :100], levels[:100, 100:], levels[100:, 100:], levels[100:, :100]
    means = [float(quarter.mean()) for quarter in quarters]
    assert means[3] > 2 * np.max(means[:3])


def test_the_scaling_is_that_of_the_contract(tmp_path: Path) -> None:
    # 40 x 50 is 2000 pixels: all of them are samples. A ramp of n values has the slope 1, so that
    # zscale with contrast 0.1 reaches 5 n above the middle, which the greatest value cuts.
    ramp = np.arange(2000, dtype="f4").reshape(40, 50)
    black, white = 999.5, 1999.0
    expected = 255 * np.clip((ramp - black) / (white - black), 0, 1) ** (1 / 2.5)
    found = shown(tmp_path, ramp, quality=100)[::-1]
    assert np.abs(found - expected)[:, 8:-8].max() <= 12  # what JPEG makes of steep ends of rows
    assert np.abs(found - expected).mean() < 4


def test_white_is_the_limit_of_zscale_and_not_the_brightest_star(tmp_path: Path) -> None:
    pixels = SEEDED.normal(1000, 10, (200, 200)).astype("f4")
    pixels[100:110, 100:110] = 60_000
    pixels[50:58, 50:58] = 1400  # many times the noise, yet nothing beside the star
    levels = shown(tmp_path, pixels, quality=95)
    assert levels[200 - 54, 54] > 240
    assert levels.mean() < 100


@pytest.mark.parametrize("value", [0, 7, 1e20, -3.5])
def test_a_constant_image_is_of_medium_brightness(tmp_path: Path, value: float) -> None:
    levels = shown(tmp_path, np.full((30, 40), value, "f4"))
    assert np.abs(levels - 255 * 0.5 ** (1 / 2.5)).max() <= 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_value_are_black(tmp_path: Path, value: float) -> None:
    pixels = SEEDED.normal(1000, 10, (64, 64)).astype("f4") + 50 * np.arange(64, dtype="f4")
    pixels[:, 32:] = value
    levels = shown(tmp_path, pixels)
    assert levels[:, 40:].max() <= 8
    assert levels[:, 16:30].mean() > 100
    assert shown(tmp_path, np.full((20, 20), value, "f4")).max() == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (10, 10), (44, 45), (3, 1)])
def test_images_of_few_pixels_work(tmp_path: Path, shape: tuple[int, int]) -> None:
    shown(tmp_path, SEEDED.normal(size=shape).astype("f4"))


@pytest.mark.parametrize("shape", [(30, 20), (2000, 3), (1, 5000), (1000, 2000), (2001, 1999)])
def test_samples_are_about_2000_of_the_whole_image(shape: tuple[int, int]) -> None:
    values = sampled(np.arange(np.prod(shape), dtype="f8").reshape(shape))
    assert min(2000, int(np.prod(shape))) <= len(values) * 1.1
    assert len(values) <= 8000
    assert np.median(values) == pytest.approx(np.prod(shape) / 2, rel=0.03)


def test_samples_are_found_where_the_grid_meets_none() -> None:
    pixels = np.full((1000, 1000), np.nan)
    pixels[0, :5] = 3
    assert sampled(pixels).tolist() == [3] * 5


def test_of_a_cube_the_first_plane_is_shown(tmp_path: Path) -> None:
    cube = np.zeros((2, 3, 20, 20), "f4")
    cube[0, 0, :, 10:] = np.arange(200).reshape(20, 10)
    cube[1] = cube[0, 1] = 1e6
    assert (shown(tmp_path, cube) == shown(tmp_path, cube[0, 0])).all()


@pytest.mark.parametrize("dtype", ["i2", "u2", "i4", "f4"])
def test_packed_images_are_read(tmp_path: Path, dtype: str) -> None:
    pixels = np.arange(1200).reshape(30, 40).astype(dtype)
    packed = fits.CompImageHDU(pixels, quantize_level=0, compression_type="GZIP_2")
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(tmp_path / "a.fits.fz")
    levels = np.asarray(picture(tmp_path / "a.fits.fz")).astype(int)[..., 0]
    assert np.abs(levels - shown(tmp_path, pixels)).max() <= 2


def test_stars_of_packed_images_are_not_skipped(tmp_path: Path) -> None:
    pixels = SEEDED.normal(1000, 10, (800, 800)).astype("i2")
    pixels[101:104, 101:104] += 20_000  # between two rows that a step of 4 would read
    packed = fits.CompImageHDU(pixels, compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(tmp_path / "a.fits.fz")
    levels = np.asarray(picture(tmp_path / "a.fits.fz")).astype(int)[..., 0]
    around = levels[200 - 28 : 200 - 23, 23:28]
    assert around.max() > levels[:100].max()


def test_the_median_option_darkens_and_brightens(tmp_path: Path) -> None:
    pixels = SEEDED.normal(1000, 10, (200, 200)).astype("f4")
    pixels[:, :20] -= 30
    pixels[:, 20:40] += 30
    plain = shown(tmp_path, pixels, quality=100)
    centred = shown(tmp_path, pixels, quality=100, median=True)
    above = np.maximum(plain - np.median(plain), 0)
    expected = np.clip(above * 255 / np.percentile(above, 99.5), 0, 255)
    assert np.median(centred) <= 3
    assert np.abs(centred - expected).max() <= 6  # what JPEG does twice
    low = shown(tmp_path, pixels, quality=100, median=True, percentile=60)
    assert (low > 250).mean() > 5 * (centred > 250).mean()
    for percentile in (0, 100):
        shown(tmp_path, pixels, median=True, percentile=percentile)


def test_quality_is_that_of_the_jpeg(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", SEEDED.normal(size=(200, 200)).astype("f4"))
    sizes = [
        len(render_thumbnail(tmp_path / "a.fits", ThumbnailSpec(quality=quality)))
        for quality in (1, 50, 80, 100)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] / 5


def written(tmp_path: Path, label: str, shape: tuple[int, int] = (200, 200)) -> Pixels:
    """Give the pixels that a label makes white on a black picture."""
    levels = shown(tmp_path, np.full(shape, np.nan, "f4"), label=label, quality=95)
    return np.argwhere(levels > 128)


def test_a_label_stands_in_the_lower_left_corner(tmp_path: Path) -> None:
    lit = written(tmp_path, "M67")
    assert lit[:, 1].min() in range(4, 8)
    assert lit[:, 1].max() < 60
    assert lit[:, 0].min() >= 200 - 4 - 26
    assert lit[:, 0].max() <= 200 - 4
    assert 12 <= np.ptp(lit[:, 0]) <= 20  # capitals of a font of 20 px


def test_a_long_label_shrinks_until_it_fits(tmp_path: Path) -> None:
    short, long = written(tmp_path, "M67"), written(tmp_path, "M67 and a few more words on it")
    assert long[:, 1].max() <= 200 - 4
    assert np.ptp(long[:, 0]) < np.ptp(short[:, 0])


@pytest.mark.parametrize(
    "label", ["Größe β Cen 日本 🔭", "x" * 5000, "two\nlines", "\u202e%s\\", "é"]
)
def test_no_label_fails(tmp_path: Path, label: str) -> None:
    written(tmp_path, label, (3, 5))
    written(tmp_path, label)


def test_a_missing_font_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: float) -> ImageFont.FreeTypeFont:
        raise ImportError("The _imagingft C module is not installed")

    monkeypatch.setattr(ImageFont, "load_default", missing)
    assert not written(tmp_path, "M67").size


def test_a_spectrum_is_plotted(tmp_path: Path) -> None:
    levels = shown(tmp_path, np.sin(np.linspace(0, 9, 4000)).astype("f4"))
    assert levels.shape == (100, 200)
    assert 0.005 < (levels > 128).mean() < 0.3
    assert shown(tmp_path, np.arange(400, dtype="f4"), height_px=20).shape == (20, 40)


def test_a_file_without_an_image_is_refused(tmp_path: Path) -> None:
    fits.PrimaryHDU().writeto(tmp_path / "a.fits")
    with pytest.raises(NoImageError):
        render_thumbnail(tmp_path / "a.fits", ThumbnailSpec())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.lists(st.floats(width=32) | st.sampled_from([0.0, 3e38, -3e38]), min_size=1, max_size=5),
    st.sampled_from([0, 1]),
)
def test_no_pixels_fail(tmp_path: Path, ny: int, nx: int, values: list[float], median: int) -> None:
    pixels = np.resize(np.array(values, "f4"), (ny, nx))
    levels = shown(tmp_path, pixels, median=bool(median))
    assert levels.shape in {(ny, nx), (100, 200)}  # a line is plotted
