"""Headers that an ingester posts of a frame that has no version yet (ARC-70)."""

from typing import Any

import pytest
import pytest_asyncio

from app.core.identity import SYSTEM
from tests.support.lco import Lco
from tests.support.lco_ingester import ABSENT, a_post, a_version, posted, send

pytestmark = pytest.mark.asyncio

FIRST: dict[str, Any] = {"OBJECT": "M67", "DATE-OBS": "2019-09-14T23:30:15", "GAIN": 2, "NAN": None}
SHOWN = FIRST | {"DATE_OBS": "2019-09-14T23:30:15"}


@pytest_asyncio.fixture
async def root(lco: Lco) -> str:
    """Give the token of a superuser."""
    return await lco.served.a_user("root", is_superuser=True)


async def described(lco: Lco, token: str, **change: object) -> dict[str, Any]:
    """Post a frame without versions, which must be taken."""
    return await posted(lco, token, **{"version_set": [], "headers": FIRST, **change})


async def cards(lco: Lco, number: int) -> dict[str, Any]:
    """Read the header at the mount, which must be the same at the root."""
    at_root = (await lco.served.get(f"/frames/{number}/headers/")).json()
    answer = await lco.get(f"frames/{number}/headers/")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    assert at_root["data"] == data
    return data


async def test_arc_42_70_headers_of_a_frame_without_versions(lco: Lco, root: str) -> None:
    item = await described(lco, root)
    assert (item["version_set"], item["url"]) == ([], None)
    assert await cards(lco, item["id"]) == SHOWN
    assert await lco.found() == []
    assert (await lco.get(f"frames/{item['id']}/download/")).status_code == 404
    path = f"frames/{item['id']}/headers/"
    assert (await lco.get(path, version="0" * 32)).status_code == 404
    page = (await lco.served.get(f"/{path}", ext="0")).json()
    assert (page["data"], len(page["hdus"]), page["repairs"]) == (SHOWN, 1, [])


async def test_arc_4_70_posted_headers_are_as_visible_as_the_frame(lco: Lco, root: str) -> None:
    item = await described(lco, root, public_date=None)
    path = f"frames/{item['id']}/headers/"
    user = await lco.served.a_user("user")
    for token, status in ((None, 404), (user, 404), (root, 200)):
        assert (await lco.get(path, token)).status_code == status
        assert (await lco.served.get(f"/{path}", token)).status_code == status


async def test_arc_70_71_headers_are_posted_again(lco: Lco, root: str) -> None:
    number = (await described(lco, root))["id"]
    await described(lco, root, headers={"OBJECT": "M31"})
    assert await cards(lco, number) == {"OBJECT": "M31"}
    await posted(lco, root, headers={"OBJECT": "M42", "GAIN": 3})
    assert await cards(lco, number) == {"OBJECT": "M42", "GAIN": 3}
    await described(lco, root, headers={"OBJECT": "M5"})
    assert await cards(lco, number) == {"OBJECT": "M5"}
    for keyword, names in (("OBJECT", ["a"]), ("GAIN", [])):
        assert await lco.found(**{f"header.{keyword}__isnull": "false"}) == names


async def test_arc_70_a_file_brings_its_own_headers(lco: Lco, root: str) -> None:
    number = (await described(lco, root))["id"]
    made = await lco.a_file("a", b"bytes")
    assert made.id == number
    assert "GAIN" not in await cards(lco, number)


async def test_arc_11_70_posted_headers_are_columns(lco: Lco, root: str) -> None:
    await described(lco, root)
    other = await posted(lco, root, "b", related_frame_filenames=["a"])
    path = f"frames/{other['id']}/related/"
    answer = await lco.get(path, format="csv", fields="basename,header.GAIN")
    assert answer.text.split() == ["basename,header.GAIN", "a,2.0"]


async def test_arc_70_75_a_thumbnail_leaves_posted_headers_as_they_are(lco: Lco, root: str) -> None:
    dateless = {"OBJECT": "M67", "GAIN": 2}
    number = (await described(lco, root, observation_date=ABSENT, headers=dateless))["id"]
    version = a_version(b"picture", extension=".jpg")
    picture = {"frame_basename": "a", "size": "small", "version_set": [version]}
    body = a_post("a-small", **picture, headers={"OBJECT": "other"}, target_name="other")
    assert (await send(lco, "thumbnails/", root, body)).status_code == 201
    (header,) = await lco.archive.frames.posted_header(number)
    assert [card[:2] for card in header.cards] == list(dateless.items())
    assert (await lco.archive.frames.get_any(number, SYSTEM)).facts.object_name == "M67"


async def test_arc_70_no_headers_at_all(lco: Lco, root: str) -> None:
    number = (await described(lco, root, headers={}))["id"]
    assert (await lco.get(f"frames/{number}/headers/")).status_code == 404
    await described(lco, root)
    assert await cards(lco, number) == SHOWN
    await described(lco, root, headers={})
    assert (await lco.get(f"frames/{number}/headers/")).status_code == 404
