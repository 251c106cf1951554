"""Uploads while a disk is full, read-only or not permitted: a clear no, and nothing stays."""

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.ingest.models import ArrivalState
from app.storage import volumes
from app.storage.volumes import Volumes
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.refusing_disks import FULL, fill, refuse_writing, remount, small_disk
from tests.support.serving import Served, as_user, served

MIB = 1 << 20
CREATE = "/frames/create/"
PYOBS_CREATE = "/pyobs/frames/create/"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volumes, "_BAD_FOR_S", 0.0)


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    settings = settings_in(tmp_path, min_free_bytes=0)
    async with served(an_archive(settings, committed_sessions, engine, offload)) as api:
        yield api


def folder_of(api: Served, volume: str) -> Path:
    folder: Path = api.archive.settings.data_dir.absolute() / volume
    return folder


async def send(
    api: Served, tmp_path: Path, token: str, path: str = CREATE, size_px: int = 24
) -> httpx.Response:
    file = tmp_path / "made" / "tst-1.fits"
    content = make_fits(file, shape=(32, size_px)).read_bytes()
    files = {"file": ("tst-1.fits", content)}
    return await api.client.post(path, files=files, headers=as_user(token))


async def is_noticed(api: Served) -> None:
    """Volumes are tried again, as they are after some seconds."""
    async with asyncio.timeout(30):
        while all(one.is_ok for one in await api.archive.volumes.reports(max_age_s=0)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def is_untouched(api: Served) -> None:
    """Nothing is stored, nothing waits, nothing lies in the spool."""
    settings = api.archive.settings
    for folder in (settings.spool_dir, settings.archive_dir, settings.quarantine_dir):
        assert [path for path in folder.rglob("*") if path.name != ".ballast"] == []
    assert (await api.get("/frames/")).json()["count"] == 0
    assert await api.archive.jobs.count() == 0
    arrivals = await api.archive.ingest.list(None, Window())
    assert {arrival.state for arrival in arrivals.items} <= {ArrivalState.DISCARDED}


async def is_taken_again(api: Served, tmp_path: Path, token: str) -> None:
    async with asyncio.timeout(30):
        while (answer := await send(api, tmp_path, token)).status_code != 200:  # noqa: ASYNC110  # asks
            await asyncio.sleep(0.05)
    assert answer.json()["created"] == 1, answer.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("volume", "number", "path"),
    [
        ("archive", errno.ENOSPC, CREATE),
        ("spool", errno.EROFS, PYOBS_CREATE),
        ("quarantine", errno.EACCES, CREATE),
        ("archive", errno.EDQUOT, PYOBS_CREATE),
        ("spool", errno.EIO, CREATE),
    ],
)
async def test_a_disk_in_trouble_refuses_uploads(
    api: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    volume: str,
    number: int,
    path: str,
) -> None:
    token = await api.a_user("staff", is_staff=True)
    refusing = refuse_writing(monkeypatch, folder_of(api, volume), number)
    await is_noticed(api)
    answer = await send(api, tmp_path, token, path)
    assert answer.status_code == (507 if number in FULL else 503), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert str(tmp_path) not in answer.text
    refusing.is_on = False
    await is_untouched(api)
    await is_taken_again(api, tmp_path, token)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("volume", "number"),
    [("archive", errno.ENOSPC), ("spool", errno.EACCES), ("archive", errno.EROFS)],
)
async def test_trouble_that_shows_late_leaves_nothing_either(
    api: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, volume: str, number: int
) -> None:
    """The volume seemed sound when the upload began."""

    async def seem_sound(*_: object, **__: object) -> None:
        """Find nothing."""

    token = await api.a_user("staff", is_staff=True)
    with monkeypatch.context() as patch:
        patch.setattr(Volumes, "require_room", seem_sound)
        refuse_writing(patch, folder_of(api, volume), number)
        answer = await send(api, tmp_path, token)
    assert answer.status_code == (507 if number in FULL else 503), answer.text
    await is_untouched(api)
    await is_taken_again(api, tmp_path, token)


@pytest.mark.asyncio
async def test_what_will_not_fit_is_refused_before_it_is_read(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    settings = settings_in(tmp_path, min_free_bytes=10**18)
    async with served(an_archive(settings, committed_sessions, engine, offload)) as api:
        token = await api.a_user("staff", is_staff=True)
        answer = await send(api, tmp_path, token)
        assert answer.status_code == 507
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:skyshelf:problem:storage-full"
        await is_untouched(api)
        ready = await api.get("/health/ready/")
        assert ready.status_code == 503
        states = {check["name"]: check["state"] for check in ready.json()["checks"]}
        assert states["archive"] == "low"
        assert states["database"] == "ok"
        assert str(tmp_path) not in ready.text


@pytest.mark.asyncio
@pytest.mark.parametrize(("volume", "trouble"), [("archive", "full"), ("spool", "read-only")])
async def test_a_real_disk_in_trouble(
    api: Served, tmp_path: Path, volume: str, trouble: str
) -> None:
    token = await api.a_user("staff", is_staff=True)
    with small_disk(folder_of(api, volume), 4 * MIB) as disk:
        ballast = fill(disk) if trouble == "full" else None
        if ballast is None:
            remount(disk, "ro")
        await is_noticed(api)
        answer = await send(api, tmp_path, token)
        assert answer.status_code == (507 if trouble == "full" else 503), answer.text
        assert (await api.get("/health/ready/")).status_code == 503
        if ballast is None:
            remount(disk, "rw")
        else:
            ballast.unlink()
        await is_untouched(api)
        await is_taken_again(api, tmp_path, token)
        assert (await api.get("/health/ready/")).status_code == 200


@pytest.mark.asyncio
async def test_a_preview_cache_in_trouble_is_told_and_the_service_ready(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_writing(monkeypatch, folder_of(api, "previews"), errno.ENOSPC)
    await is_noticed(api)
    answer = await api.get("/health/ready/")
    assert answer.status_code == 200
    states = {check["name"]: check["state"] for check in answer.json()["checks"]}
    assert states["previews"] == "full"
