"""What an ingester posts to the LCO archive, and how frames are deleted there."""

import pytest
import pytest_asyncio

from app.core.identity import SYSTEM
from app.db.engine import Sessions
from tests.support.frames import a_frame
from tests.support.lco import FRAME_KEYS, VERSION_KEYS, Lco
from tests.support.lco_ingester import (
    ABSENT,
    HEADERS,
    RING,
    a_post,
    a_version,
    posted,
    refused,
    send,
)
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio

KNOWN = "version with this {} already exists."


@pytest_asyncio.fixture
async def root(lco: Lco) -> str:
    """Give the token of a superuser."""
    return await lco.served.a_user("root", is_superuser=True)


async def test_arc_70_a_frame_is_announced(lco: Lco, root: str) -> None:
    item = await posted(lco, root, "tst1m0-fa15-20190914-0042-e00")
    assert item.keys() == FRAME_KEYS
    (version,) = item["version_set"]
    assert version.keys() == VERSION_KEYS
    assert version["md5"] == version["key"] == a_version(item["basename"].encode())["md5"]
    expected = {
        "observation_date": "2019-09-14T23:30:15.250000Z",
        "observation_day": "2019-09-14",
        "proposal_id": "LCO2019B-001",
        "instrument_id": "fa15",
        "target_name": "M67",
        "reduction_level": 0,
        "site_id": "tst",
        "telescope_id": "1m0a",
        "exposure_time": 12.5,
        "primary_optical_element": "V",
        "public_date": "2020-09-14T23:30:15.250000Z",
        "configuration_type": "EXPOSE",
        "observation_id": 7,
        "request_id": 123,
        "related_frames": [],
        "filename": "tst1m0-fa15-20190914-0042-e00.fits",
        "url": version["url"],
    }
    assert {name: item[name] for name in expected} == expected
    assert item["area"]["type"] == "Polygon"
    assert [pytest.approx(vertex) for vertex in RING] == item["area"]["coordinates"][0]
    assert (await lco.get(f"frames/{item['id']}/")).json().keys() == FRAME_KEYS


async def test_arc_70_it_is_found_as_an_ingested_one(lco: Lco, root: str) -> None:
    item = await posted(lco, root)
    for wish in (
        {"covers": "POINT(11 0.5)"}, {"submitter": "vera"}, {"DAY_OBS": "2019-09-14"},
        {"REQNUM": 123}, {"start": "2019-09-14T23:30", "end": "2019-09-14T23:31"},
        {"header.AIRMASS__lt": 1.5},
    ):  # fmt: skip
        assert await lco.found(**wish) == ["a"], wish
    assert await lco.found(covers="POINT(13 0)") == []
    data = (await lco.get(f"frames/{item['id']}/headers/")).json()["data"]
    assert data == HEADERS
    facts = (await lco.archive.frames.get_by_name("a", SYSTEM)).facts
    assert [facts.ra_deg, facts.dec_deg] == pytest.approx([11, 0])
    assert (facts.width_px, facts.height_px, facts.x_binning) == (24, 32, 2)
    assert (str(facts.night), facts.airmass, facts.image_type_raw) == ("2019-09-14", 1.25, "object")


async def test_arc_5_70_only_superusers_write(lco: Lco) -> None:
    staff = await lco.served.a_user("staff", is_staff=True)
    for path in ("frames/", "thumbnails/"):
        assert (await lco.post(path, json=a_post("a"))).status_code == 401
        assert (await lco.post(path, staff, json=a_post("a"))).status_code == 403


async def test_arc_70_fields_are_required(lco: Lco, root: str) -> None:
    answer = await lco.post("frames/", root, json={})
    required = {
        "basename", "headers", "version_set", "related_frame_filenames", "configuration_type",
        "observation_day", "area",
    }  # fmt: skip
    assert answer.status_code == 400
    assert answer.json() == {name: ["This field is required."] for name in required}


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("configuration_type", "PICTURE", '"PICTURE" is not a valid choice.'),
        ("configuration_type", "", "This field may not be blank."),
        ("observation_day", "yesterday", "Enter a valid date."),
        ("observation_day", None, "This field may not be null."),
        ("observation_date", "2019", "Enter a valid date/time."),
        ("exposure_time", "long", "A valid number is required."),
        ("observation_id", "seven", "A valid integer is required."),
        ("basename", "a/b", "Not a file name: it holds a slash."),
        ("basename", " ", "This field may not be blank."),
        ("basename", "a\ud800", "Not a valid string."),
        ("target_name", "a\0b", "Null characters are not allowed."),
        ("version_set", "many", 'Expected a list of items but got type "str".'),
        ("headers", 7, "Invalid data. Expected a dictionary, but got int."),
        ("related_frame_filenames", None, "This field may not be null."),
    ],
)
async def test_arc_70_malformed_fields(
    lco: Lco, root: str, field: str, value: object, text: str
) -> None:
    assert await refused(lco, root, **{field: value}) == {field: [text]}


