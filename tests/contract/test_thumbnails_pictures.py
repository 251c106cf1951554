"""The LCO thumbnail service: parameters, links and pictures (THU §2, §3)."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.identity import ANONYMOUS
from app.core.offload import Offload
from app.db.engine import Sessions
from app.previews.thumbnail_models import ThumbnailSpec
from tests.support.archive import an_archive, settings_in
from tests.support.clocks import MovingClock
from tests.support.frames import FUTURE
from tests.support.serving import Served, served
from tests.support.thumbnail_frames import (
    a_shown_frame,
    path_of,
    picture_at,
    ramp,
    refused,
    thumbnail,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload, clock: MovingClock
) -> AsyncIterator[Served]:
    settings = settings_in(tmp_path, link_lifetime_s=60)
    async with served(an_archive(settings, sessions, engine, offload, clock)) as api:
        yield api


@pytest.fixture
def calls(api: Served, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give what the child processes were asked to do."""
    asked: list[Any] = []
    call: Callable[..., Any] = api.archive.offload.call

    async def counted(task: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # any task
        asked.append(task)
        return await call(task, *args, **kwargs)

    monkeypatch.setattr(api.archive.offload, "call", counted)
    return asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name in ("width", "height") for value in ("0", "-1", "4001", "1e3")],
        *[("width", value) for value in ("abc", "1.5", "nan", "٣", "1_0", "9" * 5000, "2;3")],
        *[("quality", value) for value in ("0", "101", "-5", "good", "80.5")],
        *[("percentile", value) for value in ("-0.1", "100.1", "nan", "-inf", "x", "1_0")],
        *[("color", value) for value in ("2", "red", "truefalse")],
        ("median", "maybe"),
    ],
)
async def test_thu_10_bad_values_are_named(api: Served, name: str, value: str) -> None:
    expected = (400, f"Invalid value for {name}")
    assert refused(await api.get("/thumbnails/1/", **{name: value})) == expected


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("", (200, 100)),
        ("width=100", (100, 50)),
        ("height=40", (80, 40)),
        ("width=4000&height=4000", (400, 200)),
        ("width=1&height=1", (1, 1)),
        ("width=&height=", (200, 100)),
        ("width=20&width=60", (60, 30)),
        ("width=+60", (60, 30)),
        ("percentile=0&quality=1", (200, 100)),
        ("percentile=100&median=1&quality=100", (200, 100)),
        ("color=&median=0&color=false", (200, 100)),
        ("unknown=1", (200, 100)),
        ("label=", (200, 100)),
        ("image=", (200, 100)),
    ],
)
async def test_thu_10_good_values_work(api: Served, query: str, size: tuple[int, int]) -> None:
    made = await a_shown_frame(api, ramp((200, 400)))
    assert (await thumbnail(api, f"/thumbnails/{made.id}/?{query}")).size == size


async def test_thu_10_the_cap_is_a_setting(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, thumbnail_max_px=300)
    async with served(an_archive(settings, sessions, engine, offload)) as api:
        made = await a_shown_frame(api)
        assert (await api.get(f"/thumbnails/{made.id}/", width=300)).status_code == 200
        answer = await api.get(f"/thumbnails/{made.id}/", height=301)
        assert refused(answer) == (400, "Invalid value for height")


async def test_thu_20_url_and_propid(api: Served) -> None:
    made = await a_shown_frame(api, proposal="LCO2026A-001")
    document = (await api.get(f"/thumbnails/{made.id}/")).json()
    assert document["propid"] == "LCO2026A-001"
    assert document["url"].startswith("http://archive.test/thumbnails/")
    bare = await a_shown_frame(api, proposal=None)
    assert (await api.get(f"/thumbnails/{bare.id}/")).json()["propid"] == ""


async def test_thu_20_the_url_works_without_a_token_for_8_hours(
    api: Served, clock: MovingClock
) -> None:
    made = await a_shown_frame(api, public_at=FUTURE, proposal="P1")
    member = await api.a_user("member", proposals=("P1",))
    url = (await api.get(f"/thumbnails/{made.id}/", member, label="a&b=c #1 ü")).json()["url"]
    await picture_at(api, url)
    clock.now += timedelta(hours=8)
    await picture_at(api, url)
    clock.now += timedelta(seconds=1)
    status, message = refused(await api.client.get(url))
    assert status == 403
    assert "expired" in message


