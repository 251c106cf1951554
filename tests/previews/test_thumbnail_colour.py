"""Colour thumbnails: the stars of three exposures coincide, or the images are taken as they are."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.core.errors import InvalidError
from app.previews.colour import render_color
from app.previews.colour_alignment import matched, star_field
from app.previews.thumbnail_models import ThumbnailSpec
from tests.support.star_fields import Pointing, exposure, positions, stars, write

Pixels = NDArray[Any]
FIELD = stars()
BRIGHT = FIELD[np.argsort(-FIELD[:, 2])][:12]


def composed(tmp_path: Path, *images: Pixels, **wish: Any) -> Pixels:  # noqa: ANN401  # any field
    paths = [write(tmp_path / f"{i}.fits", image) for i, image in enumerate(images)]
    spec = ThumbnailSpec(**{"width_px": 400, "height_px": 400, "quality": 100, **wish})
    picture = Image.open(io.BytesIO(render_color(paths, spec)))
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    levels: Pixels = np.asarray(picture).astype(int)[::-1]
    return levels


def centroid(levels: Pixels, x: float, y: float, reach_px: int = 5) -> Pixels:
    """Give the centre of light around a position."""
    left, lower = round(x) - reach_px, round(y) - reach_px
    cut = np.clip(
        levels[lower : lower + 2 * reach_px + 1, left : left + 2 * reach_px + 1] - 100, 0, None
    )
    rows, columns = np.indices(cut.shape)
    light = np.array([(columns * cut).sum(), (rows * cut).sum()])
    centre: Pixels = light / cut.sum() + (left, lower)
    return centre


def lonely(places: Pixels, size_px: tuple[int, int]) -> Pixels:
    """Keep positions well inside that no other star disturbs."""
    kept = [
        place
        for place in places[:12]
        if np.sort(np.hypot(*(places - place).T))[1] > 16
        and (place > 20).all()
        and (place < np.array(size_px) - 20).all()
    ]
    assert len(kept) >= 3
    return np.array(kept)


@pytest.mark.parametrize(
    "moved",
    [
        Pointing(),
        Pointing((6.3, -4.6)),
        Pointing((-25.0, 18.0)),
        Pointing((3.0, 2.0), 2.5),
        Pointing(rotation_deg=180),
        Pointing((4.0, -7.0), -30),
        Pointing((2.0, 5.0), shape=(340, 460)),
        Pointing((2.0, 5.0), 1.0, (450, 600), 1.4),
    ],
    ids=str,
)
def test_the_stars_of_three_exposures_coincide(tmp_path: Path, moved: Pointing) -> None:
    order = FIELD[np.argsort(-FIELD[:, 2])]
    levels = composed(
        tmp_path,
        exposure(FIELD, seed=1),
        exposure(FIELD, moved, seed=2),
        exposure(FIELD, Pointing((-3.4, 2.2)), seed=3),
    )
    assert levels.shape == (300, 400, 3)
    for x, y in lonely(positions(order, Pointing()), (400, 300)):
        centres = [centroid(levels[..., channel], x, y) for channel in range(3)]
        assert np.abs(np.array(centres) - (x, y)).max() < 0.7, (x, y, centres)


def test_a_small_picture_of_large_frames_is_aligned_too(tmp_path: Path) -> None:
    images = [
        np.kron(exposure(FIELD, pointing, seed), np.ones((8, 8), "f4"))
        for seed, pointing in enumerate([Pointing(), Pointing((9.0, -6.0), 1.0), Pointing()])
    ]
    levels = composed(tmp_path, *images, width_px=400, height_px=300)
    assert levels.shape == (300, 400, 3)
    red, green = levels[60:-60, 60:-60, 0].ravel(), levels[60:-60, 60:-60, 1].ravel()
    assert np.corrcoef(red, green)[0, 1] > 0.5


def test_without_stars_the_images_are_taken_as_they_are(tmp_path: Path) -> None:
    flat = [np.random.default_rng(seed).normal(100, 1, (60, 80)).astype("f4") for seed in range(3)]
    flat[0][:30, :40] += 50
    flat[1][30:, :40] += 50
    flat[2][30:, 40:] += 50
    levels = composed(tmp_path, *flat)
    assert levels.shape == (60, 80, 3)
    quarters = levels[:30, :40], levels[30:, :40], levels[30:, 40:]
    for channel, quarter in enumerate(quarters):
        means = quarter.reshape(-1, 3).mean(axis=0)
        assert np.argmax(means) == channel
        assert means[channel] > 1.5 * np.sort(means)[1]


def test_what_cannot_be_aligned_is_cropped_centrally_to_the_smallest(tmp_path: Path) -> None:
    images = [np.zeros(shape, "f4") + np.nan for shape in ((60, 80), (40, 100), (90, 50))]
    for image in images:  # the middle pixels are the only ones with a value
        ny, nx = image.shape
        image[ny // 2 - 3 : ny // 2 + 3, nx // 2 - 3 : nx // 2 + 3] = 5
    levels = composed(tmp_path, *images)
    assert levels.shape == (40, 50, 3)
    lit = np.argwhere(levels.min(axis=2) > 100)
    assert lit.mean(axis=0) == pytest.approx([19.5, 24.5], abs=1)
    assert len(lit) in range(25, 50)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (10, 10), (17, 17), (3, 700)])
def test_small_images_work(tmp_path: Path, shape: tuple[int, int]) -> None:
    images = [np.random.default_rng(seed).normal(size=shape).astype("f4") for seed in range(3)]
    levels = composed(tmp_path, *images)
    assert levels.shape[0] <= shape[0]
    assert levels.shape[1] <= shape[1]


def test_gaps_do_not_hinder_the_alignment(tmp_path: Path) -> None:
    images = [exposure(FIELD, Pointing((i * 5.0, 0)), i) for i in range(3)]
    for image in images:
        image[:, 190:200] = np.nan
        image[5, 7] = np.inf
    fields = [star_field(np.where(np.isfinite(i), i, np.nan), (400, 300)) for i in images]
    matrix = matched(fields[1], fields[0])
    assert matrix is not None
    assert matrix[:2, 2] == pytest.approx([-5, 0], abs=0.5)
    composed(tmp_path, *images)


def test_a_match_that_cannot_be_is_none() -> None:
    one = star_field(exposure(FIELD), (400, 300))
    other = star_field(exposure(stars(seed=99), seed=2), (400, 300))
    assert matched(other, one) is None
    far = Pointing((0.0, 0.0), 0.0, (300, 400), 0.4)
    assert matched(star_field(exposure(FIELD, far), (400, 300)), one) is None


def test_damaged_channels_are_refused(tmp_path: Path) -> None:
    good = write(tmp_path / "good.fits", exposure(FIELD))
    bad = tmp_path / "bad.fits"
    bad.write_bytes(good.read_bytes()[:2880])
    with pytest.raises(InvalidError):
        render_color([good, bad, good], ThumbnailSpec())
