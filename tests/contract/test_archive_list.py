"""The list of the LCO archive: envelope, pages, order, cursors, optional members."""

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api.archive.query import WindowIn, window_of
from app.api.archive.wire import FrameListOut
from app.api.archive.wire_filters import ORDERABLE
from app.api.cursors import cursor_of, place_of
from app.db.engine import Sessions
from app.frames.places import InvalidPlaceError, Place
from tests.support.frames import FUTURE, OBSERVED, PAST, a_frame
from tests.support.lco import FRAME_KEYS, Lco, a_stub
from tests.support.lco_ingester import a_post, a_version, posted, send
from tests.support.serving import as_user

BASE = "http://archive.test/archive/frames/"
ENVELOPE = {"count", "next", "previous", "results", "count_estimated"}


async def some(sessions: Sessions, count: int) -> list[str]:
    """Make frames, one a minute; give their names, newest first."""
    for number in range(count):
        at = OBSERVED + timedelta(minutes=number)
        await a_frame(sessions, f"f{number:02d}", observed_at=at)
    return [f"f{number:02d}" for number in reversed(range(count))]


@pytest.mark.asyncio
async def test_arc_20_envelope(lco: Lco, sessions: Sessions) -> None:
    names = await some(sessions, 3)
    answer = await lco.get("frames/")
    content = answer.json()
    assert (answer.status_code, content.keys()) == (200, ENVELOPE)
    assert [item["basename"] for item in content["results"]] == names
    assert all(item.keys() == FRAME_KEYS for item in content["results"])
    assert (content["count"], content["next"], content["previous"]) == (3, None, None)
    assert FrameListOut.model_validate(content).model_dump(
        mode="json", exclude_unset=True
    ) == content  # fmt: skip


