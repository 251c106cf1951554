"""A job whose workers died: innocent ones are done in the end, guilty ones are given up."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.clock import system_clock
from app.db.engine import Sessions, transaction
from app.db.tables import JobRow
from app.jobs.models import Payload
from app.jobs.service import JobQueue
from worker.dispositions import Disposition
from worker.runner import Runner, SpentError

pytestmark = pytest.mark.asyncio


class Notes:
    """A handler that notes what runs at the same time."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.together: list[set[int]] = []
        self.given_up: list[Exception] = []

    async def run(self, payload: Payload) -> None:
        self.running.add(payload["number"])
        self.together.append(set(self.running))
        await asyncio.sleep(0.1)
        self.running.remove(payload["number"])

    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        assert (payload, disposition) == ({"number": 0}, Disposition.QUARANTINE)
        self.given_up.append(error)


async def put(queue: JobQueue, sessions: Sessions, number: int) -> None:
    async with transaction(sessions) as session:
        await queue.enqueue(session, "test", {"number": number})


async def die_over_the_first(queue: JobQueue, deaths: int) -> None:
    for _ in range(deaths):  # taken, then silence
        assert await queue.take("killed", ("test",), lease_s=-1) is not None


def a_runner(queue: JobQueue, notes: Notes, concurrency: int = 3) -> Runner:
    return Runner(
        queue, {"test": notes}, concurrency=concurrency, worker_name="test", lease_s=6, poll_s=0.05
    )


async def run_until_empty(runner: Runner, queue: JobQueue) -> None:
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(60):
        while await queue.count():  # noqa: ASYNC110  # the database is asked
            await asyncio.sleep(0.02)
    await runner.stop(grace_s=5)
    await running


@pytest.mark.parametrize("deaths", [5, 9])
async def test_it_is_done_alone(queue: JobQueue, committed_sessions: Sessions, deaths: int) -> None:
    await put(queue, committed_sessions, 0)
    await die_over_the_first(queue, deaths)
    for number in range(1, 7):
        await put(queue, committed_sessions, number)
    notes = Notes()
    await run_until_empty(a_runner(queue, notes), queue)
    assert notes.given_up == []
    assert [each for each in notes.together if 0 in each] == [{0}]
    assert {0} < set.union(*notes.together)
    assert any(len(each) > 1 for each in notes.together)


async def test_it_waits_for_those_that_run_already(
    queue: JobQueue, committed_sessions: Sessions
) -> None:
    notes = Notes()
    runner = a_runner(queue, notes)
    await put(queue, committed_sessions, 1)
    await runner._step()
    await put(queue, committed_sessions, 0)
    await die_over_the_first(queue, 5)
    await run_until_empty(runner, queue)
    assert notes.together == [{1}, {0}]


async def test_it_rests_longer_after_each_death(
    queue: JobQueue, committed_sessions: Sessions
) -> None:
    for deaths, rest_s in ((4, 6), (5, 12), (7, 48), (30, 192)):
        await put(queue, committed_sessions, 0)
        await die_over_the_first(queue, deaths)
        job = await queue.take("dies", ("test",), lease_s=6)
        assert job is not None
        begun = system_clock()
        keeping = asyncio.create_task(a_runner(queue, Notes())._keep_lease(job))
        await asyncio.sleep(0.3)
        keeping.cancel()
        async with transaction(committed_sessions) as session:
            (until,) = (await session.scalars(select(JobRow.leased_until))).all()
        assert until is not None
        assert abs(until - begun - timedelta(seconds=rest_s)) < timedelta(seconds=3)
        await queue.finish(job)


async def test_it_is_given_up_in_the_end(queue: JobQueue, committed_sessions: Sessions) -> None:
    await put(queue, committed_sessions, 0)
    await die_over_the_first(queue, 10)
    notes = Notes()
    await run_until_empty(a_runner(queue, notes), queue)
    assert notes.together == []
    (error,) = notes.given_up
    assert isinstance(error, SpentError)
    assert "after 10 attempts: the worker died each time" in str(error)
