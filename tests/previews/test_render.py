"""Pictures: the promised size, the right way up, sensible for odd images, and never a surprise."""

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from app.core.errors import ArchiveError
from app.fits.results import NoImageError
from app.previews.models import ColorMap, Interval, PictureFormat, PreviewSpec, Stretch
from app.previews.render import render

Pixels = NDArray[Any]
Wish = Any
"""Fields of a PreviewSpec."""


def picture(path: Path, **wish: Wish) -> Image.Image:
    spec = PreviewSpec(**wish)
    opened = Image.open(io.BytesIO(render(path, spec)))
    opened.load()
    assert (opened.format or "").lower() == spec.format
    return opened


def shown(tmp_path: Path, pixels: Pixels, **wish: Wish) -> Image.Image:
    fits.writeto(tmp_path / "a.fits", pixels, overwrite=True)
    return picture(tmp_path / "a.fits", **wish)


def test_the_width_is_as_asked_and_the_height_in_proportion(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).normal(size=(300, 400)).astype("f4")
    assert shown(tmp_path, pixels).size == (600, 450)
    assert shown(tmp_path, pixels, width_px=200).size == (200, 150)
    assert shown(tmp_path, pixels, width_px=1).size == (1, 1)
    assert shown(tmp_path, pixels[:10, :10], width_px=200).size == (200, 200)


def test_row_0_is_at_the_bottom_and_column_0_at_the_left(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4), "f4")
    pixels[0, 0] = 1
    levels = np.asarray(shown(tmp_path, pixels, width_px=40, interval=Interval.MINMAX))
    assert levels.shape == (40, 40)
    assert (levels[30:, :10] == 255).all()
    assert levels.sum() == 255 * 100


def test_small_images_are_enlarged_without_smoothing(tmp_path: Path) -> None:
    pixels = np.arange(9, dtype="f4").reshape(3, 3)
    levels = np.asarray(shown(tmp_path, pixels, width_px=300, interval=Interval.MINMAX))
    assert len(np.unique(levels)) == 9


@pytest.mark.parametrize("stretch", Stretch)
@pytest.mark.parametrize("cmap", ColorMap)
@pytest.mark.parametrize("format_", PictureFormat)
def test_every_choice_is_drawn(
    tmp_path: Path, stretch: Stretch, cmap: ColorMap, format_: PictureFormat
) -> None:
    pixels = np.linspace(0, 1, 64, dtype="f4").reshape(8, 8)
    drawn = shown(
        tmp_path,
        pixels,
        width_px=8,
        stretch=stretch,
        cmap=cmap,
        format=format_,
        interval=Interval.MINMAX,
    )
    levels = np.asarray(drawn.convert("RGB")).astype(int)
    assert np.abs(levels - levels[-1, 0]).max() > 100  # low is told from what is higher


def test_limits_are_those_that_were_asked_for(tmp_path: Path) -> None:
    pixels = np.arange(101, dtype="f4").repeat(101).reshape(101, 101).T.copy()

    def row(**wish: Wish) -> Pixels:
        levels: Pixels = np.asarray(shown(tmp_path, pixels, width_px=101, **wish))
        return np.array(levels[50])

    percentiles = row(interval=Interval.PERCENTILE, lower=5.0, upper=95.0)
    assert (percentiles[:6] == 0).all()
    assert (percentiles[95:] == 255).all()
    assert percentiles[50] in (127, 128)
    explicit = row(interval=Interval.MINMAX, lower=20.0, upper=40.0)
    assert (explicit[:21] == 0).all()
    assert (explicit[40:] == 255).all()
    assert (np.diff(explicit[20:40].astype(int)) > 0).all()
    bright = row(interval=Interval.MINMAX, stretch=Stretch.LOG)
    assert (bright >= row(interval=Interval.MINMAX)).all()


def test_nan_is_transparent_or_of_the_lowest_colour(tmp_path: Path) -> None:
    pixels = np.ones((10, 10), "f4")
    pixels[:, 5:] = 2
    pixels[0, 0] = np.nan
    for format_ in (PictureFormat.PNG, PictureFormat.WEBP):
        alpha = np.asarray(shown(tmp_path, pixels, width_px=10, format=format_).convert("RGBA"))[
            ..., 3
        ]
        assert alpha[9, 0] == 0
        assert (np.delete(alpha.ravel(), 90) == 255).all()
    inverted = shown(
        tmp_path, pixels * 0 + np.nan, width_px=16, format=PictureFormat.JPEG, cmap=ColorMap.GRAY_R
    )
    assert np.asarray(inverted).min() > 240


