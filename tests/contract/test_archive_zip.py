"""Zips of the LCO archive: who may have them, names, unpacked files, catalogues."""

import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from astropy.io import fits

from app.fits.pack import pack
from tests.support.fits_files import make_fits, source_table
from tests.support.frames import FUTURE, Made, a_frame
from tests.support.lco import Lco, a_stub

pytestmark = pytest.mark.asyncio


def folder(count: int) -> str:
    return f"ocs_archive_data-20261120-{count}"


def members(answer: httpx.Response) -> dict[str, bytes]:
    """Check a zip and give its members, without their folder."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-length"] == str(len(answer.content))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    name = folder(len(found))
    assert answer.headers["content-disposition"] == f"attachment; filename={name}.zip"
    assert {path.partition("/")[0] for path in found} == {name}
    return {path.partition("/")[2]: content for path, content in found.items()}


async def zipped(lco: Lco, ids: list[int], token: str | None = None, **wish: Any) -> httpx.Response:  # noqa: ANN401  # of JSON
    return await lco.post("frames/zip/", token, json={"frame_ids": ids, **wish})


async def files(lco: Lco, count: int = 3, **facts: Any) -> list[Made]:  # noqa: ANN401  # of a_frame
    return [await lco.a_file(f"f{number}", b"%d" % number, **facts) for number in range(count)]


@pytest.mark.parametrize("field", ["frame_ids", "frame_ids[]"])
@pytest.mark.parametrize("path", ["frames/zip/", "frames/zip"])
async def test_arc_60_a_form(lco: Lco, field: str, path: str) -> None:
    made = await files(lco)
    form = {field: [str(each.id) for each in made], "csrfmiddlewaretoken": "x"}
    expected = {f"{each.basename}.fits": each.content for each in made}
    assert members(await lco.post(path, data=form)) == expected


async def test_arc_60_61_json(lco: Lco) -> None:
    made = await files(lco, extension=".fits.fz")
    answer = await zipped(lco, [made[2].id, made[0].id, made[0].id])
    assert members(answer) == {"f0.fits.fz": b"0", "f2.fits.fz": b"2"}
    assert answer.headers["set-cookie"].lower() == "filedownload=true; path=/"


async def test_arc_60_a_multipart_form(lco: Lco) -> None:
    made = await files(lco, 1)
    parts = {"frame_ids": (None, str(made[0].id)), "uncompress": (None, "false")}
    assert members(await lco.post("frames/zip/", files=parts)) == {"f0.fits": b"0"}


async def test_arc_60_visible_frames_only(lco: Lco) -> None:
    made = await files(lco, 2, public_at=FUTURE, proposal="P")
    ids = [each.id for each in made]
    assert (await zipped(lco, ids)).status_code == 404
    member = await lco.served.a_user("member", proposals=("P",))
    assert len(members(await zipped(lco, ids, member))) == 2


async def test_arc_60_the_token_of_the_body(lco: Lco) -> None:
    made = await files(lco, 1, public_at=FUTURE, proposal="P")
    member = await lco.served.a_user("member", proposals=("P",))
    other = await lco.served.a_user("other")
    ids = [made[0].id]
    assert members(await zipped(lco, ids, other, auth_token=member)) == {"f0.fits": b"0"}
    assert (await zipped(lco, ids, member, auth_token=other)).status_code == 404
    assert members(await zipped(lco, ids, member, auth_token="")) == {"f0.fits": b"0"}
    form = {"frame_ids": str(ids[0]), "auth_token": member}
    assert members(await lco.post("frames/zip/", data=form)) == {"f0.fits": b"0"}


@pytest.mark.parametrize("token", ["0" * 40, "short", "é"])
async def test_arc_60_an_unknown_token_is_not_found(lco: Lco, token: str) -> None:
    made = await files(lco, 1)
    answer = await zipped(lco, [made[0].id], auth_token=token)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


BAD: list[tuple[Any, dict[str, Any]]] = [
    ({}, {"frame_ids": ["This field is required."]}),
    ({"frame_ids": None}, {"frame_ids": ["This field may not be null."]}),
    ({"frame_ids": 7}, {"frame_ids": ['Expected a list of items but got type "int".']}),
    ({"frame_ids": ["x"]}, {"frame_ids": ["A valid integer is required."]}),
    ({"frame_ids": [1.5]}, {"frame_ids": ["A valid integer is required."]}),
    (
        {"frame_ids": [0]},
        {"frame_ids": ["Ensure this value is greater than or equal to 1."]},
    ),
    ({"frame_ids": [1], "uncompress": "x"}, {"uncompress": ["Must be a valid boolean."]}),
    ({"frame_ids": [1], "catalog_only": 7}, {"catalog_only": ["Must be a valid boolean."]}),
]


@pytest.mark.parametrize(("body", "fault"), BAD)
async def test_arc_60_malformed_bodies(lco: Lco, body: Any, fault: dict[str, Any]) -> None:  # noqa: ANN401  # of JSON
    answer = await lco.post("frames/zip/", json=body)
    assert (answer.status_code, answer.json()) == (400, fault)


async def test_arc_60_a_body_that_is_no_json(lco: Lco) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await lco.client.post("/archive/frames/zip/", content=b"{", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error - ")


async def test_arc_61_same_names_are_told_apart(lco: Lco) -> None:
    made = [await lco.a_file(name, name.encode()) for name in ("a", "A")]
    found = members(await zipped(lco, [each.id for each in made]))
    assert sorted(found.values()) == [b"A", b"a"]


async def test_arc_62_invisible_frames_are_left_out(lco: Lco) -> None:
    made = await files(lco, 2)
    hidden = await lco.a_file("hidden", b"secret", public_at=FUTURE)
    answer = await zipped(lco, [*(each.id for each in made), hidden.id, 10**15, 2**63 - 1])
    assert members(answer) == {"f0.fits": b"0", "f1.fits": b"1"}


async def test_arc_62_nothing_visible(lco: Lco) -> None:
    hidden = await lco.a_file("hidden", b"secret", public_at=FUTURE)
    root = await lco.served.a_user("root", is_superuser=True)
    stub = await a_stub(lco.archive.sessions, "stub")
    for ids, token in (([hidden.id], None), ([10**15], root), ([stub], root), ([], None)):
        answer = await zipped(lco, ids, token)
        assert (answer.status_code, answer.content) == (404, b"")


async def a_packed_file(lco: Lco, tmp_path: Path, name: str, **facts: Any) -> tuple[Made, bytes]:  # noqa: ANN401  # of a_frame
    path = tmp_path / f"{name}.fits"
    plain = make_fits(path, shape=(200, 160), hdus=[source_table()], OBJECT=name)
    packed = tmp_path / f"{name}.fits.fz"
    assert pack(plain, packed).packed
    made = await lco.a_file(name, packed.read_bytes(), extension=".fits.fz", **facts)
    return made, plain.read_bytes()


@pytest.mark.parametrize("mount", ["/archive", ""])
async def test_arc_63_uncompress(lco: Lco, tmp_path: Path, mount: str) -> None:
    packed, plain = await a_packed_file(lco, tmp_path, "packed")
    other = await lco.a_file("other", b"as it is")
    wrapped = await lco.a_file("wrapped", b"gzip", extension=".fits.gz")
    ids = [packed.id, other.id, wrapped.id]
    for yes in (True, "true", 1):
        body = {"frame_ids": ids, "uncompress": yes}
        answer = await lco.client.post(f"{mount}/frames/zip/", json=body)
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            found = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        assert found == {
            "packed.fits": plain,
            "other.fits": b"as it is",
            "wrapped.fits.gz": b"gzip",
        }
    assert set(members(await zipped(lco, [packed.id], uncompress=False))) == {"packed.fits.fz"}


async def test_arc_63_at_most_ten(lco: Lco) -> None:
    made = await files(lco, 11)
    ids = [each.id for each in made]
    answer = await zipped(lco, ids, uncompress=True)
    text = (
        "A maximum of 10 frames can be downloaded with the uncompress flag. Please try again with"
        " fewer frame_ids."
    )
    assert (answer.status_code, answer.json()) == (400, {"non_field_errors": [text]})
    assert len(members(await zipped(lco, ids[:10], uncompress=True))) == 10
    assert len(members(await zipped(lco, ids))) == 11


async def test_arc_63_a_frame_that_cannot_be_unpacked(lco: Lco, tmp_path: Path) -> None:
    made = await lco.a_file("bad", b"no fits", extension=".fits.fz")
    answer = await zipped(lco, [made.id], uncompress=True)
    assert answer.status_code == 400
    assert str(tmp_path) not in answer.text


async def test_arc_64_catalogues(lco: Lco, tmp_path: Path) -> None:
    reduced, _ = await a_packed_file(lco, tmp_path, "reduced", reduction_level=91, has_catalog=True)
    raw, plain = await a_packed_file(lco, tmp_path, "raw", has_catalog=True)
    kind = {"reduction_level": 91, "observation_type": "BIAS"}
    bias, _ = await a_packed_file(lco, tmp_path, "bias", **kind)
    without = await lco.a_file("without", b"no catalogue", reduction_level=91)
    ids = [each.id for each in (reduced, raw, bias, without)]
    found = members(await zipped(lco, ids, catalog_only=True))
    assert set(found) == {"reduced-catalog.fits", "raw.fits.fz", "bias.fits.fz"}
    with fits.open(io.BytesIO(found["reduced-catalog.fits"])) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "CAT"]
    both = members(await zipped(lco, ids, catalog_only=True, uncompress=True))
    assert set(both) == {"reduced-catalog.fits", "raw.fits", "bias.fits"}
    assert both["raw.fits"] == plain
    answer = await zipped(lco, [without.id], catalog_only=True)
    assert (answer.status_code, answer.content) == (404, b"")


async def test_arc_62_a_file_that_is_gone_is_told(lco: Lco) -> None:
    made = await a_frame(lco.archive.sessions, "gone")
    answer = await zipped(lco, [made.id])
    assert answer.status_code == 404
