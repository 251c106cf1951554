"""Deletion, by staff and by DELETE alone."""

import pytest

from tests.support.frames import FUTURE, a_frame
from tests.support.pyobs import Pyobs
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio


async def test_pyo_36_delete_removes_row_and_file(pyobs: Pyobs) -> None:
    made = await pyobs.a_file("tst-1", b"bytes")
    other = await pyobs.a_file("tst-2", b"others")
    archived = pyobs.archive.settings.archive_dir
    assert list(archived.rglob("tst-1*"))
    answer = await pyobs.delete(made.id)
    assert (answer.status_code, answer.content) == (200, b"")
    assert [path for path in archived.rglob("tst-1*") if ".trash" not in path.parts] == []
    assert (await pyobs.get(f"frames/{made.id}/")).status_code == 404
    again = await pyobs.delete(made.id)
    assert (again.status_code, again.json()) == (404, {"detail": "Not found."})
    assert await pyobs.found() == ["tst-2"]
    assert (await pyobs.get(f"frames/{other.id}/download/")).content == b"others"


async def test_pyo_36_other_methods_delete_nothing(pyobs: Pyobs) -> None:
    made = await pyobs.a_file("kept", b"bytes")
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH"):
        path = f"/pyobs/frames/{made.id}/delete/"
        answer = await pyobs.client.request(method, path, headers=as_user(pyobs.staff))
        assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE"), method
    assert await pyobs.found() == ["kept"]


async def test_pyo_36_a_file_that_is_gone_does_not_matter(pyobs: Pyobs) -> None:
    made = await pyobs.a_file("gone", b"bytes")
    for path in pyobs.archive.settings.archive_dir.rglob("gone*"):
        path.unlink()
    assert (await pyobs.delete(made.id)).status_code == 200
    assert await pyobs.found() == []


async def test_pyo_36_what_staff_does_not_see_is_not_there(pyobs: Pyobs) -> None:
    hidden = await a_frame(pyobs.archive.sessions, proposal="P-7", public_at=FUTURE)
    assert (await pyobs.delete(hidden.id)).status_code == 404
