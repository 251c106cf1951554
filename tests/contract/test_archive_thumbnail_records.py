"""Thumbnails that an ingester posts to the LCO archive (ARC-75)."""

from typing import Any

import pytest
import pytest_asyncio

from app.db.engine import Sessions
from tests.support.frames import FUTURE, a_frame
from tests.support.lco import Lco
from tests.support.lco_ingester import ABSENT, FOLDER, a_post, a_version, posted, put, send
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio

KEYS = {"id", "frame", "size", "basename", "extension", "key", "url"}
JPEG = b"\xff\xd8\xff\xe0 a picture"


@pytest_asyncio.fixture
async def root(lco: Lco) -> str:
    """Give the token of a superuser."""
    return await lco.served.a_user("root", is_superuser=True)


def a_thumbnail(basename: str = "a-small", **change: object) -> dict[str, Any]:
    """Describe a thumbnail as an ingester does: with little more than what it needs for a path."""
    version = a_version(JPEG, extension=".jpg")
    given = {"frame_basename": "a", "size": "small", "version_set": [version]}
    return a_post(basename, **{"configuration_type": "", **given, **change})


async def taken(
    lco: Lco, token: str, basename: str = "a-small", **change: object
) -> dict[str, Any]:
    """Post a thumbnail, which must be taken."""
    answer = await send(lco, "thumbnails/", token, a_thumbnail(basename, **change))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_arc_75_a_thumbnail_of_a_known_frame(lco: Lco, root: str) -> None:
    frame = await posted(lco, root)
    item = await taken(lco, root, target_name="other")
    assert item.keys() == KEYS
    expected = {"frame": frame["id"], "size": "small", "basename": "a-small", "extension": ".jpg"}
    assert {name: item[name] for name in expected} == expected
    assert (await lco.get(f"thumbnails/{item['id']}/")).json().keys() == KEYS
    assert (await lco.get(f"frames/{frame['id']}/")).json()["target_name"] == "M67"


async def test_arc_75_the_frame_comes_later(lco: Lco, root: str) -> None:
    item = await taken(lco, root, related_frame_filenames=["b"])
    frame = (await lco.get(f"frames/{item['frame']}/")).json()
    assert (frame["basename"], frame["target_name"]) == ("a", "M67")
    assert (frame["version_set"], frame["url"], frame["filename"]) == ([], None, None)
    assert await lco.found() == []
    assert (await posted(lco, root))["id"] == item["frame"]
    assert await lco.found() == ["a"]


async def test_arc_75_a_name_that_others_mentioned_gets_its_facts(lco: Lco, root: str) -> None:
    await posted(lco, root, "b", related_frame_filenames=["a"])
    item = await taken(lco, root)
    assert (await lco.get(f"frames/{item['frame']}/")).json()["target_name"] == "M67"


async def test_arc_75_the_same_basename_again(lco: Lco, root: str) -> None:
    put(lco, f"{FOLDER}/thumbnails/a-small.jpg", JPEG)
    first = await taken(lco, root)
    assert (await lco.client.get(first["url"])).content == JPEG
    new = a_version(b"new", extension=".jpg")
    put(lco, f"{FOLDER}/thumbnails/a-small.jpg", b"new")
    second = await taken(lco, root, size="large", version_set=[new])
    assert (second["id"], second["size"], second["key"]) == (first["id"], "large", new["key"])
    assert (await lco.client.get(second["url"])).content == b"new"
    assert (await lco.client.get(first["url"])).status_code == 404
    assert (await lco.get("thumbnails/")).json()["count"] == 1


async def test_arc_75_the_picture_is_served(lco: Lco, root: str) -> None:
    item = await taken(lco, root, public_date=None)
    assert (await lco.client.get(item["url"])).status_code == 404
    put(lco, f"{FOLDER}/thumbnails/a-small.jpg", JPEG)
    answer = await lco.client.get(item["url"])
    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer.headers["content-type"] == "image/jpeg"
    path, _, query = item["url"].partition("?")
    assert (await lco.client.get(path)).status_code == 404
    assert (await lco.client.get(path, headers=as_user(root))).content == JPEG
    forged = query[:-4] + "0000"
    assert (await lco.client.get(f"{path}?{forged}")).status_code == 403


