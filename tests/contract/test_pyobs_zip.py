"""Zips of named frames and of selections."""

import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from astropy.io import fits

from tests.support.fits_files import make_fits
from tests.support.frames import FUTURE, Made
from tests.support.pyobs import Pyobs
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio

ZIP = "/pyobs/frames/zip/"
FOLDER = "pyobsdata-20261120"
NOT_GIVEN = {"detail": "Authentication credentials were not provided."}


async def packed_files(pyobs: Pyobs, *names: str, **wish: Any) -> list[Made]:  # noqa: ANN401  # of a_frame
    return [
        await pyobs.a_file(name, f"bytes of {name}".encode(), extension=".fits.fz", **wish)
        for name in names
    ]


def members(answer: httpx.Response) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f"attachment; filename={FOLDER}.zip"
    assert answer.headers["set-cookie"] == "fileDownload=true; Path=/"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def expected(*names: str) -> dict[str, bytes]:
    return {f"{FOLDER}/{name}.fits.fz": f"bytes of {name}".encode() for name in names}


@pytest.mark.parametrize("field", ["frame_ids", "frame_ids[]"])
async def test_pyo_40_a_form_names_frames(pyobs: Pyobs, field: str) -> None:
    made = await packed_files(pyobs, "a", "b", "c")
    form = {field: [str(made[0].id), str(made[2].id)], "csrfmiddlewaretoken": "x"}
    for path in ("frames/zip/", "frames/zip"):
        assert members(await pyobs.post(path, data=form)) == expected("a", "c")


async def test_pyo_40_json_and_multipart_name_frames(pyobs: Pyobs) -> None:
    made = await packed_files(pyobs, "a", "b")
    ids = [made[0].id, str(made[1].id), made[0].id]
    assert members(await pyobs.post("frames/zip/", json={"frame_ids": ids})) == expected("a", "b")
    form = {"frame_ids[]": (None, str(made[1].id))}
    assert members(await pyobs.post("frames/zip/", files=form)) == expected("b")


async def test_pyo_40_members_are_packed(pyobs: Pyobs, tmp_path: Path) -> None:
    content = make_fits(tmp_path / "made.fits").read_bytes()
    made = await pyobs.a_file("plain", content)
    text = await pyobs.a_file("text", b"no image")
    answer = await pyobs.post("frames/zip/", json={"frame_ids": [made.id, text.id]})
    found = members(answer)
    assert list(found) == [f"{FOLDER}/plain.fits.fz", f"{FOLDER}/text.fits"]
    download = await pyobs.get(f"frames/{made.id}/download/")
    assert found[f"{FOLDER}/plain.fits.fz"] == download.content
    with fits.open(io.BytesIO(download.content)) as packed:
        assert isinstance(packed[1], fits.CompImageHDU)


async def test_pyo_41_a_token_in_the_body(pyobs: Pyobs) -> None:
    (made,) = await packed_files(pyobs, "a")
    body = {"frame_ids[]": str(made.id), "auth_token": pyobs.user}
    for sent in ({"data": body}, {"json": {"frame_ids": [made.id], "auth_token": pyobs.user}}):
        assert members(await pyobs.client.post(ZIP, **sent)) == expected("a")
    wrong = {**body, "auth_token": "0" * 40}
    for headers in ({}, as_user(pyobs.user)):
        answer = await pyobs.client.post(ZIP, data=wrong, headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})


async def test_pyo_41_no_token_or_a_bad_one(pyobs: Pyobs) -> None:
    (made,) = await packed_files(pyobs, "a")
    for body in ({"frame_ids": str(made.id)}, {"frame_ids": "x"}, {"auth_token": ""}, {}):
        answer = await pyobs.client.post(ZIP, data=body)
        assert (answer.status_code, answer.json()) == (401, NOT_GIVEN), body
        answer = await pyobs.client.post(ZIP, data=body, headers=as_user("0" * 40))
        assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."}), body
    assert (await pyobs.client.get(ZIP)).json() == NOT_GIVEN
    in_the_query = await pyobs.client.get(ZIP, params={"auth_token": pyobs.user})
    assert in_the_query.status_code == 401


async def test_pyo_42_unknown_malformed_and_no_ids(pyobs: Pyobs) -> None:
    (made,) = await packed_files(pyobs, "a")
    (hidden,) = await packed_files(pyobs, "hidden", proposal="P-7", public_at=FUTURE)
    for frame_id in (999_999, hidden.id):
        answer = await pyobs.post("frames/zip/", data={"frame_ids[]": [made.id, frame_id]})
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
    for form in ({"frame_ids[]": ["x", made.id]}, {"frame_ids": "1.5"}, {"frame_ids": ""}, {}):
        answer = await pyobs.post("frames/zip/", data=form)
        assert answer.status_code == 400, form
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["frame_ids"], form
    broken = await pyobs.post("frames/zip/", content=b"{")
    assert (broken.status_code, list(broken.json())) == (400, ["detail"])


async def test_pyo_42_missing_files_are_skipped(pyobs: Pyobs) -> None:
    made = await packed_files(pyobs, "a", "gone", "c")
    for path in pyobs.archive.settings.archive_dir.rglob("gone*"):
        path.unlink()
    ids = [each.id for each in made]
    assert members(await pyobs.post("frames/zip/", json={"frame_ids": ids})) == expected("a", "c")
    assert members(await pyobs.get("frames/zip/")) == expected("a", "c")


async def test_pyo_43_a_selection(pyobs: Pyobs) -> None:
    await packed_files(pyobs, "a", "b", "c")
    await packed_files(pyobs, "other", site="tlv")
    for path in ("frames/zip/", "frames/zip"):
        assert members(await pyobs.get(path, SITE="tst")) == expected("a", "b", "c")
    assert members(await pyobs.get("frames/zip", SITE="tst", limit=2)) == expected("a", "b")
    part = await pyobs.get("frames/zip", SITE="tst", sort="basename", offset=1, limit=1)
    assert members(part) == expected("b")
    head = await pyobs.client.head(f"{ZIP}?SITE=tst", headers=as_user(pyobs.user))
    assert (head.status_code, int(head.headers["content-length"]) > 0) == (200, True)
    for query in ("SITE=none", "limit=0", "offset=9"):
        answer = await pyobs.get(f"frames/zip?{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")


async def test_pyo_43_other_methods(pyobs: Pyobs) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await pyobs.client.request(method, ZIP, headers=as_user(pyobs.user))
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_pyo_40_many_unpacked_members_go_in_as_they_are_stored(
    pyobs: Pyobs, tmp_path: Path
) -> None:
    contents = {
        f"n{number}": make_fits(tmp_path / "one.fits", SEQNUM=number).read_bytes()
        for number in range(101)
    }
    made = [await pyobs.a_file(name, content) for name, content in contents.items()]

    async def zipped(count: int) -> dict[str, bytes]:
        ids = [str(each.id) for each in made[:count]]
        return members(await pyobs.post("frames/zip/", data={"frame_ids[]": ids}))

    assert (await zipped(1)).keys() == {f"{FOLDER}/n0.fits.fz"}
    assert await zipped(101) == {
        f"{FOLDER}/{name}.fits": content for name, content in contents.items()
    }