async def test_thu_20_the_url_opens_one_version_in_one_shape(api: Served) -> None:
    made = await a_shown_frame(api, public_at=FUTURE, proposal="P1")
    other = await a_shown_frame(api, public_at=FUTURE, proposal="P2")
    member = await api.a_user("member", proposals=("P1",))
    url = (await api.get(f"/thumbnails/{made.id}/", member, width=90)).json()["url"]
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    forged: list[dict[str, str]] = [
        query | {"width": "91"},
        query | {"height": "90"},
        query | {"label": "x"},
        query | {"expires": str(int(query["expires"]) + 1)},
        query | {"expires": "x"},
        query | {"signature": "0" * 64},
        query | {"signature": "ü"},
        query | {"of": query["of"].replace(str(made.id), str(other.id), 1)},
        query | {"of": f"{query['of']},{query['of']}"},
        query | {"of": "x"},
        {name: value for name, value in query.items() if name != "signature"},
        {},
    ]
    for each in forged:
        answer = await api.client.get(f"{parts.path}?{urlencode(each)}")
        assert refused(answer)[0] == 403, each
    path = parts.path.replace(str(made.id), str(other.id))
    assert refused(await api.client.get(f"{path}?{parts.query}"))[0] == 403


async def test_thu_20_a_link_outlives_the_cache_and_a_new_version(api: Served) -> None:
    made = await a_shown_frame(api, ramp((10, 30)), "tst-1")
    url = (await api.get("/thumbnails/tst-1/")).json()["url"]
    for picture in api.archive.settings.previews_dir.rglob("*.jpg"):
        picture.unlink()
    await a_shown_frame(api, ramp((10, 40)), "tst-1")
    assert (await picture_at(api, url)).size == (30, 10)
    assert (await thumbnail(api, f"/thumbnails/{made.id}/")).size == (40, 10)


async def test_thu_20_image_redirects(api: Served) -> None:
    made = await a_shown_frame(api)
    for value in ("1", "true", "x", "false"):
        answer = await api.get(f"/thumbnails/{made.id}/", width=30, image=value)
        assert answer.status_code == 302
        assert (await picture_at(api, answer.headers["location"])).size == (30, 15)
        assert path_of(answer.headers["location"]) == f"/thumbnails/pictures/{made.id}.jpg"


async def test_thu_20_the_picture_is_a_file_like_any_other(api: Served) -> None:
    made = await a_shown_frame(api, basename="tst-1")
    url = (await api.get(f"/thumbnails/{made.id}/")).json()["url"]
    whole = await api.client.get(url)
    assert whole.headers["content-disposition"] == "inline; filename=tst-1.jpg"
    assert whole.headers["content-length"] == str(len(whole.content))
    again = await api.client.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    assert (await api.client.head(url)).headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize("packed", [False, True])
async def test_thu_21_small_frames_stay_and_large_ones_fit(api: Served, packed: bool) -> None:  # noqa: FBT001  # parametrized
    small = await a_shown_frame(api, ramp((50, 100)), packed=packed)
    large = await a_shown_frame(api, ramp((500, 1000)), packed=packed)
    assert (await thumbnail(api, f"/thumbnails/{small.id}/")).size == (100, 50)
    assert (await thumbnail(api, f"/thumbnails/{large.id}/")).size == (200, 100)


@pytest.mark.parametrize("packed", [False, True])
async def test_thu_22_the_lower_left_is_below_and_left(api: Served, packed: bool) -> None:  # noqa: FBT001  # parametrized
    pixels = np.random.default_rng(3).normal(100, 3, (200, 200)).astype("f4")
    pixels[:100, :100] += 200
    made = await a_shown_frame(api, pixels, packed=packed)
    levels = np.asarray(await thumbnail(api, f"/thumbnails/{made.id}/"))[..., 0].astype(int)
    lower_left = levels[110:, :90].mean()
    others = levels[:90, :90].mean(), levels[:90, 110:].mean(), levels[110:, 110:].mean()
    assert lower_left > 2 * max(map(float, others))


