"""The frame object of the LCO archive, its links, and what stands below a frame."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from astropy.io import fits
from sqlalchemy.ext.asyncio import AsyncEngine

from app.api.archive.wire import FrameOut
from app.core.offload import Offload
from app.db.engine import Sessions
from app.fits.pack import pack
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.fits_files import make_fits, source_table
from tests.support.frames import FUTURE, PAST, Made, a_frame, a_header
from tests.support.lco import FRAME_KEYS, LEGACY, VERSION_KEYS, Lco, a_stub
from tests.support.serving import as_user, served

pytestmark = pytest.mark.asyncio

RICH: dict[str, Any] = {
    "proposal": "LCO2026B-017",
    "block_id": 7,
    "request_text": "00123",
    "request_id": 123,
    "reduction_level": 91,
    "area_deg": ((350.0, -10.0), (350.0, 10.0), (10.0, 10.0), (10.0, -10.0)),
}


async def test_arc_12_both_sets_of_names(lco: Lco, sessions: Sessions) -> None:
    poor = await a_frame(sessions, observed_at=None, object_name=None, filter_name=None, site=None)
    for made in (await a_frame(sessions, **RICH), poor):
        item = (await lco.get(f"frames/{made.id}/")).json()
        assert item.keys() == FRAME_KEYS
        assert all(item[capital] == item[name] for capital, name in LEGACY.items())


async def test_arc_40_a_frame(lco: Lco, sessions: Sessions) -> None:
    made = await a_frame(sessions, "tst1m0-fa15", extension=".fits.fz", now=NOW, **RICH)
    answer = await lco.get(f"frames/{made.id}/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    item = answer.json()
    (version,) = item["version_set"]
    expected = {
        "id": made.id,
        "basename": "tst1m0-fa15",
        "observation_date": "2026-11-18T22:30:15.250000Z",
        "observation_day": "2026-11-18",
        "proposal_id": "LCO2026B-017",
        "instrument_id": "cam1",
        "target_name": "M67",
        "reduction_level": 91,
        "site_id": "tst",
        "telescope_id": "1m0a",
        "exposure_time": 60.0,
        "primary_optical_element": "V",
        "public_date": "2020-01-01T00:00:00Z",
        "configuration_type": "EXPOSE",
        "observation_id": 7,
        "request_id": 123,
        "related_frames": [],
        "filename": "tst1m0-fa15.fits.fz",
        "url": version["url"],
    }
    assert {key: item[key] for key in expected} == expected
    assert item["area"]["type"] == "Polygon"
    (ring,) = item["area"]["coordinates"]
    assert ring[0] == ring[-1]
    assert [tuple(map(round, vertex)) for vertex in ring[:-1]] == [*RICH["area_deg"]]
    assert version.keys() == VERSION_KEYS
    assert (version["extension"], version["created"]) == (".fits.fz", "2026-11-20T12:00:00Z")
    assert (len(version["key"]), len(version["md5"])) == (32, 32)


async def test_arc_40_what_is_unknown(lco: Lco, sessions: Sessions) -> None:
    made = await a_frame(
        sessions, observed_at=None, object_name=None, filter_name=None, exposure_s=None,
        instrument=None, site=None, telescope=None, observation_type=None, proposal=None,
        request_text="ob-1", day_obs=None,
    )  # fmt: skip
    item = (await lco.get(f"frames/{made.id}/")).json()
    assert {name for name in FRAME_KEYS if item[name] is None} == {
        "observation_date", "DATE_OBS", "observation_day", "DAY_OBS", "exposure_time", "EXPTIME",
        "observation_id", "BLKUID", "request_id", "REQNUM", "area",
    }  # fmt: skip
    assert {name for name in FRAME_KEYS if item[name] == ""} == {
        "target_name", "OBJECT", "primary_optical_element", "FILTER", "instrument_id", "INSTRUME",
        "site_id", "SITEID", "telescope_id", "TELID", "configuration_type", "OBSTYPE",
        "proposal_id", "PROPID",
    }  # fmt: skip


async def test_arc_40_what_is_written_is_what_is_documented(lco: Lco, sessions: Sessions) -> None:
    rich, poor = await a_frame(sessions, related=["x"], **RICH), await a_frame(sessions, "x")
    for made in (rich, poor):
        item = (await lco.get(f"frames/{made.id}/", include_thumbnails="true")).json()
        model = FrameOut.model_validate(item)
        assert set(FrameOut.model_fields) == item.keys()
        assert model.model_dump(mode="json") == item


async def test_arc_22_40_a_frame_without_version(lco: Lco, sessions: Sessions) -> None:
    number = await a_stub(sessions, "early", observed_at=PAST, public_at=PAST)
    item = (await lco.get(f"frames/{number}/")).json()
    assert item.keys() == FRAME_KEYS
    assert (item["version_set"], item["url"], item["filename"]) == ([], None, None)
    assert (await lco.get(f"frames/{number}/headers/")).status_code == 404
    assert (await lco.get(f"frames/{number}/download/")).status_code == 404


async def link_of(lco: Lco, made: Made, token: str | None = None) -> str:
    item = (await lco.get(f"frames/{made.id}/", token)).json()
    assert item["url"].startswith("http://archive.test/archive/frames/")
    return str(item["url"])


async def test_arc_10_a_link_needs_no_header(lco: Lco) -> None:
    made = await lco.a_file("hidden", b"the bytes", extension=".fits.fz", public_at=FUTURE)
    root = await lco.served.a_user("root", is_superuser=True)
    answer = await lco.client.get(await link_of(lco, made, root))
    assert (answer.status_code, answer.content) == (200, b"the bytes")
    assert answer.headers["content-disposition"] == "attachment; filename=hidden.fits.fz"
    assert answer.headers["content-length"] == "9"


async def test_arc_10_an_older_version_has_its_own_link(lco: Lco) -> None:
    await lco.a_file("twice", b"old")
    made = await lco.a_file("twice", b"new")
    item = (await lco.get(f"frames/{made.id}/")).json()
    assert [version["url"] == item["url"] for version in item["version_set"]] == [True, False]
    contents = [(await lco.client.get(each["url"])).content for each in item["version_set"]]
    assert contents == [b"new", b"old"]


async def altered(lco: Lco, link: str, **changes: str) -> httpx.Response:
    parts = urlsplit(link)
    return await lco.client.get(parts.path, params={**dict(parse_qsl(parts.query)), **changes})


CHANGES = [
    {"signature": "0" * 64},
    {"signature": "é"},
    {"expires": "9999999999"},
    {"expires": "soon"},
    {"version": "0" * 32},
    {"version": ""},
]


@pytest.mark.parametrize("change", CHANGES)
async def test_arc_10_an_altered_link_is_refused(lco: Lco, change: dict[str, str]) -> None:
    made, other = await lco.a_file("a", b"one"), await lco.a_file("b", b"two")
    link = await link_of(lco, made)
    assert (await altered(lco, link)).status_code == 200
    answer = await altered(lco, link, **change)
    assert (answer.status_code, answer.json().keys()) == (403, {"detail"})
    foreign = await lco.client.get(link.replace(f"/{made.id}/", f"/{other.id}/"))
    assert foreign.status_code == 403


async def test_arc_10_a_link_lives_two_days(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    now = NOW
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: now)
    async with served(archive) as api:
        lco = Lco(api)
        link = await link_of(lco, await lco.a_file("a", b"one"))
        now = NOW + timedelta(hours=48)
        assert (await lco.client.get(link)).status_code == 200
        now += timedelta(seconds=1)
        answer = await lco.client.get(link)
        assert (answer.status_code, answer.json().keys()) == (403, {"detail"})


async def test_arc_10_by_its_host_name_a_link_leads_there(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, dialect_hosts="archive=archive-api.test")
    async with served(an_archive(settings, sessions, engine, offload)) as api:
        made = await Lco(api).a_file("a", b"one")
        url = f"http://archive-api.test/frames/{made.id}/"
        link = (await api.client.get(url)).json()["url"]
        assert link.startswith(f"{url}download/?")
        assert (await api.client.get(link)).content == b"one"


async def test_arc_11_41_relations_are_symmetric(lco: Lco, sessions: Sessions) -> None:
    first = await a_frame(sessions, "first", related=["second", "first", "unknown"])
    second = await a_frame(sessions, "second")
    third = await a_frame(sessions, "third", related=["second"])
    items = {item["basename"]: item for item in (await lco.get("frames/")).json()["results"]}
    assert items["first"]["related_frames"] == [second.id]
    assert items["second"]["related_frames"] == [first.id, third.id]
    answer = await lco.get(f"frames/{second.id}/related/")
    assert answer.status_code == 200
    assert [item["basename"] for item in answer.json()] == ["first", "third"]
    assert all(item.keys() == FRAME_KEYS for item in answer.json())
    assert (await lco.get(f"frames/{first.id}/related")).json()[0]["id"] == second.id


async def test_arc_41_a_stub_has_no_url(lco: Lco, sessions: Sessions) -> None:
    root = await lco.served.a_user("root", is_superuser=True)
    made = await a_frame(sessions, related=["stub"])
    await a_stub(sessions, "stub")
    (stub,) = (await lco.get(f"frames/{made.id}/related/", root)).json()
    assert stub.keys() == FRAME_KEYS
    assert (stub["url"], stub["filename"], stub["version_set"]) == (None, None, [])
    assert (stub["observation_date"], stub["DAY_OBS"]) == (None, None)


async def test_arc_42_headers(lco: Lco, sessions: Sessions) -> None:
    hdus = [
        a_header(0, TELESCOP="1m0", DATE_OBS="old"),
        a_header(1, "SCI", DATE_OBS="2026-11-18", GAIN=1.5, N=3, OK=True, NONE=None),
    ]
    made = await a_frame(sessions, hdus=hdus, science_hdu=1)
    answer = await lco.get(f"frames/{made.id}/headers/")
    assert (answer.status_code, answer.json().keys()) == (200, {"data"})
    data = answer.json()["data"]
    expected = {
        "DATE-OBS": "2026-11-18",
        "DATE_OBS": "2026-11-18",
        "TELESCOP": "1m0",
        "GAIN": 1.5,
        "N": 3,
        "OK": True,
        "NONE": None,
    }
    assert {key: data[key] for key in expected} == expected
    assert all(key.replace("-", "_") in data for key in data)


async def a_packed_file(lco: Lco, folder: Path, name: str, **facts: Any) -> tuple[Made, bytes]:  # noqa: ANN401  # of a_frame
    """File a packed image with a catalogue; give also the bytes before packing."""
    plain = make_fits(folder / f"{name}.fits", shape=(200, 160), hdus=[source_table()])
    packed = folder / f"{name}.fits.fz"
    assert pack(plain, packed).packed
    content = packed.read_bytes()
    made = await lco.a_file(name, content, extension=".fits.fz", has_catalog=True, **facts)
    return made, plain.read_bytes()


async def test_arc_43_funpack(lco: Lco, tmp_path: Path) -> None:
    made, plain = await a_packed_file(lco, tmp_path, "night")
    for path in (f"archive/frame-funpack/{made.id}/funpack/", f"frame-funpack/{made.id}/funpack"):
        answer = await lco.client.get(path)
        assert (answer.status_code, answer.content) == (200, plain)
        assert answer.content.startswith(b"SIMPLE")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == "attachment; filename=night.fits"
    assert (await lco.client.head(path)).headers["content-length"] == str(len(plain))


async def test_arc_43_a_file_that_is_plain(lco: Lco, tmp_path: Path) -> None:
    plain = make_fits(tmp_path / "a.fits").read_bytes()
    made = await lco.a_file("plain", plain)
    assert (await lco.get(f"frame-funpack/{made.id}/funpack/")).content == plain


async def test_arc_43_44_only_for_who_sees_the_frame(lco: Lco, tmp_path: Path) -> None:
    made, _ = await a_packed_file(lco, tmp_path, "hidden", public_at=FUTURE, proposal="P")
    member = await lco.served.a_user("member", proposals=("P",))
    for path in (f"frame-funpack/{made.id}/funpack/", f"frame-catalog/{made.id}/catalog/"):
        for mount in ("/archive/", "/"):
            url = f"{mount}{path}"
            assert (await lco.client.get(url)).status_code == 404
            assert (await lco.client.get(url, headers=as_user(member))).status_code == 200


async def test_arc_43_a_damaged_file(lco: Lco, tmp_path: Path) -> None:
    made = await lco.a_file("bad", b"no fits at all", extension=".fits.fz", has_catalog=True)
    for path in (f"frame-funpack/{made.id}/funpack/", f"frame-catalog/{made.id}/catalog/"):
        answer = await lco.get(path)
        assert answer.status_code == 400
        assert str(tmp_path) not in answer.text


async def test_arc_44_catalogue(lco: Lco, tmp_path: Path) -> None:
    made, _ = await a_packed_file(lco, tmp_path, "night")
    for mount in ("/archive", ""):
        answer = await lco.client.get(f"{mount}/frame-catalog/{made.id}/catalog/")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == "attachment; filename=night-catalog.fits"
        with fits.open(io.BytesIO(answer.content)) as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "CAT"]
            assert hdus[0].data is None
            assert hdus[1].columns.names == ["x", "y", "flux"]
            assert len(hdus[1].data) == 3


@pytest.mark.parametrize("is_promised", [False, True])
async def test_arc_44_no_catalogue(lco: Lco, tmp_path: Path, is_promised: bool) -> None:  # noqa: FBT001  # a parameter
    content = make_fits(tmp_path / "a.fits").read_bytes()
    made = await lco.a_file("a", content, has_catalog=is_promised)
    answer = await lco.get(f"frame-catalog/{made.id}/catalog/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
