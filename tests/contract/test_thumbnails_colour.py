"""The LCO thumbnail service: pictures in colour (THU §4)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, OBSERVED, Made
from tests.support.serving import Served, served
from tests.support.thumbnail_frames import (
    a_request_in_colour,
    a_shown_frame,
    picture_at,
    refused,
    thumbnail,
)

pytestmark = pytest.mark.asyncio

MISSING = (404, "RVB frames not found")
DARK = np.full((40, 60), np.nan, "f4")
SHADES = {"R": 0, "rp": 0, "V": 1, "B": 2}


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    async with served(an_archive(settings_in(tmp_path), sessions, engine, offload)) as api:
        yield api


async def a_channel(api: Served, name: str, *, lit: bool = False, **wish: Any) -> Made:  # noqa: ANN401  # of a_frame
    """File a frame of request 5 that is black, or of medium brightness."""
    pixels = np.ones((40, 60), "f4") if lit else DARK
    given = {"filter_name": name, "request_id": 5, "request_text": "5", "reduction_level": 91}
    return await a_shown_frame(api, pixels, **{**given, **wish})


async def dark_channels(api: Served, *names: str, **wish: Any) -> Made:  # noqa: ANN401  # of a_frame
    """File black channels; give the last one."""
    return [await a_channel(api, name, **wish) for name in names][-1]


def color(picture: Image.Image) -> list[bool]:
    """Say which of red, green and blue are lit in the middle of a picture."""
    levels: NDArray[Any] = np.asarray(picture)
    return [bool(level > 100) for level in levels[20, 30]]


def only(channel: int) -> list[bool]:
    return [each == channel for each in range(3)]


@pytest.mark.parametrize("name", SHADES)
async def test_thu_30_filters_are_the_channels(api: Served, name: str) -> None:
    others = [each for each in ("R", "V", "B") if SHADES[each] != SHADES[name]]
    made = await dark_channels(api, *others)
    await a_channel(api, name, lit=True)
    picture = await thumbnail(api, f"/thumbnails/{made.id}/", color="true", quality=100)
    assert picture.size == (60, 40)
    assert color(picture) == only(SHADES[name])


@pytest.mark.parametrize("newer", ["R", "rp"])
async def test_thu_30_the_newest_frame_is_taken(api: Served, newer: str) -> None:
    made = await dark_channels(api, "R", "rp", "V", "B")
    later, earlier = OBSERVED + timedelta(hours=1), OBSERVED - timedelta(hours=1)
    await a_channel(api, newer, lit=True, observed_at=later)
    await a_channel(api, "V", lit=True, observed_at=earlier)
    await a_channel(api, "B", lit=True, observed_at=None)
    picture = await thumbnail(api, f"/thumbnails/{made.id}/", color=1, quality=100)
    assert color(picture) == only(0)


async def test_thu_30_only_reduced_frames_of_the_request_count(api: Served) -> None:
    made = await dark_channels(api, "R", "V", "B")
    later = OBSERVED + timedelta(hours=1)
    await a_channel(api, "R", lit=True, observed_at=later, reduction_level=11)
    await a_channel(api, "V", lit=True, observed_at=later, request_id=6, request_text="6")
    await a_channel(api, "B", lit=True, observed_at=later, public_at=FUTURE, proposal="P1")
    await a_channel(api, "v", lit=True, observed_at=later)
    picture = await thumbnail(api, f"/thumbnails/{made.id}/", color=1, quality=100)
    assert color(picture) == [False] * 3
    member = await api.a_user("member", proposals=("P1",))
    picture = await thumbnail(api, f"/thumbnails/{made.id}/", member, color=1, quality=100)
    assert color(picture) == only(2)


async def test_thu_30_a_raw_frame_of_the_request_may_ask(api: Served) -> None:
    await dark_channels(api, "R", "V", "B")
    raw = await a_channel(api, "w", lit=True, reduction_level=0, observation_type="STANDARD")
    picture = await thumbnail(api, f"/thumbnails/{raw.id}/", color=1)
    assert color(picture) == [False] * 3


@pytest.mark.parametrize(
    ("value", "is_color"),
    [("true", True), ("True", True), ("1", True), ("yes", True)]
    + [(each, False) for each in ("false", "False", "0", "no", "")],
)
async def test_thu_30_one_rule_tells_colour(api: Served, value: str, is_color: bool) -> None:  # noqa: FBT001  # parametrized
    bias = await a_shown_frame(api, observation_type="BIAS", request_id=5)
    answer = await api.get(f"/thumbnails/{bias.id}/?color={value}")
    assert (answer.status_code == 400) is is_color


async def test_thu_30_the_link_opens_private_channels(api: Served) -> None:
    await dark_channels(api, "R", "V", public_at=FUTURE, proposal="P1")
    made = await a_channel(api, "B", lit=True, public_at=FUTURE, proposal="P1")
    member = await api.a_user("member", proposals=("P1",))
    url = (await api.get(f"/thumbnails/{made.id}/", member, color=1)).json()["url"]
    assert color(await picture_at(api, url)) == only(2)
    later = OBSERVED + timedelta(hours=1)
    await a_channel(api, "V", lit=True, observed_at=later)
    assert color(await picture_at(api, url)) == only(2)  # what it was made of


async def test_thu_31_the_stars_coincide(api: Served) -> None:
    made = await a_request_in_colour(api)
    path = f"/thumbnails/{made['V'].id}/?color=true&width=400&height=300&quality=100"
    picture = await thumbnail(api, path)
    assert picture.size == (400, 300)
    levels = np.asarray(picture).astype(float)[20:-20, 20:-20]
    bright = levels[..., 0] > 250
    assert bright.sum() > 50
    for other in (1, 2):
        assert levels[..., other][bright].mean() > 200


async def test_thu_31_without_stars_each_is_cropped_to_the_smallest(api: Served) -> None:
    for name, shape in {"R": (60, 80), "V": (40, 100), "B": (90, 50)}.items():
        image = np.full(shape, np.nan, "f4")
        image[shape[0] // 2 - 3 : shape[0] // 2 + 3, shape[1] // 2 - 3 : shape[1] // 2 + 3] = 5
        await a_shown_frame(
            api, image, f"tst-{name}", filter_name=name, request_id=9, reduction_level=91
        )
    picture = await thumbnail(api, "/thumbnails/tst-V/", color=1, quality=100)
    assert picture.size == (50, 40)
    lit = np.argwhere(np.asarray(picture).min(axis=2) > 100)
    assert lit.mean(axis=0) == pytest.approx([19.5, 24.5], abs=1)


@pytest.mark.parametrize("missing", ["R", "V", "B"])
async def test_thu_32_a_channel_is_missing(api: Served, missing: str) -> None:
    made = await dark_channels(api, *[name for name in ("R", "V", "B") if name != missing])
    assert refused(await api.get(f"/thumbnails/{made.id}/", color="true")) == MISSING
    assert (await api.get(f"/thumbnails/{made.id}/")).status_code == 200


async def test_thu_32_a_hidden_channel_is_missing(api: Served) -> None:
    made = await dark_channels(api, "R", "V")
    await a_channel(api, "B", public_at=FUTURE, proposal="P1")
    assert refused(await api.get(f"/thumbnails/{made.id}/", color="true")) == MISSING


async def test_thu_31_the_cache_tells_the_channels_apart(api: Served) -> None:
    made = await dark_channels(api, "R", "V", "B")
    path = f"/thumbnails/{made.id}/"
    assert color(await thumbnail(api, path, color=1)) == [False] * 3
    await a_channel(api, "V", lit=True, observed_at=OBSERVED + timedelta(hours=1))
    assert color(await thumbnail(api, path, color=1)) == only(1)
    assert color(await thumbnail(api, path)) == [False] * 3