async def test_arc_70_what_is_no_json_object(lco: Lco, root: str) -> None:
    for content in (b"[", b"[]", b"7", b"", b"null", b"[" * 100_000):
        assert (await send(lco, "frames/", root, content)).status_code == 400, content[:10]
    answer = await lco.post("frames/", root, data={"basename": "a"})
    assert answer.status_code == 415


async def test_arc_70_faults_of_versions_stand_in_their_place(lco: Lco, root: str) -> None:
    versions = [a_version(b"a"), {"md5": "x" * 33, "key": "a b"}]
    assert await refused(lco, root, version_set=versions) == {
        "version_set": [
            {},
            {
                "md5": ["Ensure this field has no more than 32 characters."],
                "key": ["Use printable ASCII characters without blanks."],
                "extension": ["This field is required."],
            },
        ]
    }


async def test_arc_70_what_a_database_cannot_hold(lco: Lco, root: str) -> None:
    headers = {"A": "x\0y", "B": "\ud800", "C": {"d": [1]}, "D": True, "E": 10**30}
    item = await posted(lco, root, headers=headers)
    data = (await lco.get(f"frames/{item['id']}/headers/")).json()["data"]
    assert data == {"A": "x�y", "B": "?", "C": '{"d": [1]}', "D": True, "E": 10**30}


async def test_arc_70_optional_fields_follow_from_the_header(lco: Lco, root: str) -> None:
    optional = (
        "observation_date", "target_name", "public_date", "instrument_id", "site_id",
        "exposure_time",
    )  # fmt: skip
    headers = HEADERS | {"DATE-OBS": "2019-09-14T20:00:00", "EXPTIME": 7.5, "SITEID": "sky"}
    item = await posted(lco, root, headers=headers, **dict.fromkeys(optional, ABSENT))
    assert item["observation_date"] == "2019-09-14T20:00:00Z"
    assert (item["target_name"], item["exposure_time"], item["site_id"]) == ("M67", 7.5, "sky")
    assert item["public_date"] == "2020-09-13T20:00:00Z"


async def test_arc_70_no_public_date_is_not_public(lco: Lco, root: str) -> None:
    item = await posted(lco, root, public_date=None, area=None, observation_day="2019-09-14")
    assert (item["public_date"], item["area"]) == (None, None)
    user = await lco.served.a_user("user")
    assert (await lco.get(f"frames/{item['id']}/", user)).status_code == 404


async def test_arc_71_the_same_basename_again(lco: Lco, root: str) -> None:
    first = await posted(lco, root)
    new = a_version(b"new", extension=".fits.fz")
    change = {"version_set": [new], "headers": {"OBJECT": "M31"}, "target_name": "M31"}
    second = await posted(lco, root, area=None, **change)
    assert second["id"] == first["id"]
    assert (second["target_name"], second["area"]) == ("M31", None)
    assert [each["md5"] for each in second["version_set"]] == [
        new["md5"],
        first["version_set"][0]["md5"],
    ]
    assert second["filename"] == "a.fits.fz"
    data = (await lco.get(f"frames/{first['id']}/headers/")).json()["data"]
    assert data == {"OBJECT": "M31"}
    third = await posted(lco, root, version_set=[], headers={"OBJECT": "M42"}, target_name="M42")
    assert len(third["version_set"]) == 2
    data = (await lco.get(f"frames/{first['id']}/headers/")).json()["data"]
    assert data == {"OBJECT": "M42"}


async def test_arc_71_a_frame_that_came_as_a_file(lco: Lco, root: str, sessions: Sessions) -> None:
    made = await a_frame(sessions, "a")
    item = await posted(lco, root)
    assert item["id"] == made.id
    assert len(item["version_set"]) == 2


