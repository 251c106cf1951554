"""Deletion, its undoing and the audit, over HTTP."""

import csv
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.frames import FUTURE, Made, a_frame
from tests.support.serving import Served, as_user, served

pytestmark = pytest.mark.asyncio

DELETIONS = ("/frames/{}/", "/frames/{}/delete/", "/pyobs/frames/{}/delete/", "/archive/frames/{}/")


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    async with served(
        an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: NOW)
    ) as api:
        yield api


@pytest_asyncio.fixture
async def staff(api: Served) -> str:
    return await api.a_user("ada", is_staff=True)


@pytest_asyncio.fixture
async def root(api: Served) -> str:
    return await api.a_user("root", is_superuser=True)


async def stored(api: Served, basename: str | None = None, **facts: Any) -> Made:  # noqa: ANN401  # of a_frame
    return await a_frame(api.archive.sessions, basename, store=api.archive.store, **facts)


async def test_who_may_do_what(api: Served, staff: str) -> None:
    made = await stored(api)
    user = await api.a_user("bo")
    paths = (
        ("DELETE", f"/frames/{made.id}/"),
        ("DELETE", f"/frames/{made.id}/delete/"),
        ("GET", "/removed-frames/"),
        ("POST", "/removed-frames/1/restore/"),
        ("GET", "/audit/"),
    )
    for method, path in paths:
        statuses = [
            (await api.client.request(method, path, headers=as_user(token))).status_code
            for token in (None, user)
        ]
        assert statuses == [401, 403], path
    assert (await api.get("/removed-frames/", staff)).json()["count"] == 0


@pytest.mark.parametrize("path", DELETIONS)
async def test_every_deletion_can_be_undone(api: Served, root: str, path: str) -> None:
    made = await stored(api)
    before = (await api.get(f"/archive/frames/{made.id}/")).json()
    answer = await api.client.delete(path.format(made.id), headers=as_user(root))
    assert answer.status_code in {200, 204}
    assert answer.content == b""
    assert (await api.get(f"/frames/{made.id}/")).status_code == 404
    (entry,) = (await api.get("/removed-frames/", root)).json()["results"]
    assert (entry["frame_id"], entry["basename"]) == (made.id, made.basename)
    restored = await api.client.post(
        f"/removed-frames/{entry['id']}/restore/", headers=as_user(root)
    )
    assert restored.status_code == 200
    assert restored.json() == {**entry, "state": "restored"}
    after = (await api.get(f"/archive/frames/{made.id}/")).json()
    assert after == before
    content = (await api.get(f"/frames/{made.id}/download/")).content
    assert content == made.content


async def test_what_is_said_of_a_deletion(api: Served, staff: str) -> None:
    made = await stored(api, "tst-1")
    path = f"/frames/{made.id}/?reason=clouds, mostly"
    assert (await api.client.delete(path, headers=as_user(staff))).status_code == 204
    page = (await api.get("/removed-frames/", staff)).json()
    (entry,) = page["results"]
    assert page.keys() == {"count", "next", "previous", "results"}
    assert entry.keys() == {
        "id", "frame_id", "basename", "removed_at", "removed_by", "reason", "expires_at",
        "size_bytes", "state",
    }  # fmt: skip
    assert (entry["removed_by"], entry["reason"]) == ("ada", "clouds, mostly")
    assert (entry["size_bytes"], entry["state"]) == (len(made.content), "kept")
    for state, count in (("kept", 1), ("restored", 0), ("", 1)):
        assert (await api.get("/removed-frames/", staff, state=state)).json()["count"] == count
    wrong = await api.get("/removed-frames/", staff, state="lost")
    assert (wrong.status_code, "lost" in wrong.json()["state"][0]) == (400, True)
    long = await api.client.delete(f"/frames/1/?reason={'x' * 1001}", headers=as_user(staff))
    assert (long.status_code, "reason" in long.json()) == (400, True)


