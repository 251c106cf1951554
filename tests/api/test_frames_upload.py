"""Uploads over HTTP: from a multipart body to a frame."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from app.api.frames.uploads import UploadWriter, discard, plain_name
from app.core.errors import UnavailableError
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.ingest.models import ArrivalState
from app.ingest.spool import Spool
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.serving import Served, as_user, served

CREATE = "/frames/create/"


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    settings = settings_in(tmp_path, max_upload_bytes=500_000)
    async with served(an_archive(settings, committed_sessions, engine, offload)) as api:
        yield api


def a_fits(tmp_path: Path, name: str = "tst-1.fits", **cards: Any) -> bytes:  # noqa: ANN401  # of make_fits
    return make_fits(tmp_path / "made" / name, **cards).read_bytes()


def spooled(api: Served) -> list[Path]:
    return list(api.archive.settings.spool_dir.iterdir())


async def upload(api: Served, files: Any) -> dict[str, Any]:  # noqa: ANN401  # of httpx
    token = await api.a_user("staff", is_staff=True)
    answer = await api.client.post(CREATE, files=files, headers=as_user(token))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.asyncio
@pytest.mark.parametrize("field", ["file", "tst-1.fits", ""])
async def test_an_upload_becomes_a_frame(api: Served, tmp_path: Path, field: str) -> None:
    content = a_fits(tmp_path, OBJECT="M 67", PROPID="calib", wcs=True)
    body = await upload(api, {field: ("C:\\data\\tst-1.fits", content)})
    frame_id = body["results"][0]["frame_id"]
    result = {"filename": "tst-1.fits", "state": "filed", "frame_id": frame_id, "reason": None}
    assert body == {"created": 1, "filenames": ["tst-1"], "results": [result]}
    assert (await api.get(f"/frames/{frame_id}/download/")).content == content
    item = (await api.get(f"/frames/{frame_id}/")).json()
    assert (item["OBJECT"], item["PROPID"], item["filename"]) == ("M 67", "calib", "tst-1.fits")
    assert item["area"] is not None
    assert (await api.get(f"/frames/{frame_id}/headers/")).json()["data"]["OBJECT"] == "M 67"
    assert spooled(api) == []


@pytest.mark.asyncio
async def test_a_frame_without_proposal_is_internal(api: Served, tmp_path: Path) -> None:
    await upload(api, {"file": ("tst-1.fits", a_fits(tmp_path))})
    assert (await api.get("/frames/")).json()["count"] == 0
    assert (await api.get("/frames/", await api.a_user("user"))).json()["count"] == 1


@pytest.mark.asyncio
async def test_several_files_with_a_bad_one_among_them(api: Served, tmp_path: Path) -> None:
    good = a_fits(tmp_path)
    files = [
        ("file", ("tst-1.fits", good)),
        ("file", ("notes.fits", b"these are notes")),
        ("more", ("again.fits", good)),
        ("more", ("tst-2.fits", a_fits(tmp_path, OBJECT="other"))),
    ]
    body = await upload(api, files)
    assert (body["created"], body["filenames"]) == (3, ["tst-1", "tst-1", "tst-2"])
    states = [result["state"] for result in body["results"]]
    assert states == ["filed", "quarantined", "duplicate", "filed"]
    (error,) = body["errors"]
    assert error.startswith("notes.fits: ")
    assert body["results"][1]["reason"] in error
    quarantined = await api.archive.ingest.list(ArrivalState.QUARANTINED, Window())
    assert [arrival.filename for arrival in quarantined.items] == ["notes.fits"]
    assert spooled(api) == []


@pytest.mark.asyncio
async def test_the_same_name_with_new_bytes_is_a_new_version(api: Served, tmp_path: Path) -> None:
    files = [("a", ("x.fits", a_fits(tmp_path))), ("b", ("x.fits", a_fits(tmp_path, OBJECT="2")))]
    body = await upload(api, files)
    assert body["filenames"] == ["x", "x"]
    ids = {result["frame_id"] for result in body["results"]}
    assert len(ids) == 1
    staff = await api.archive.accounts.get_user("staff")
    token = await api.archive.accounts.token_of(staff)
    assert len((await api.get(f"/frames/{ids.pop()}/", token)).json()["version_set"]) == 2


@pytest.mark.asyncio
async def test_uploads_without_files(api: Served) -> None:
    nothing = {"created": 0, "filenames": [], "results": []}
    assert await upload(api, {"field": (None, "text"), "empty": ("", b"")}) == nothing
    token = await api.archive.accounts.token_of(await api.archive.accounts.get_user("staff"))
    for form in (None, {"a": "b"}):
        answer = await api.client.post(CREATE, headers=as_user(token), data=form)
        assert (answer.status_code, answer.json()) == (200, nothing)
    assert spooled(api) == []


@pytest.mark.asyncio
async def test_only_staff_uploads(api: Served, tmp_path: Path) -> None:
    files = {"file": ("tst-1.fits", a_fits(tmp_path))}
    assert (await api.client.post(CREATE, files=files)).status_code == 401
    user = await api.a_user("user")
    answer = await api.client.post(CREATE, files=files, headers=as_user(user))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "You do not have permission to perform this action."
    assert spooled(api) == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=" + "b" * 71, b"", 400),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"this is no form", 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"; filename="a.fits"\r\n\r\nSIMPLE',
            400,
        ),
    ],
)
async def test_malformed_uploads_leave_nothing(
    api: Served, kind: str, content: bytes, status: int
) -> None:
    headers = as_user(await api.a_user("staff", is_staff=True)) | {"Content-Type": kind}
    answer = await api.client.post(CREATE, content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert spooled(api) == []


@pytest.mark.asyncio
async def test_an_upload_that_is_too_large(api: Served) -> None:
    headers = as_user(await api.a_user("staff", is_staff=True))
    request = httpx.Request("POST", "http://x", files={"file": ("a.fits", b"0" * 600_000)})

    async def chunks() -> AsyncIterator[bytes]:
        yield await request.aread()

    headers["Content-Type"] = request.headers["content-type"]
    answer = await api.client.post(CREATE, content=chunks(), headers=headers)
    assert answer.status_code == 413
    assert spooled(api) == []


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"a.fits", "a.fits"),
        (b"/etc/passwd", "passwd"),
        (b"..\\..\\a.fits", "a.fits"),
        (b"..", ""),
        (b"dir/", ""),
        (b" a\x00b\n.fits ", "a_b_.fits"),
        ("é.fits".encode(), "é.fits"),
        ("é.fits".encode("latin-1"), "é.fits"),
        (b"x" * 300 + b".fits", "x" * 195 + ".fits"),
    ],
)
def test_names_are_plain(raw: bytes, name: str) -> None:
    assert plain_name(raw) == name


@given(
    files=st.lists(
        st.tuples(st.sampled_from(["a.fits", "b"]), st.binary(max_size=200)), min_size=1, max_size=4
    ),
    size=st.integers(1, 50),
)
def test_the_parts_come_out_however_the_body_is_cut(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, bytes]], size: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    parts = [("file", each) for each in files]
    request = httpx.Request("POST", "http://x", data={"text": "x"}, files=parts)
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    body = request.read()
    writer = UploadWriter(boundary, Spool(folder, folder))
    for start in range(0, len(body), size):
        writer.feed(body[start : start + size])
    writer.finish()
    found = [(file.name, file.path.read_bytes()) for file in writer.files]
    assert found == files
    discard(writer.files)
    assert list(folder.iterdir()) == []


@pytest.mark.asyncio
async def test_an_upload_that_cannot_be_recorded_is_refused_and_leaves_nothing(
    api: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise UnavailableError("the database cannot be reached")

    token = await api.a_user("staff", is_staff=True)
    monkeypatch.setattr(api.archive.ingest, "_record", away)
    files = {"file": ("tst-1.fits", a_fits(tmp_path))}
    answer = await api.client.post(CREATE, files=files, headers=as_user(token))
    assert answer.status_code == 503
    assert "send tst-1.fits again" in answer.json()["detail"]
    assert answer.headers["retry-after"]
    assert spooled(api) == []
