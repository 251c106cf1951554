"""Killed at every step of every way in: what comes later finishes the work, and nothing is lost."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import pytest_asyncio
from _pytest.mark import ParameterSet
from sqlalchemy import select

from app.context import Factory
from app.core.faults import FaultPoint as P
from app.core.faults import arm_as_told, disarm
from app.core.paging import Window
from app.db.engine import Sessions, transaction
from app.db.tables import FileRow, FrameRow
from app.ingest.models import ArrivalState
from app.ingest.spool import note_of
from app.storage.digests import digest_file
from tests.support.journeys import JOURNEYS, an_archive_of, finish, start_and_die
from tests.support.leftovers import check_findings, leftovers, verified
from tests.support.long_run import LONG_ONLY

PLACED = (P.STAGED, P.REGISTERED, P.LINKED, P.VISIBLE, P.COMMITTED)
FILED = (P.STARTED, P.READ, P.NAMED, *PLACED, P.COPY_REMOVED)
SETTLED = (P.STARTED, P.VISIBLE, P.COMMITTED, P.COPY_REMOVED)
CLEANED = (P.COPY_REMOVED, P.SOURCE_REMOVED, P.FINISHED)
POINTS: dict[str, tuple[P, ...]] = {
    "inbox": (P.RECORDED, P.TAKEN, P.WRITING, P.COPIED, *FILED, P.SOURCE_REMOVED, P.FINISHED),
    "without links": (P.CLAIMED, P.VISIBLE),
    "duplicate": (P.COPIED, P.DUPLICATE, *CLEANED),
    "broken": (P.QUARANTINE_LINKED, P.QUARANTINE_NOTED, P.QUARANTINED, *CLEANED),
    "vanishing": (P.DISCARDED, P.FINISHED),
    "sent in again": SETTLED,
    "packed within": (P.PACKED, P.STAGED, P.VISIBLE),
    "packed later": (P.PACKED, *PLACED, P.ORIGINAL_REMOVED),
    "upload": (P.WRITING, P.UPLOAD_SPOOLED, P.RECORDED, *SETTLED, P.UPLOAD_SETTLED),
    "bulk": (P.RECORDED, P.VISIBLE, P.COMMITTED),
    "announced": (P.COPIED, P.READ, P.STAGED, P.REGISTERED, P.VISIBLE, P.COMMITTED),
    "adopted": (P.STAGED, P.VISIBLE, P.COMMITTED),
}
CASES = [(journey, point) for journey, points in POINTS.items() for point in points]
WAYS = {point: journey for journey, point in reversed(CASES)}
ENDS = {
    journey: P.COMMITTED if P.COMMITTED in POINTS[journey] else P.FINISHED for journey in POINTS
}
NOT_YET_TAKEN = {("upload", P.WRITING), ("upload", P.UPLOAD_SPOOLED)}
"""The client got no answer, and nothing was recorded: it sends the file again, or does not."""


def shortly(journey: str, point: P) -> ParameterSet:
    """Try each point on one way and each way to its end; all of both are part of the long run."""
    is_short = WAYS[point] == journey or ENDS[journey] is point
    marks = () if is_short else (LONG_ONLY,)
    return pytest.param(journey, point, marks=marks, id=f"{journey}-{point}")


@pytest.fixture(scope="module")
def forking() -> ForkServerContext:
    """Give processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["app.main", "app.fits.read", "app.fits.pack", "tests.support.journeys"]
    )
    return context


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path,
    committed_sessions: Sessions,  # noqa: ARG001  # empties the tables afterwards
    database_url: str,
    journey: str,
) -> AsyncIterator[Factory]:
    """Give the archive in which somebody has died, to whoever comes later."""
    made = an_archive_of(JOURNEYS[journey], tmp_path, database_url)
    yield made
    await made.jobs.close()
    made.offload.close()
    await made.engine.dispose()