async def test_what_is_in_the_way_is_told(api: Served, staff: str) -> None:
    made = await stored(api, "tst-1")
    await api.client.delete(f"/frames/{made.id}/", headers=as_user(staff))
    (entry,) = (await api.get("/removed-frames/", staff)).json()["results"]
    again = await stored(api, "tst-1")
    path = f"/removed-frames/{entry['id']}/restore/"
    answer = await api.client.post(path, headers=as_user(staff))
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:skyshelf:problem:restore-conflict"
    assert f"as frame {again.id}; delete that one first" in answer.json()["detail"]
    missing = await api.client.post("/removed-frames/999999/restore/", headers=as_user(staff))
    assert missing.status_code == 404


async def test_staff_see_no_more_than_other_users(api: Served, staff: str, root: str) -> None:
    hidden = await stored(api, "hidden", public_at=FUTURE, proposal="P")
    public = await stored(api, "public")
    for made in (hidden, public):
        await api.client.delete(f"/frames/{made.id}/", headers=as_user(root))
    await api.client.post("/removed-frames/999999/restore/", headers=as_user(staff))
    seen = [
        [each["basename"] for each in (await api.get("/removed-frames/", token)).json()["results"]]
        for token in (staff, root)
    ]
    assert seen == [["public"], ["public", "hidden"]]
    numbers = [each["id"] for each in (await api.get("/removed-frames/", root)).json()["results"]]
    path = f"/removed-frames/{numbers[1]}/restore/"
    assert (await api.client.post(path, headers=as_user(staff))).status_code == 404
    assert (await api.get("/audit/", staff)).json()["count"] == 0
    assert (await api.get("/audit/", root)).json()["count"] == 2


async def test_the_audit(api: Served, staff: str, root: str) -> None:
    made = await stored(api, "tst-1")
    await api.client.delete(f"/frames/{made.id}/?reason=why", headers=as_user(staff))
    (entry,) = (await api.get("/removed-frames/", staff)).json()["results"]
    await api.client.post(f"/removed-frames/{entry['id']}/restore/", headers=as_user(root))
    lines = (await api.get("/audit/", root)).json()["results"]
    shown = [(each["who"], each["action"], each["subject"], each["reason"]) for each in lines]
    assert shown == [
        ("root", "restore frame", "frame tst-1", None),
        ("ada", "remove frame", "frame tst-1", "why"),
    ]
    assert lines[1]["details"] == {"frame_id": made.id, "removal_id": entry["id"]}
    for query, count in (
        ({"subject": "TST"}, 2),
        ({"subject": "t%1"}, 0),
        ({"who": "ada"}, 1),
        ({"action": "restore frame"}, 1),
        ({"who": "nobody"}, 0),
        ({"limit": 1}, 2),
    ):
        assert (await api.get("/audit/", root, **query)).json()["count"] == count, query
    own = (await api.get("/audit/", staff)).json()["results"]
    assert [each["who"] for each in own] == ["ada"]
    nul = await api.client.get("/audit/?subject=%00", headers=as_user(root))
    assert nul.status_code == 400


async def test_both_lists_are_tables_too(api: Served, root: str) -> None:
    for name in ("tst-1", "tst-2"):
        made = await stored(api, name)
        assert (await api.client.delete(f"/frames/{made.id}/", headers=as_user(root))).is_success
    for path, column, newest in (
        ("/removed-frames/", "basename", "tst-2"),
        ("/audit/", "subject", "frame tst-2"),
    ):
        found = list(csv.DictReader((await api.get(path, root, format="csv")).text.splitlines()))
        assert [each["reason"] for each in found] == ["", ""], path
        assert found[0][column] == newest
        page = (await api.get(path, root, fields=column, limit=1)).json()
        assert (page["results"], page["count"]) == ([{column: newest}], 2)
        assert (await api.get(path, None, format="csv")).status_code == 401
    details = await api.get("/audit/", root, format="csv", fields="details")
    assert "removal_id" in details.text
    gone = await api.get("/removed-frames/", root, format="csv", state="purged")
    assert len(gone.text.splitlines()) == 1