@pytest.mark.asyncio
async def test_arc_20_links(lco: Lco, sessions: Sessions) -> None:
    names = await some(sessions, 5)
    query = "SITEID=tst&OBJECT=m%2067&foo=1&OBJECT=M67&limit=2"
    first = (await lco.client.get(f"/archive/frames?{query}")).json()
    assert (first["count"], first["previous"]) == (5, None)
    parts = urlsplit(first["next"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == BASE
    kept = {"SITEID": ["tst"], "OBJECT": ["m 67", "M67"], "foo": ["1"]}
    assert parse_qs(parts.query) == kept | {"limit": ["2"], "offset": ["2"]}
    found, page = [], first
    while True:
        found += [item["basename"] for item in page["results"]]
        if page["next"] is None:
            break
        page = (await lco.client.get(page["next"])).json()
    assert found == names
    back = (await lco.client.get(page["previous"])).json()
    assert [item["basename"] for item in back["results"]] == names[2:4]
    begin = (await lco.client.get(back["previous"])).json()
    assert begin["previous"] is None


WINDOWS = [
    ({}, 100, 0),
    ({"limit": "7", "offset": "3"}, 7, 3),
    ({"limit": " 7 "}, 7, 0),
    ({"limit": "0"}, 100, 0),
    ({"limit": "-1"}, 100, 0),
    ({"limit": "many"}, 100, 0),
    ({"limit": "1.5"}, 100, 0),
    ({"limit": "1000"}, 1000, 0),
    ({"limit": "1001"}, 1000, 0),
    ({"limit": "9" * 5000}, 100, 0),
    ({"limit": "9" * 30}, 1000, 0),
    ({"offset": "-1"}, 100, 0),
    ({"offset": "x"}, 100, 0),
    ({"offset": "9" * 30}, 100, 2**63 - 1),
]


@pytest.mark.parametrize(("sent", "limit", "offset"), WINDOWS)
def test_arc_20_windows(sent: dict[str, str], limit: int, offset: int) -> None:
    window = window_of(WindowIn.model_validate(sent))
    assert (window.limit, window.offset) == (limit, offset)


@pytest.mark.asyncio
async def test_arc_20_any_window_is_served(lco: Lco, sessions: Sessions) -> None:
    await some(sessions, 2)
    for sent, limit, offset in WINDOWS:
        answer = await lco.get("frames/", **sent)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["results"]) == max(min(2 - offset, limit), 0)


@pytest.mark.asyncio
async def test_arc_21_the_count_is_exact(lco: Lco, sessions: Sessions) -> None:
    await some(sessions, 4)
    await a_frame(sessions, public_at=FUTURE)
    for sent in ({}, {"force_count": "true"}, {"force_count": "x"}):
        content = (await lco.get("frames/", limit=1, **sent)).json()
        assert (content["count"], content["count_estimated"]) == (4, False)


@pytest.mark.asyncio
async def test_arc_22_without_version_or_date(lco: Lco, sessions: Sessions) -> None:
    await a_stub(sessions, "stub", public_at=PAST)
    await a_stub(sessions, "early", public_at=PAST, observed_at=PAST)
    await a_frame(sessions, "timeless", observed_at=None)
    await a_frame(sessions, "whole")
    root = await lco.served.a_user("root", is_superuser=True)
    assert await lco.found() == await lco.found(root) == ["whole"]
    assert await lco.found(pagination_style="cursor") == ["whole"]


@pytest.mark.asyncio
async def test_arc_23_newest_first(lco: Lco, sessions: Sessions) -> None:
    late = OBSERVED + timedelta(hours=1)
    for name, at in (("a", OBSERVED), ("b", late), ("c", OBSERVED), ("d", late)):
        await a_frame(sessions, name, observed_at=at)
    assert await lco.found() == ["d", "b", "c", "a"]
    for ordering in ("", "size", "night,-DATE_OBS", ",,"):
        assert await lco.found(ordering=ordering) == ["d", "b", "c", "a"]
    assert await lco.found(ordering="observation_date") == ["a", "c", "b", "d"]


VALUES: dict[str, tuple[Any, Any]] = {
    "observed_at": (OBSERVED, OBSERVED + timedelta(days=1)),
    "filter_name": ("B", "V"),
    "observation_type": ("BIAS", "DARK"),
    "proposal": ("P", "Q"),
    "instrument": ("a", "b"),
    "object_name": ("M1", "M2"),
    "reduction_level": (0, 91),
    "exposure_s": (1.0, 2.0),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ORDERABLE)
async def test_arc_23_by_each_column(lco: Lco, sessions: Sessions, name: str) -> None:
    column = ORDERABLE[name]
    low, high = VALUES.get(column, (None, None))
    facts = [{column: low}, {column: high}] if column in VALUES else [{}, {}]
    await a_frame(sessions, "1", **facts[0])
    await a_frame(sessions, "2", **facts[1])
    assert await lco.found(ordering=name) == ["1", "2"]
    assert await lco.found(ordering=f"-{name}") == ["2", "1"]
    assert await lco.found(ordering=f"unknown, -{name} ,--id") == ["2", "1"]


@pytest.mark.asyncio
async def test_arc_23_by_several_columns(lco: Lco, sessions: Sessions) -> None:
    for name, exposure_s in (("a", 1.0), ("b", 2.0), ("c", 1.0), ("d", None)):
        await a_frame(sessions, name, exposure_s=exposure_s)
    assert await lco.found(ordering="-exposure_time,-basename") == ["b", "c", "a", "d"]


async def followed(lco: Lco, page: dict[str, Any], link: str) -> list[list[str]]:
    """Follow the links to one side; give the names of each page."""
    pages = []
    while page[link] is not None:
        page = (await lco.client.get(page[link])).json()
        assert page.keys() == {"next", "previous", "results"}
        pages.append([item["basename"] for item in page["results"]])
    return pages


@pytest.mark.asyncio
@pytest.mark.parametrize("mount", ["/archive", ""])
async def test_arc_24_pages_by_cursor(lco: Lco, sessions: Sessions, mount: str) -> None:
    names = await some(sessions, 7)
    url = f"{mount}/frames/?pagination_style=Cursor&limit=3&SITEID=tst"
    first = (await lco.client.get(url)).json()
    assert first.keys() == {"next", "previous", "results"}
    assert first["previous"] is None
    assert first["next"].startswith(f"http://archive.test{mount}/frames/?")
    assert "offset" not in first["next"]
    assert [item["basename"] for item in first["results"]] == names[:3]
    assert await followed(lco, first, "next") == [names[3:6], names[6:]]
    last = (await lco.client.get((await lco.client.get(first["next"])).json()["next"])).json()
    assert await followed(lco, last, "previous") == [names[3:6], names[:3]]


@pytest.mark.asyncio
async def test_arc_24_nothing_repeats_or_is_skipped_while_frames_arrive(
    lco: Lco, sessions: Sessions
) -> None:
    names = await some(sessions, 6)
    page = (await lco.get("frames/", pagination_style="cursor", limit=2)).json()
    found = [item["basename"] for item in page["results"]]
    for number in range(20, 23):
        await a_frame(sessions, f"new{number}", observed_at=OBSERVED + timedelta(days=number))
        page = (await lco.client.get(page["next"])).json()
        found += [item["basename"] for item in page["results"]]
        if page["next"] is None:
            break
    assert found == names
    before = await followed(lco, page, "previous")
    assert [name for part in reversed(before) for name in part] == [
        "new21", "new20", *names[:4],
    ]  # fmt: skip


ORDERINGS = ["", "exposure_time", "-exposure_time", "target_name,-exposure_time", "-target_name"]


@pytest.mark.asyncio
@pytest.mark.parametrize("ordering", ORDERINGS)
async def test_arc_24_cursor_and_offset_agree(lco: Lco, sessions: Sessions, ordering: str) -> None:
    chance = Random(ordering)  # noqa: S311  # no secret
    for _ in range(17):
        await a_frame(
            sessions,
            exposure_s=chance.choice([None, 1.0, 2.0]),
            object_name=chance.choice([None, "M1", "M31"]),
            observed_at=OBSERVED + timedelta(minutes=chance.randrange(4)),
        )
    expected = await lco.found(ordering=ordering)
    for limit in (1, 4, 17):
        wish: dict[str, Any] = {"pagination_style": "cursor", "limit": limit, "ordering": ordering}
        page = (await lco.get("frames/", **wish)).json()
        found = [item["basename"] for item in page["results"]]
        while page["next"] is not None:
            page = (await lco.client.get(page["next"])).json()
            found += [item["basename"] for item in page["results"]]
        assert found == expected
        pages = await followed(lco, page, "previous")
        back = [name for part in reversed(pages) for name in part]
        assert back == expected[: len(back)]
        assert len(back) + len(page["results"]) == len(expected)


FORGED = [
    "x", "é", "W10", "bnVsbA", "e30", "WzBd", "[]", "A" * 9999, "WzAsMSwyXQ",
    cursor_of(Place((OBSERVED,))),
    cursor_of(Place((None, 1))),
    cursor_of(Place(("2026", 1))),
    cursor_of(Place((OBSERVED, 2**70))),
    cursor_of(Place((OBSERVED, "1"))),
    cursor_of(Place((OBSERVED.date(), 1))),
    cursor_of(Place((OBSERVED, 1, 1))),
    cursor_of(Place((OBSERVED, True))),
    cursor_of(Place((datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 1))),
    cursor_of(Place((datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2))), 1))),
]  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("cursor", FORGED)
async def test_arc_24_a_forged_cursor(lco: Lco, cursor: str) -> None:
    answer = await lco.get("frames/", pagination_style="cursor", cursor=cursor)
    assert (answer.status_code, answer.json().keys()) == (400, {"cursor"})
    assert (await lco.get("frames/", cursor=cursor)).status_code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("ordering", "value"),
    [
        ("basename", "\ud800"),
        ("basename", "\0"),
        ("basename", 1),
        ("exposure_time", float("inf")),
        ("exposure_time", "1"),
        ("exposure_time", True),
        ("reduction_level", 2**63),
        ("reduction_level", False),
        ("observation_date", 1),
    ],
)
async def test_arc_24_a_cursor_forged_for_an_order(lco: Lco, ordering: str, value: object) -> None:
    cursor = cursor_of(Place((value, 1)))
    wish = {"pagination_style": "cursor", "cursor": cursor, "ordering": ordering}
    for path in ("/archive/frames/", "/frames/"):
        answer = await lco.served.get(path, **wish)
        assert answer.status_code == 400, answer.text
        assert answer.json()["cursor"]