async def test_arc_75_a_link_to_a_frame_opens_no_thumbnail(
    lco: Lco, root: str, sessions: Sessions
) -> None:
    put(lco, f"{FOLDER}/thumbnails/a-small.jpg", JPEG)
    item = await taken(lco, root, public_date=None)
    frames = [await a_frame(sessions) for _ in range(3)]
    for made in frames:
        url = (await lco.get(f"frames/{made.id}/")).json()["url"]
        query = url.partition("?")[2]
        answer = await lco.client.get(f"/archive/thumbnails/{item['id']}/download/?{query}")
        assert answer.status_code in {403, 404}
    links = lco.archive.links
    (version,) = (await lco.get(f"frames/{frames[0].id}/")).json()["version_set"]
    query = links.sign(item["id"], version["key"])
    answer = await lco.client.get(f"/archive/thumbnails/{item['id']}/download/?{query}")
    assert answer.status_code == 404


async def test_arc_75_the_list(lco: Lco, root: str) -> None:
    ids = [
        (await taken(lco, root, f"{frame}-{size}", frame_basename=frame, size=size, **change))["id"]
        for frame, change in (
            ("a", {"proposal_id": "P", "observation_id": 1, "request_id": 2}),
            ("b", {"proposal_id": "Q", "observation_id": 3, "request_id": 4}),
        )
        for size in ("small", "large")
    ]
    page = (await lco.get("thumbnails/", limit=3)).json()
    assert page.keys() == {"count", "next", "previous", "results"}
    assert (page["count"], [each["id"] for each in page["results"]]) == (4, ids[:3])
    assert page["next"] == "http://archive.test/archive/thumbnails/?limit=3&offset=3"
    for wish, places in (
        ({"frame_basename": "a"}, [0, 1]),
        ({"frame_basename": "A"}, []),
        ({"proposal_id": "Q"}, [2, 3]),
        ({"observation_id": 1, "size": "large"}, [1]),
        ({"request_id": 4, "size": "small"}, [2]),
        ({"size": "medium"}, []),
        ({"size": "", "unknown": "x"}, [0, 1, 2, 3]),
    ):
        found = (await lco.get("thumbnails/", **wish)).json()
        assert [each["id"] for each in found["results"]] == [ids[place] for place in places], wish
        assert found["count"] == len(places)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("size", "huge", "Select a valid choice. huge is not one of the available choices."),
        ("observation_id", "one", "A valid integer is required."),
        ("request_id", "1.5", "A valid integer is required."),
    ],
)
async def test_arc_31_75_malformed_filters(lco: Lco, field: str, value: str, text: str) -> None:
    answer = await lco.get("thumbnails/", **{field: value})
    assert (answer.status_code, answer.json()) == (400, {field: [text]})


async def test_arc_4_75_thumbnails_of_hidden_frames_are_hidden(
    lco: Lco, root: str, sessions: Sessions
) -> None:
    await a_frame(sessions, "a", proposal="P", public_at=FUTURE)
    item = await taken(lco, root)
    member = await lco.served.a_user("member", proposals=("P",))
    for token, count in ((None, 0), (await lco.served.a_user("user"), 0), (member, 1), (root, 1)):
        assert (await lco.get("thumbnails/", token)).json()["count"] == count
        answer = await lco.get(f"thumbnails/{item['id']}/", token)
        assert answer.status_code == (200 if count else 404)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("size", "huge", '"huge" is not a valid choice.'),
        ("size", ABSENT, "This field is required."),
        ("frame_basename", ABSENT, "This field is required."),
        ("frame_basename", None, "This field may not be null."),
        ("version_set", [], "Ensure this field has at least 1 elements."),
        ("configuration_type", "PICTURE", '"PICTURE" is not a valid choice.'),
    ],
)
async def test_arc_75_malformed_posts(
    lco: Lco, root: str, field: str, value: object, text: str
) -> None:
    answer = await send(lco, "thumbnails/", root, a_thumbnail("a-small", **{field: value}))
    assert (answer.status_code, answer.json()) == (400, {field: [text]})


async def test_arc_75_other_bytes_than_announced(lco: Lco, root: str) -> None:
    put(lco, f"{FOLDER}/thumbnails/a-small.jpg", b"others")
    answer = await send(lco, "thumbnails/", root, a_thumbnail())
    assert answer.status_code == 400
    assert answer.json().keys() == {"version_set"}


async def test_arc_76_thumbnails_go_with_their_frame(lco: Lco, root: str) -> None:
    file = put(lco, f"{FOLDER}/thumbnails/a-small.jpg", JPEG)
    item = await taken(lco, root)
    path = f"/archive/frames/{item['frame']}/"
    assert (await lco.client.delete(path, headers=as_user(root))).status_code == 204
    assert [key async for key in lco.archive.store.iter_keys()] == []
    assert file.read_bytes() == JPEG
    assert (await lco.get("thumbnails/", root)).json()["count"] == 0