async def test_arc_72_names_of_frames_that_are_not_here(lco: Lco, root: str) -> None:
    names = ["b", "", "a", "bias"]
    item = await posted(lco, root, related_frame_filenames=names)
    related = (await lco.get(f"frames/{item['id']}/related/", root)).json()
    assert [each["basename"] for each in related] == ["b", "bias"]
    assert item["related_frames"] == [each["id"] for each in related]
    for stub in related:
        assert (stub["url"], stub["filename"], stub["version_set"]) == (None, None, [])
        assert (stub["observation_date"], stub["DAY_OBS"]) == (None, None)
        assert stub["related_frames"] == [item["id"]]
        assert (await lco.get(f"frames/{stub['id']}/", root)).status_code == 404
    assert await lco.found(root) == ["a"]
    root_list = (await lco.served.get("/frames/", root)).json()
    assert root_list["count"] == 1
    bias = await posted(lco, root, "bias", configuration_type="BIAS")
    assert bias["id"] == related[1]["id"]
    assert bias["related_frames"] == [item["id"]]


async def test_arc_73_known_versions(lco: Lco, root: str) -> None:
    first = await posted(lco, root)
    known_version = {name: first["version_set"][0][name] for name in ("md5", "key", "extension")}
    for version, flaws in (
        (known_version, ("md5", "key")),
        (a_version(b"other", key=known_version["key"]), ("key",)),
        (a_version(b"other", md5=known_version["md5"].upper()), ("md5",)),
    ):
        answer = await refused(lco, root, basename="b", version_set=[a_version(b"ok"), version])
        expected = {name: [KNOWN.format(name)] for name in flaws}
        assert answer == {"version_set": [{}, expected]}
    twice = [a_version(b"twice"), a_version(b"twice", key="other")]
    assert await refused(lco, root, basename="b", version_set=twice) == {
        "version_set": [{}, {"md5": [KNOWN.format("md5")]}]
    }
    assert await lco.found(root) == ["a"]


async def test_arc_73_bytes_that_came_as_a_file(lco: Lco, root: str, sessions: Sessions) -> None:
    made = await a_frame(sessions, content=b"stored", received=b"received")
    for content in (b"stored", b"received"):
        answer = await refused(lco, root, version_set=[a_version(content)])
        assert answer == {"version_set": [{"md5": [KNOWN.format("md5")]}]}
    assert (await lco.get(f"frames/{made.id}/")).json()["version_set"][0]["id"] == made.version_id


@pytest.mark.parametrize(
    "area",
    [
        "POLYGON", 7, [], {}, {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 91], [1, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], ["x", 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]]]},
        {"type": "Polygon", "coordinates": [[[1e400, 0], [1, 1], [1, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [RING, RING]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": None},
    ],
)  # fmt: skip
async def test_arc_73_bad_areas(lco: Lco, root: str, area: object) -> None:
    answer = await send(lco, "frames/", root, a_post("a", area=area))
    assert answer.status_code == 400
    ((field, (text,)),) = answer.json().items()
    assert field == "area"
    assert text.startswith("Invalid polygon: ")
    assert "Invalid polygon" not in text.removeprefix("Invalid polygon: ")


async def test_arc_76_frames_are_not_edited(lco: Lco, root: str) -> None:
    item = await posted(lco, root)
    for method in ("PUT", "PATCH"):
        path = f"/archive/frames/{item['id']}/"
        answer = await lco.client.request(method, path, json={}, headers=as_user(root))
        assert answer.status_code == 405
        assert answer.json() == {"detail": f'Method "{method}" not allowed.'}
        assert {"GET", "DELETE"} <= set(answer.headers["allow"].split(", "))


async def test_arc_76_frames_are_deleted(lco: Lco, root: str, sessions: Sessions) -> None:
    made = await lco.a_file("a", b"bytes")
    await lco.a_file("a", b"other bytes")
    await a_frame(sessions, "b", related=["a"])
    path = f"/archive/frames/{made.id}/"
    staff = await lco.served.a_user("staff", is_staff=True)
    for token, status in ((None, 401), (staff, 403), (root, 204), (root, 404)):
        answer = await lco.client.delete(path, headers=as_user(token))
        assert answer.status_code == status
        if status == 204:
            assert answer.content == b""
    assert (await lco.get(f"frames/{made.id}/", root)).json() == {"detail": "Not found."}
    assert [key async for key in lco.archive.store.iter_keys()] == []
    assert await lco.found(root) == ["b"]


async def test_arc_76_a_file_that_is_gone_already(lco: Lco, root: str) -> None:
    made = await a_frame(lco.archive.sessions)
    answer = await lco.client.delete(f"/archive/frames/{made.id}/", headers=as_user(root))
    assert answer.status_code == 204