def test_every_point_is_on_some_way() -> None:
    of_deletion = {point for point in P if point.startswith(("removal-", "restore-", "purge-"))}
    assert {point for _, point in CASES} == set(P) - of_deletion
    assert POINTS.keys() == JOURNEYS.keys()


@pytest.mark.asyncio
@pytest.mark.parametrize(("journey", "point"), [shortly(*case) for case in CASES])
async def test_what_was_killed_is_finished(
    tmp_path: Path,
    database_url: str,
    archive: Factory,
    forking: ForkServerContext,
    journey: str,
    point: P,
) -> None:
    given = (journey, tmp_path, database_url, f"{point}:kill")
    process = forking.Process(target=start_and_die, args=given)
    process.start()
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == -signal.SIGKILL, "the point was not reached"
    _let_time_pass(archive.settings.data_dir)
    again = JOURNEYS[journey].again
    if again is not None:
        await again(archive)
    await finish(archive)
    is_taken = (journey, point) not in NOT_YET_TAKEN
    await _check_catalogue(archive, JOURNEYS[journey].frames if is_taken else 0)
    states = JOURNEYS[journey].states if is_taken else ()
    await _check_arrivals(archive, states)
    assert await archive.jobs.count() == 0
    assert list(archive.settings.inbox.iterdir()) == []
    check_findings(await leftovers(archive), await verified(archive))
    assert await _unknown_keys(archive) == set()


@pytest.mark.asyncio
@pytest.mark.parametrize("journey", ["inbox"])
@pytest.mark.parametrize(
    "point",
    [
        *(P.COPIED, P.STAGED, P.VISIBLE, P.COMMITTED),
        *(pytest.param(point, marks=LONG_ONLY) for point in FILED if point not in PLACED),
    ],
    ids=str,
)
async def test_an_error_that_nobody_foresaw_is_tried_again(archive: Factory, point: P) -> None:
    await JOURNEYS["inbox"].prepare(archive)
    arm_as_told(f"{point}:raise:1")
    try:
        await finish(archive)
    finally:
        disarm()
    await _check_catalogue(archive, 1)
    await _check_arrivals(archive, ("filed",))
    assert list(archive.settings.inbox.iterdir()) == []
    found = check_findings(await leftovers(archive), await verified(archive))
    assert found.total() == (1 if point in {P.COPIED, P.STAGED} else 0)  # made, not yet handed on


def _let_time_pass(folder: Path) -> None:
    """Make what lies there as old as it is when somebody comes later."""
    then_s = time.time() - 3600
    for path in (folder / "archive").rglob("*"):
        os.utime(path, (then_s, then_s))


async def _check_catalogue(archive: Factory, frames: int) -> None:
    """See that each frame is there once and has its bytes."""
    async with transaction(archive.sessions) as session:
        names = (await session.scalars(select(FrameRow.basename))).all()
        files = (await session.scalars(select(FileRow))).all()
    assert len(names) == len(set(names)) == len(files) == frames
    for file in files:
        assert digest_file(archive.store.path(file.key)).sha256 == file.sha256


async def _check_arrivals(archive: Factory, states: tuple[str, ...]) -> None:
    """See that each file is settled, and lies in quarantine where it is said to."""
    arrivals = (await archive.ingest.list(None, Window())).items
    assert tuple(arrival.state.value for arrival in arrivals) == states, arrivals
    for arrival in arrivals:
        if arrival.state is ArrivalState.QUARANTINED:
            assert arrival.held_path is not None
            assert digest_file(arrival.held_path).sha256 == arrival.sha256
            assert note_of(arrival.held_path).is_file()


async def _unknown_keys(archive: Factory) -> set[str]:
    """List what lies at a final path and is no file of the catalogue."""
    async with transaction(archive.sessions) as session:
        known = set((await session.scalars(select(FileRow.key))).all())
    return {key async for key in archive.store.iter_keys()} - known
