"""Files of the inbox are recorded some at once, by several workers, each file once."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions, transaction
from app.db.tables import JobRow
from app.ingest.models import INGEST_JOB
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.floods import drop, tiny_fits
from tests.support.ingesting import dropped, filed

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    return an_archive(settings_in(tmp_path, pack="never"), committed_sessions, engine, offload)


async def jobs(archive: Factory) -> list[int]:
    """Give the numbers of the arrivals that jobs wait for, in the order of the jobs."""
    selected = select(JobRow.payload).where(JobRow.kind == INGEST_JOB).order_by(JobRow.id)
    async with transaction(archive.sessions) as session:
        return [payload["arrival_id"] for payload in (await session.execute(selected)).scalars()]


async def test_each_gets_one_arrival_and_one_job_whoever_announces_it(archive: Factory) -> None:
    inbox = archive.settings.inbox
    drop(inbox, range(60))
    new = [dropped(path) for path in sorted(inbox.iterdir())]
    batches = [new[:40], new[::-1][:40], new[10:50], new[::-1][10:50], new]
    answers = await asyncio.gather(*(archive.ingest.announce_all(batch) for batch in batches))
    assert answers == [[], [], [], [], []]
    arrivals = (await archive.ingest.list(None, Window(limit=100))).items
    assert sorted(each.filename for each in arrivals) == [each.filename for each in new]
    assert sorted(await jobs(archive)) == sorted(each.id for each in arrivals)


async def test_what_is_open_settled_or_replaced_is_told_apart(archive: Factory) -> None:
    inbox = archive.settings.inbox
    drop(inbox, range(5))
    paths = sorted(inbox.iterdir())
    settled = dropped(paths[0])
    await filed(archive, paths[0])
    paths[0].hardlink_to(paths[1])  # another file of that name: a new arrival
    first = [dropped(path) for path in paths]
    assert await archive.ingest.announce_all([]) == []
    assert await archive.ingest.announce_all(first) == []
    for path in (paths[2], paths[3]):
        path.write_bytes(tiny_fits(100) * 2)
    by_name = {each.filename: each for each in (await archive.ingest.list(None, Window())).items}
    await archive.ingest._start(by_name[paths[3].name].id)
    again = [dropped(path) for path in paths[1:]]
    assert await archive.ingest.announce_all([settled, *again]) == [again[2], settled]
    waiting = {each.filename: each for each in (await archive.ingest.list(None, Window())).items}
    assert waiting[paths[2].name].source_identity == again[1].source_identity
    assert waiting[paths[3].name].source_identity == first[3].source_identity
    assert len(await jobs(archive)) == 6  # that of the frame was never taken


async def test_times_of_versions_never_run_back(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    ahead = []
    for ahead_s in (3600, 0, 7200):
        moment = NOW + timedelta(seconds=ahead_s)
        archive = an_archive(
            settings_in(tmp_path, pack="never"),
            committed_sessions,
            engine,
            offload,
            lambda moment=moment: moment,  # type: ignore[misc]  # a bound default
        )
        path = archive.settings.inbox / "a.fits"
        path.write_bytes(tiny_fits(ahead_s))
        newest_first = (await filed(archive, path)).versions
        ahead.append([(each.created_at - NOW).total_seconds() for each in newest_first])
    assert ahead == [[3600], [3600, 3600], [7200, 3600, 3600]]
