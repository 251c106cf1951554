"""A hundred thousand files at once: flat memory, the first soon, none lost."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions, transaction
from app.db.tables import ArrivalRow, FrameRow
from tests.support.archive import an_archive, settings_in
from tests.support.floods import a_worker, drop, tiny_fits
from tests.support.serving import as_user, served
from tests.torture.conftest import Report

pytestmark = pytest.mark.asyncio

_FILES, _LONG_FILES = 2000, 100_000
_LONG_FILING_S = 60.0
_PATIENCE_S = 3600.0
_GROWTH_BYTES = 64 << 20
"""What a worker may need for all files together; it begins with more."""


async def states_of(sessions: Sessions) -> Counter[str]:
    """Count what came in, by its state."""
    selected = select(ArrivalRow.state, func.count()).group_by(ArrivalRow.state)
    async with transaction(sessions) as session:
        return Counter({row[0]: row[1] for row in await session.execute(selected)})


async def frames_in(sessions: Sessions) -> int:
    async with transaction(sessions) as session:
        return (await session.execute(select(func.count()).select_from(FrameRow))).scalar_one()


async def seconds_until(sessions: Sessions, since_s: float, *, files: int, frames: int) -> float:
    """Wait until so many files are recorded and so many are frames [s]."""
    while (await states_of(sessions)).total() < files or await frames_in(sessions) < frames:
        assert time.monotonic() - since_s < _PATIENCE_S
        await asyncio.sleep(0.5)
    return round(time.monotonic() - since_s, 1)


def megabytes(size_bytes: int) -> int:
    return round(size_bytes / 1e6)


def outside_of(inbox: Path) -> Path:
    """Name a folder beside the inbox."""
    return inbox.with_name("outside")


async def a_flood(inbox: Path, files: int) -> float:
    """Let half of the files come at once, and write the others before the worker's eyes [s]."""
    begin_s = time.monotonic()
    outside_of(inbox).rename(inbox / "night")
    await asyncio.to_thread(drop, inbox, range(files // 2, files))
    return round(time.monotonic() - begin_s, 1)


async def an_upload(archive: Factory) -> float:
    """Send one file by the front door, where it waits for none of those in the inbox [s]."""
    async with served(archive) as api:
        token, begin_s = await api.a_user("vera", is_staff=True), time.monotonic()
        answer = await api.client.post(
            "/frames/create/", files={"a": ("a.fits", tiny_fits(-1))}, headers=as_user(token)
        )
    assert answer.json()["results"][0]["state"] == "filed", answer.text
    states = await states_of(archive.sessions)
    assert states["waiting"] > states["filed"]
    return round(time.monotonic() - begin_s, 1)


async def test_a_flood_of_files(
    tmp_path: Path,
    database_url: str,
    committed_sessions: Sessions,
    engine: AsyncEngine,
    offload: Offload,
    report: Report,
    *,
    is_long: bool,
) -> None:
    files = _LONG_FILES if is_long else _FILES
    settings = settings_in(tmp_path, database_url=database_url)
    settings.make_folders()
    await asyncio.to_thread(drop, outside_of(settings.inbox), range(files // 2))
    with a_worker(settings.data_dir, database_url, sweep_s=10 if is_long else 1) as worker:
        begin_bytes, begin_s = worker.now_bytes(), time.monotonic()
        flood = asyncio.create_task(a_flood(settings.inbox, files))
        first_s = await seconds_until(committed_sessions, begin_s, files=10, frames=10)
        dropped_s = await flood
        all_s = await seconds_until(committed_sessions, begin_s, files=files, frames=10)
        upload_s = await an_upload(an_archive(settings, committed_sessions, engine, offload))
        await asyncio.sleep(_LONG_FILING_S if is_long else 2)
        filed = await frames_in(committed_sessions)
        run_s, cpu_s = time.monotonic() - begin_s, worker.cpu_s()
    report(
        files=files,
        seconds_until_ten_are_frames=first_s,
        seconds_of_dropping=dropped_s,
        seconds_until_all_were_recorded=all_s,
        seconds_of_an_upload_then=upload_s,
        frames_after=f"{filed} in {run_s:.0f} s",
        processor_s_of_the_worker=round(cpu_s),
        megabytes_at_begin=megabytes(begin_bytes),
        megabytes_at_most=megabytes(max(worker.resident_bytes)),
    )
    assert max(worker.resident_bytes) - begin_bytes < _GROWTH_BYTES
    await nothing_lost(committed_sessions, settings.inbox, files + 1)


async def nothing_lost(sessions: Sessions, inbox: Path, files: int) -> None:
    """See that every file is a frame, or lies in the inbox and is on its way."""
    states = await states_of(sessions)
    assert set(states) <= {"waiting", "running", "filed"}
    assert states.total() == files
    assert states["filed"] == await frames_in(sessions)
    async with transaction(sessions) as session:
        opened = select(ArrivalRow.filename).where(ArrivalRow.state != "filed")
        names = set((await session.execute(opened)).scalars())
    there = await asyncio.to_thread(lambda: {path.name for path in inbox.rglob("*.fits")})
    # A worker that stopped in between has filed what lies there still: its next start knows it.
    assert names <= there
    assert len(there - names) <= 2