@given(st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")) | st.text(max_size=80))
def test_arc_24_any_text_is_a_cursor_or_none(text: str) -> None:
    with suppress(InvalidPlaceError):
        assert isinstance(place_of(text), Place)


_VALUES = st.none() | st.text() | st.integers() | st.floats(allow_nan=False) | st.dates()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_VALUES, max_size=4), st.booleans())
def test_arc_24_a_place_survives(values: list[Any], backward: bool) -> None:  # noqa: FBT001  # drawn
    place = Place(tuple(values), backward=backward)
    assert place_of(cursor_of(place)) == place


@pytest.mark.asyncio
async def test_arc_25_optional_members(lco: Lco, sessions: Sessions) -> None:
    made = await a_frame(sessions)
    for path in ("frames/", f"frames/{made.id}/"):

        async def keys(path: str = path, **params: str) -> set[str]:
            content = (await lco.get(path, **params)).json()
            return set(content["results"][0] if "results" in content else content)

        without = FRAME_KEYS - {"related_frames"}
        assert await keys(include_related_frames="FALSE") == without
        assert await keys(include_related_frames="true") == FRAME_KEYS
        assert await keys(include_related_frames="no") == FRAME_KEYS
        assert await keys(include_thumbnails="TRUE") == FRAME_KEYS | {"thumbnails"}
        assert await keys(include_thumbnails="yes") == FRAME_KEYS


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/archive/frames/", "/archive/frames/{}/", "/frames/"])
async def test_arc_25_thumbnails_that_were_posted(lco: Lco, path: str) -> None:
    root = await lco.served.a_user("root", is_superuser=True)
    frame = await posted(lco, root)
    picture = a_version(b"\xff\xd8 a picture", extension=".jpg")
    sent = a_post("a-small", frame_basename="a", size="small", version_set=[picture])
    thumbnail = (await send(lco, "thumbnails/", root, sent)).json()
    for style in ("", "cursor"):
        url = f"{path.format(frame['id'])}?include_thumbnails=true&pagination_style={style}"
        content = (await lco.client.get(url, headers=as_user(root))).json()
        item = content["results"][0] if "results" in content else content
        assert item["thumbnails"] == [thumbnail]
