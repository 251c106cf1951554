"""What one dialect does the others know: uploads, tokens, deletions."""

from pathlib import Path

import pytest

from tests.support.fits_files import make_fits
from tests.support.pyobs import Pyobs
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio

LISTS = ("/pyobs/frames/", "/archive/frames/", "/frames/")


async def an_upload(pyobs: Pyobs, tmp_path: Path) -> int:
    """Upload a frame without proposal and public date, and give its number."""
    content = make_fits(tmp_path / "made.fits", FNAME="tst-1.fits").read_bytes()
    answer = await pyobs.post(
        "frames/create/", pyobs.staff, files={"file": ("tst-1.fits", content)}
    )
    assert answer.json() == {"created": 1, "filenames": ["tst-1"]}
    (info,) = (await pyobs.get("frames/")).json()["results"]
    frame_id: int = info["id"]
    return frame_id


async def test_shr_1_an_upload_is_in_all_dialects(pyobs_uploads: Pyobs, tmp_path: Path) -> None:
    frame_id = await an_upload(pyobs_uploads, tmp_path)
    for path in LISTS:
        known = await pyobs_uploads.client.get(path, headers=as_user(pyobs_uploads.user))
        assert [item["id"] for item in known.json()["results"]] == [frame_id], path
    for path in LISTS[1:]:
        anonymous = await pyobs_uploads.client.get(path)
        assert (anonymous.status_code, anonymous.json()["results"]) == (200, []), path
        assert (await pyobs_uploads.client.get(f"{path}{frame_id}/")).status_code == 404


async def test_shr_2_one_token_for_all(pyobs: Pyobs) -> None:
    for path in (*LISTS, "/archive/profile/", "/profile/"):
        answer = await pyobs.client.get(path, headers=as_user(pyobs.user))
        assert answer.status_code == 200, path
    tokens = set()
    for mount in ("", "/pyobs", "/archive"):
        body = {"username": "user", "password": "user has a password"}
        answer = await pyobs.client.post(f"{mount}/api-token-auth/", data=body)
        tokens.add(answer.json()["token"])
    assert tokens == {pyobs.user}
    revoked = await pyobs.client.post("/revoke_token/", headers=as_user(pyobs.user))
    assert revoked.status_code == 200
    for path in LISTS:
        answer = await pyobs.client.get(path, headers=as_user(pyobs.user))
        assert answer.status_code == 401, path


async def test_shr_6_a_frame_deleted_here_is_gone_there(
    pyobs_uploads: Pyobs, tmp_path: Path
) -> None:
    frame_id = await an_upload(pyobs_uploads, tmp_path)
    assert (await pyobs_uploads.delete(frame_id)).status_code == 200
    for path in (*(f"{each}{frame_id}/" for each in LISTS), f"/thumbnails/{frame_id}/"):
        answer = await pyobs_uploads.client.get(path, headers=as_user(pyobs_uploads.user))
        assert answer.status_code == 404, path
    for path in LISTS:
        listed = await pyobs_uploads.client.get(path, headers=as_user(pyobs_uploads.user))
        assert listed.json()["count"] == 0


async def test_shr_1_a_class_of_lco_is_a_type_of_pyobs(
    pyobs_uploads: Pyobs, tmp_path: Path
) -> None:
    types = {"EXPOSE": "object", "SKYFLAT": "skyflat", "BIAS": "bias"}
    for number, obstype in enumerate(types):
        path = make_fits(
            tmp_path / f"f{number}.fits", IMAGETYP=None, OBSTYPE=obstype, NUMBER=number
        )
        files = {"file": (path.name, path.read_bytes())}
        answer = await pyobs_uploads.post("frames/create/", pyobs_uploads.staff, files=files)
        assert answer.json()["created"] == 1, answer.json()
    kinds = (await pyobs_uploads.get("frames/aggregate/")).json()["imagetypes"]
    assert kinds == sorted(types.values())
    for number, (obstype, kind) in enumerate(types.items()):
        (info,) = (await pyobs_uploads.get("frames/", IMAGETYPE=kind)).json()["results"]
        assert (info["basename"], info["OBSTYPE"]) == (f"f{number}", kind)
        url = f"/archive/frames/{info['id']}/"
        item = (await pyobs_uploads.client.get(url, headers=as_user(pyobs_uploads.user))).json()
        assert item["configuration_type"] == obstype
