"""Versions of the LCO archive: looked up by MD5, joined with bytes that an ingester put there."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits, source_table
from tests.support.frames import a_frame
from tests.support.lco import VERSION_KEYS, Lco
from tests.support.lco_ingester import (
    FOLDER,
    HEADERS,
    a_post,
    a_version,
    md5_of,
    posted,
    put,
    refused,
    send,
)
from tests.support.serving import as_user, served

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def root(lco: Lco) -> str:
    """Give the token of a superuser."""
    return await lco.served.a_user("root", is_superuser=True)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """Give the bytes of a FITS file with an image and a catalogue."""
    made = make_fits(tmp_path / "made.fits", hdus=[source_table()], AIRMASS=9.0, GAIN=1.5)
    return made.read_bytes()


async def fetched(lco: Lco, url: str) -> bytes | int:
    """Fetch a link without a token; the status where that is not 200."""
    answer = await lco.client.get(url)
    return answer.content if answer.status_code == 200 else answer.status_code


async def test_arc_5_74_versions_are_for_staff(lco: Lco) -> None:
    user = await lco.served.a_user("user")
    staff = await lco.served.a_user("staff", is_staff=True)
    for token, status in ((None, 401), (user, 403), (staff, 200)):
        assert (await lco.get("versions/", token)).status_code == status
        assert (await lco.get("versions/1/", token)).status_code == (
            404 if token == staff else status
        )


async def test_arc_4_74_the_links_of_staff_open_no_hidden_frame(lco: Lco, root: str) -> None:
    hidden = await lco.a_file("hidden", b"secret", proposal="P", public_at=None)
    staff = await lco.served.a_user("staff", is_staff=True)
    for path in ("/archive/versions/", "/versions/"):
        (listed,) = (await lco.served.get(path, staff)).json()["results"]
        one = (await lco.served.get(f"{path}{listed['id']}/", staff)).json()
        assert one == listed
        assert f"/frames/{hidden.id}/download/?version=" in listed["url"]
        assert await fetched(lco, listed["url"]) == 404
        assert (await lco.client.get(listed["url"], headers=as_user(staff))).status_code == 404
        assert (await lco.client.get(listed["url"], headers=as_user(root))).content == b"secret"
        table = await lco.served.get(path, staff, format="csv", fields="url")
        assert "signature" not in table.text
        (listed,) = (await lco.served.get(path, root)).json()["results"]
        assert await fetched(lco, listed["url"]) == b"secret"


async def test_arc_74_a_look_up_by_md5(lco: Lco, root: str, sessions: Sessions) -> None:
    packed = await a_frame(sessions, content=b"packed", received=b"received")
    announced = await posted(lco, root)
    for md5, frame_id in (
        (md5_of(b"packed"), packed.id),
        (md5_of(b"received"), packed.id),
        (md5_of(b"a"), announced["id"]),
        (md5_of(b"a").upper(), announced["id"]),
    ):
        page = (await lco.get("versions/", root, md5=md5)).json()
        assert page.keys() == {"count", "next", "previous", "results"}
        assert (page["count"], page["next"], page["previous"]) == (1, None, None)
        (version,) = page["results"]
        assert version.keys() == VERSION_KEYS
        item = (await lco.get(f"frames/{frame_id}/", root)).json()
        assert version["id"] == item["version_set"][0]["id"]
        assert (await lco.get(f"versions/{version['id']}/", root)).json()["md5"] == version["md5"]
    for md5 in (md5_of(b"unknown"), md5_of(b"a")[:-1], "%", "x\ud7ff"):
        page = (await lco.get("versions/", root, md5=md5)).json()
        assert (page["count"], page["results"]) == (0, [])
    assert (await lco.get("versions/", root, md5="\0")).status_code == 400


async def test_arc_74_all_versions_by_pages(lco: Lco, root: str, sessions: Sessions) -> None:
    made = [(await a_frame(sessions)).version_id for _ in range(3)]
    page = (await lco.get("versions/", root, limit=2, other="x")).json()
    assert (page["count"], [each["id"] for each in page["results"]]) == (3, made[:2])
    assert page["next"] == "http://archive.test/archive/versions/?other=x&limit=2&offset=2"
    last = (await lco.client.get(page["next"], headers=as_user(root))).json()
    assert [each["id"] for each in last["results"]] == made[2:]
    for limit in ("0", "-1", "many", ""):
        assert (await lco.get("versions/", root, limit=limit)).json()["count"] == 3


async def test_arc_87_bytes_that_are_there_are_served(lco: Lco, root: str, content: bytes) -> None:
    put(lco, f"{FOLDER}/raw/a.fits", content)
    item = await posted(lco, root, version_set=[a_version(content)])
    assert await fetched(lco, item["url"]) == content
    answer = await lco.client.get(item["url"])
    assert answer.headers["content-type"] == "image/fits"
    assert "filename=a.fits" in answer.headers["content-disposition"]
    data = (await lco.get(f"frames/{item['id']}/headers/")).json()["data"]
    assert HEADERS.items() <= data.items()
    assert "GAIN" not in data
    catalog = await lco.get(f"frame-catalog/{item['id']}/catalog/")
    assert catalog.status_code == 200
    zipped = await lco.post("frames/zip/", json={"frame_ids": [item["id"]]})
    assert (zipped.status_code, content[:80] in zipped.content) == (200, True)
    preview = await lco.served.get(f"/frames/{item['id']}/preview/")
    assert preview.status_code == 200


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"reduction_level": 91}, f"{FOLDER}/processed/a.fits"),
        ({"observation_day": "2019-09-14"}, "tst/fa15/2019-09-14/raw/a.fits"),
        ({"observation_day": "2019-09-14"}, f"{FOLDER}/raw/a.fits"),
        ({"configuration_type": "BPM"}, "tst/fa15/bpm/a.fits"),
        ({"configuration_type": "BPM"}, f"{FOLDER}/raw/a.fits"),
    ],
)
async def test_arc_87_where_the_bytes_lie(
    lco: Lco, root: str, content: bytes, change: dict[str, Any], key: str
) -> None:
    put(lco, key, content)
    item = await posted(lco, root, version_set=[a_version(content)], **change)
    assert await fetched(lco, item["url"]) == content


async def test_arc_87_no_way_out_of_the_archive(lco: Lco, root: str, content: bytes) -> None:
    put(lco, "../outside.fits", content)
    change = {"site_id": "..", "instrument_id": "..", "version_set": [a_version(content)]}
    item = await posted(lco, root, "outside", **change)
    assert await fetched(lco, item["url"]) == 404


async def test_arc_74_bytes_that_come_later_show_at_every_mount(
    lco: Lco, root: str, content: bytes
) -> None:
    for number, path in enumerate(
        ("pyobs/frames/{}/headers/", "pyobs/frames/{}/download/", "thumbnails/{}/?image=1")
    ):
        change = {"version_set": [a_version(content + bytes(2880 * number))]}
        item = await posted(lco, root, f"late{number}", **change)
        put(lco, f"{FOLDER}/raw/late{number}.fits", content + bytes(2880 * number))
        answer = await lco.client.get(
            f"/{path.format(item['id'])}", headers=as_user(root), follow_redirects=True
        )
        assert answer.status_code == 200, (path, answer.text)


async def test_arc_74_bytes_that_come_later(lco: Lco, root: str, content: bytes) -> None:
    item = await posted(lco, root, version_set=[a_version(content)])
    assert await fetched(lco, item["url"]) == 404
    assert (await lco.client.get(item["url"])).json() == {"detail": "File not found."}
    assert (await lco.post("frames/zip/", json={"frame_ids": [item["id"]]})).status_code == 404
    file = put(lco, f"{FOLDER}/raw/a.fits", b"half of it")
    assert await fetched(lco, item["url"]) == 404
    file.write_bytes(content)
    assert await fetched(lco, item["url"]) == content
    page = (await lco.get("versions/", root, md5=md5_of(content))).json()
    assert page["count"] == 1


async def test_arc_74_bytes_that_come_through_the_front_door(
    lco: Lco, root: str, content: bytes
) -> None:
    item = await posted(lco, root, version_set=[a_version(content)])
    upload = {"file": ("a.fits", content)}
    answer = await lco.client.post("/frames/create/", files=upload, headers=as_user(root))
    assert answer.json()["results"][0]["frame_id"] == item["id"]
    after = (await lco.get(f"frames/{item['id']}/")).json()
    assert [each["id"] for each in after["version_set"]] == [item["version_set"][0]["id"]]
    assert after["target_name"] == item["target_name"]
    assert await fetched(lco, after["url"]) == content


async def test_arc_73_other_bytes_than_announced(lco: Lco, root: str, content: bytes) -> None:
    put(lco, f"{FOLDER}/raw/a.fits", content)
    answer = await refused(lco, root, version_set=[a_version(b"others")])
    ((field, (text,)),) = answer.items()
    assert field == "version_set"
    assert md5_of(content) in text
    assert md5_of(b"others") in text
    assert await lco.found(root) == []


async def test_arc_71_a_file_store_that_writes_over_its_files(
    lco: Lco, root: str, content: bytes
) -> None:
    file = put(lco, f"{FOLDER}/raw/a.fits", content)
    first = await posted(lco, root, version_set=[a_version(content)])
    elsewhere = await posted(lco, root, version_set=[a_version(b"elsewhere")])
    assert await fetched(lco, elsewhere["url"]) == 404
    assert await fetched(lco, first["url"]) == content
    file.write_bytes(b"new bytes")
    second = await posted(lco, root, version_set=[a_version(b"new bytes")])
    assert await fetched(lco, second["url"]) == b"new bytes"
    assert await fetched(lco, first["url"]) == content
    deleted = await lco.client.delete(f"/archive/frames/{first['id']}/", headers=as_user(root))
    assert deleted.status_code == 204
    assert [key async for key in lco.archive.store.iter_keys()] == []
    assert file.read_bytes() == b"new bytes"


@pytest.mark.parametrize(
    ("extension", "kind"),
    [(".tar.gz", "application/octet-stream"), (".pdf", "application/pdf")],
)
async def test_arc_82_files_that_are_no_images(
    lco: Lco, root: str, extension: str, kind: str
) -> None:
    bytes_ = gzip.compress(b"spectra")
    put(lco, f"{FOLDER}/raw/a{extension}", bytes_)
    item = await posted(lco, root, version_set=[a_version(bytes_, extension=extension)])
    answer = await lco.client.get(item["url"])
    assert (answer.status_code, answer.content) == (200, bytes_)
    assert answer.headers["content-type"] == kind
    data = (await lco.get(f"frames/{item['id']}/headers/")).json()["data"]
    assert data == HEADERS


@pytest.mark.parametrize("key", ["../../up", "a/b+c=&d", "null", "%2e%2e", ".."])
async def test_arc_10_odd_keys_of_file_stores(
    lco: Lco, root: str, content: bytes, key: str
) -> None:
    put(lco, f"{FOLDER}/raw/a.fits", content)
    item = await posted(lco, root, version_set=[a_version(content, key=key)])
    assert item["version_set"][0]["key"] == key
    assert await fetched(lco, item["url"]) == content
    preview = await lco.served.get(f"/frames/{item['id']}/preview/")
    assert preview.status_code == 200
    previews = lco.archive.settings.previews_dir
    made = [path for path in previews.parent.rglob("*.png") if previews not in path.parents]
    assert made == []


@pytest_asyncio.fixture
async def committing(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Lco]:
    """Give the mount over sessions that really commit."""
    archive = an_archive(settings_in(tmp_path), committed_sessions, engine, offload)
    async with served(archive) as api:
        yield Lco(api)


async def test_arc_74_replays_are_harmless(committing: Lco) -> None:
    root = await committing.served.a_user("root", is_superuser=True)
    same = a_post("a")
    answers = await asyncio.gather(*(send(committing, "frames/", root, same) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[400] * 5]
    known = {name: [f"version with this {name} already exists."] for name in ("md5", "key")}
    refused_ = [answer.json() for answer in answers if answer.status_code == 400]
    assert refused_ == [{"version_set": [known]}] * 5
    assert (await committing.get("versions/", root, md5=md5_of(b"a"))).json()["count"] == 1


async def test_arc_72_frames_that_name_each_other_arrive_at_once(committing: Lco) -> None:
    root = await committing.served.a_user("root", is_superuser=True)
    names = [f"f{number}" for number in range(8)]
    answers = await asyncio.gather(
        *(
            send(committing, "frames/", root, a_post(name, related_frame_filenames=names[::-1]))
            for name in names
        )
    )
    assert [answer.status_code for answer in answers] == [201] * 8
    ids = {answer.json()["id"] for answer in answers}
    for frame_id in ids:
        item = (await committing.get(f"frames/{frame_id}/")).json()
        assert set(item["related_frames"]) == ids - {frame_id}
