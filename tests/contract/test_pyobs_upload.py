"""The answer to an upload; what makes a file fit for the archive is tested elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from app.core.paging import Window
from app.db.engine import Sessions
from app.ingest.models import ArrivalState
from tests.support.fits_files import make_fits
from tests.support.frames import FUTURE, a_frame
from tests.support.pyobs import Pyobs

pytestmark = pytest.mark.asyncio

CREATE = "frames/create/"


def a_fits(tmp_path: Path, name: str = "tst-1", **cards: Any) -> bytes:  # noqa: ANN401  # of make_fits
    return make_fits(tmp_path / "made.fits", FNAME=f"{name}.fits", **cards).read_bytes()


@pytest.mark.parametrize("field", ["file", "tst-1.fits", "whatever[]"])
async def test_pyo_50_a_file_under_any_field(
    pyobs_uploads: Pyobs, tmp_path: Path, field: str
) -> None:
    pyobs = pyobs_uploads
    files = {field: ("tst-1.fits", a_fits(tmp_path))}
    answer = await pyobs.post(CREATE, pyobs.staff, files=files)
    assert (answer.status_code, answer.json()) == (200, {"created": 1, "filenames": ["tst-1"]})
    assert answer.headers["content-type"] == "application/json"
    (info,) = (await pyobs.get("frames/")).json()["results"]
    assert (info["basename"], info["OBSTYPE"], info["EXPTIME"]) == ("tst-1", "object", 12.5)
    download = await pyobs.get(info["url"])
    assert download.headers["content-disposition"] == "attachment; filename=tst-1.fits.fz"


async def test_pyo_50_some_fail_and_the_answer_is_200(pyobs_uploads: Pyobs, tmp_path: Path) -> None:
    pyobs = pyobs_uploads
    files = [
        ("file", ("tst-1.fits", a_fits(tmp_path, "tst-1"))),
        ("file", ("notes.fits", b"these are notes")),
        ("file", ("notes.fits", b"these are notes")),
        ("file", ("tst-2.fits", a_fits(tmp_path, "tst-2", OBJECT="other"))),
    ]
    answer = await pyobs.post(CREATE, pyobs.staff, files=files)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"created", "filenames", "errors"}
    assert (body["created"], body["filenames"]) == (2, ["tst-1", "tst-2"])
    (error,) = body["errors"]
    assert "notes.fits" in error


async def test_pyo_50_all_fail_or_none_is_sent(pyobs_uploads: Pyobs) -> None:
    pyobs = pyobs_uploads
    failed = await pyobs.post(CREATE, pyobs.staff, files={"file": ("a.fits", b"nothing")})
    assert failed.status_code == 200
    assert (failed.json()["created"], failed.json()["filenames"]) == (0, [])
    for body in ({}, {"data": {"x": "y"}}, {"files": {"text": (None, "no file")}}):
        answer = await pyobs.post(CREATE, pyobs.staff, **body)
        assert (answer.status_code, answer.json()) == (200, {"created": 0, "filenames": []}), body
    assert await pyobs.found() == []


async def test_pyo_50_the_same_name_again_keeps_the_id(
    pyobs_uploads: Pyobs, tmp_path: Path
) -> None:
    pyobs = pyobs_uploads
    ids = []
    for name in ("one", "two"):
        files = {"file": ("tst-1.fits", a_fits(tmp_path, OBJECT=name))}
        await pyobs.post(CREATE, pyobs.staff, files=files)
        (info,) = (await pyobs.get("frames/")).json()["results"]
        assert info["OBJECT"] == name
        ids.append(info["id"])
    assert ids[0] == ids[1]


async def test_pyo_50_too_large_or_malformed(pyobs_uploads: Pyobs) -> None:
    pyobs = pyobs_uploads
    large = await pyobs.post(CREATE, pyobs.staff, files={"file": ("a.fits", bytes(600_000))})
    assert (large.status_code, list(large.json())) == (413, ["detail"])
    wrong = await pyobs.post(CREATE, pyobs.staff, json={"file": "x"})
    assert wrong.status_code == 415
    assert wrong.json() == {"detail": 'Unsupported media type "application/json" in request.'}


async def test_pyo_50_an_upload_cannot_open_a_hidden_frame(
    pyobs_uploads: Pyobs, committed_sessions: Sessions, tmp_path: Path
) -> None:
    pyobs = pyobs_uploads
    hidden = await a_frame(committed_sessions, "tst-1", proposal="secret", public_at=FUTURE)
    answer = await pyobs.post(CREATE, pyobs.staff, files={"file": ("tst-1.fits", a_fits(tmp_path))})
    assert (answer.status_code, answer.json()["created"]) == (200, 0)
    (error,) = answer.json()["errors"]
    assert "may not see the frame tst-1" in error
    assert (await pyobs.get(f"frames/{hidden.id}/")).status_code == 404
    kept = await pyobs.archive.ingest.list(ArrivalState.QUARANTINED, Window())
    assert kept.count == 1

    boss = await pyobs.served.a_user("the-boss", is_staff=True, is_superuser=True)
    answer = await pyobs.post(CREATE, boss, files={"file": ("tst-1.fits", a_fits(tmp_path))})
    assert answer.json()["created"] == 1