async def test_thu_21_22_odd_frames_work(api: Served) -> None:
    random = np.random.default_rng(4)
    gaps = random.normal(size=(40, 60)).astype("f4")
    gaps[10:20], gaps[20:30] = np.nan, np.inf
    cube = random.integers(0, 60000, (3, 40, 60)).astype("u2")
    for pixels, size in (
        (random.integers(0, 9, (10, 10)).astype("i2"), (10, 10)),
        (gaps, (60, 40)),
        (cube, (60, 40)),
        (np.zeros((30, 40), "i4"), (40, 30)),
        (np.full((30, 40), np.nan, "f8"), (40, 30)),
    ):
        made = await a_shown_frame(api, pixels)
        assert (await thumbnail(api, f"/thumbnails/{made.id}/", label="M 67 ü")).size == size


async def test_thu_21_a_label_is_written(api: Served) -> None:
    made = await a_shown_frame(api, np.full((200, 300), np.nan, "f4"))
    plain = np.asarray(await thumbnail(api, f"/thumbnails/{made.id}/"))
    labelled = np.asarray(await thumbnail(api, f"/thumbnails/{made.id}/", label="M67"))
    assert plain.max() == 0
    lit = np.argwhere(labelled[..., 0] > 200)
    assert lit[:, 0].min() > 133 - 30
    assert lit[:, 1].max() < 70


async def test_thu_23_a_picture_is_rendered_once(
    api: Served, calls: list[Any], clock: MovingClock
) -> None:
    made = await a_shown_frame(api)
    urls = set()
    for query in ("?width=90&label=x", "?label=x&width=90&unknown=2", "?width=90&label=x&image=1"):
        answer = await api.get(f"/thumbnails/{made.id}/{query}")
        url = answer.headers.get("location") or answer.json()["url"]
        await picture_at(api, url)
        urls.add(url)
        clock.now += timedelta(minutes=1)
    assert len(calls) == 1
    assert len(urls) == 3  # each is fresh
    await thumbnail(api, f"/thumbnails/{made.id}/", width=91, label="x")
    assert len(calls) == 2


async def test_thu_23_those_who_ask_at_once_share_it(api: Served, calls: list[Any]) -> None:
    made = await a_shown_frame(api)
    frame = await api.archive.thumbnails.find(made.basename, ANONYMOUS)
    spec = ThumbnailSpec(width_px=50)
    pictures = await asyncio.gather(
        *[api.archive.thumbnails.picture(frame.versions[:1], spec) for _ in range(8)]
    )
    assert len(calls) == 1
    assert len(set(pictures)) == 1


async def test_thu_23_a_new_version_has_a_new_picture(api: Served) -> None:
    await a_shown_frame(api, ramp((10, 30)), "tst-1")
    assert (await thumbnail(api, "/thumbnails/tst-1/")).size == (30, 10)
    await a_shown_frame(api, ramp((10, 40)), "tst-1")
    assert (await thumbnail(api, "/thumbnails/tst-1/")).size == (40, 10)


async def test_thu_23_the_name_of_a_picture_is_the_same_in_every_process() -> None:
    code = (
        "from app.previews.thumbnail_models import ThumbnailSpec as S;"
        "print(S(width_px=90, label='ü', median=True, percentile=98.0).cache_key())"
    )
    names = {await asyncio.to_thread(_printed, code, seed) for seed in ("1", "2")}
    here = ThumbnailSpec(width_px=90, label="ü", median=True, percentile=98.0).cache_key()
    assert names == {here}


def _printed(code: str, seed: str) -> str:
    """Give what a process of its own prints."""
    command, environment = [sys.executable, "-c", code], {"PYTHONHASHSEED": seed}
    return subprocess.check_output(command, env=environment, text=True).strip()  # noqa: S603  # our own code


async def test_thu_23_every_parameter_counts() -> None:
    wishes = [
        ThumbnailSpec(),
        ThumbnailSpec(width_px=100),
        ThumbnailSpec(height_px=100),
        ThumbnailSpec(label="100"),
        ThumbnailSpec(color=True),
        ThumbnailSpec(median=True),
        ThumbnailSpec(percentile=100),
        ThumbnailSpec(quality=100),
    ]
    assert len({wish.cache_key() for wish in wishes}) == len(wishes)
    for wish in wishes:
        assert ThumbnailSpec.parse(dict(parse_qsl(wish.query()))) == wish