def test_a_constant_image_is_of_medium_brightness(tmp_path: Path) -> None:
    assert set(np.unique(np.asarray(shown(tmp_path, np.full((9, 9), 7, "i2"))))) <= {127, 128}


@pytest.mark.parametrize("shape", [(500,), (1, 5000), (5000, 1), (4, 1, 300)])
def test_lines_are_plotted(tmp_path: Path, shape: tuple[int, ...]) -> None:
    line = np.sin(np.arange(np.prod(shape)) / 30).astype("f4").reshape(shape)
    drawn = shown(tmp_path, line, width_px=300)
    assert drawn.size == (300, 150)
    levels = np.asarray(drawn)
    assert (levels.max(axis=0) == 255).all()  # every column has its piece of the curve
    assert (levels == 255).mean() < 0.9
    assert levels[0].any()
    assert levels[-1].any()


def test_gaps_in_a_line_stay_gaps_and_spikes_are_not_lost(tmp_path: Path) -> None:
    line = np.zeros(100_000, "f4")
    line[50_001] = 100
    line[20_000:30_000] = np.nan
    levels = np.asarray(shown(tmp_path, line, width_px=100))
    assert not levels[:, 22:28].any()
    assert levels[0, 48:53].any()


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((2, 3000), (200, 5)),
        ((3000, 2), (200, 4096)),
        ((100_000, 3), (200, 4096)),
        ((2, 100_000), (200, 5)),
    ],
)
def test_extreme_proportions_stay_visible_and_bounded(
    tmp_path: Path, shape: tuple[int, ...], size: tuple[int, int]
) -> None:
    assert (
        shown(tmp_path, np.arange(np.prod(shape), dtype="f4").reshape(shape), width_px=200).size
        == size
    )


def test_cubes_show_their_first_plane(tmp_path: Path) -> None:
    cube = np.zeros((3, 10, 20), "f4")
    cube[0, 5:] = 1
    levels = np.asarray(shown(tmp_path, cube, width_px=20, interval=Interval.MINMAX))
    assert (levels[:5] == 255).all()
    assert (levels[5:] == 0).all()


def test_an_extension_is_chosen_by_ext(tmp_path: Path) -> None:
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(np.ones((4, 8)), name="A"),
        fits.ImageHDU(np.ones((4, 4)), name="B"),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    assert picture(tmp_path / "a.fits", width_px=80).size == (80, 40)
    assert picture(tmp_path / "a.fits", width_px=80, ext="b").size == (80, 80)
    assert picture(tmp_path / "a.fits", width_px=80, ext=2).size == (80, 80)


def test_tables_are_refused(tmp_path: Path) -> None:
    fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])]).writeto(tmp_path / "a.fits")
    with pytest.raises(NoImageError):
        render(tmp_path / "a.fits", PreviewSpec())


ARRAYS = st.one_of(
    hnp.arrays(
        st.sampled_from(["f4", "f8"]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=30),
        elements={"allow_subnormal": False},
    ),
    hnp.arrays(
        st.sampled_from(["u1", "i2", "u2", "i4", "i8"]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=30),
    ),
)
SPECS = st.builds(
    PreviewSpec,
    width_px=st.integers(1, 300),
    format=st.sampled_from(PictureFormat),
    stretch=st.sampled_from(Stretch),
    interval=st.sampled_from(Interval),
    cmap=st.sampled_from(ColorMap),
)


@given(pixels=ARRAYS, spec=SPECS)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_array_becomes_a_picture_of_the_promised_width(
    tmp_path: Path, pixels: Pixels, spec: PreviewSpec
) -> None:
    fits.writeto(tmp_path / "a.fits", pixels, overwrite=True)
    opened = Image.open(io.BytesIO(render(tmp_path / "a.fits", spec)))
    opened.load()
    assert opened.width == spec.width_px
    assert 1 <= opened.height <= 4096


@given(
    damage=st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), min_size=1, max_size=20)
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damaged_tiles_end_in_a_picture_or_an_archive_error(
    tmp_path: Path, damage: list[tuple[int, int]]
) -> None:
    pixels = np.random.default_rng(3).integers(0, 2000, (64, 64)).astype("i2")
    fits.CompImageHDU(pixels).writeto(tmp_path / "a.fits", overwrite=True)
    data = bytearray((tmp_path / "a.fits").read_bytes())
    for place, value in damage:
        data[2 * 2880 + place % (len(data) - 2 * 2880)] = value
    (tmp_path / "a.fits").write_bytes(data)
    with suppress(ArchiveError):
        picture(tmp_path / "a.fits", width_px=32)
