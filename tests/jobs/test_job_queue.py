"""The queue against a real PostgreSQL: order, leases, rollback, many workers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select

from app.db.engine import Sessions, transaction
from app.db.tables import JobRow
from app.jobs.models import Payload, Priority
from app.jobs.service import JobQueue
from tests.support.archive import NOW
from tests.support.clocks import MovingClock

KINDS = ("ingest", "pack")


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def queue(sessions: Sessions, clock: MovingClock) -> JobQueue:
    return JobQueue(sessions, clock)


@pytest_asyncio.fixture
async def listening(committed_sessions: Sessions) -> AsyncIterator[JobQueue]:
    queue = JobQueue(committed_sessions, MovingClock())
    await queue.wait_for_work(0.01)  # returns at once: jobs may have come before
    yield queue
    await queue.close()


async def put(
    queue: JobQueue,
    sessions: Sessions,
    payload: Payload | None = None,
    *,
    kind: str = "ingest",
    priority: Priority = Priority.INGEST,
    run_at: datetime | None = None,
) -> int:
    async with transaction(sessions) as session:
        return await queue.enqueue(session, kind, payload or {}, priority=priority, run_at=run_at)


@pytest.mark.asyncio
async def test_a_job_comes_out_as_it_went_in(queue: JobQueue, sessions: Sessions) -> None:
    number = await put(queue, sessions, {"arrival": 7, "name": "ünï"})
    job = await queue.take("worker", KINDS, lease_s=60)
    assert job is not None
    assert (job.id, job.kind, job.attempts) == (number, "ingest", 1)
    assert job.payload == {"arrival": 7, "name": "ünï"}
    assert job.last_error is None
    assert await queue.take("worker", KINDS, lease_s=60) is None
    assert await queue.count() == 1
    assert await queue.finish(job)
    assert await queue.count() == 0
    assert not await queue.finish(job)


@pytest.mark.asyncio
async def test_priority_then_time_then_number(
    queue: JobQueue, sessions: Sessions, clock: MovingClock
) -> None:
    pack = await put(queue, sessions, kind="pack", priority=Priority.PACK)
    late = await put(queue, sessions, run_at=NOW + timedelta(seconds=5))
    first = await put(queue, sessions)
    second = await put(queue, sessions)
    early = await put(queue, sessions, run_at=NOW - timedelta(seconds=5))
    taken = [await queue.take("worker", KINDS, lease_s=60) for _ in range(5)]
    assert [job.id if job else None for job in taken] == [early, first, second, pack, None]
    clock.advance(5)
    job = await queue.take("worker", KINDS, lease_s=60)
    assert job is not None
    assert job.id == late


@pytest.mark.asyncio
async def test_other_kinds_are_left_alone(queue: JobQueue, sessions: Sessions) -> None:
    await put(queue, sessions, kind="render")
    assert await queue.take("worker", KINDS, lease_s=60) is None
    assert await queue.take("worker", ("render",), lease_s=60) is not None


@pytest.mark.asyncio
async def test_a_lapsed_lease_is_taken_up_and_the_first_holder_is_out(
    queue: JobQueue, sessions: Sessions, clock: MovingClock
) -> None:
    await put(queue, sessions)
    first = await queue.take("killed", KINDS, lease_s=60)
    assert first is not None
    clock.advance(59)
    assert await queue.take("other", KINDS, lease_s=60) is None
    clock.advance(1)
    second = await queue.take("other", KINDS, lease_s=60)
    assert second is not None
    assert (second.id, second.attempts) == (first.id, 2)
    assert not await queue.renew(first, 60)
    assert not await queue.postpone(first, 0, "too late")
    assert not await queue.release(first)
    assert not await queue.finish(first)
    assert await queue.finish(second)


@pytest.mark.asyncio
async def test_two_workers_of_one_name_are_told_apart(
    queue: JobQueue, sessions: Sessions, clock: MovingClock
) -> None:
    await put(queue, sessions)
    first = await queue.take("same", KINDS, lease_s=60)
    clock.advance(60)
    second = await queue.take("same", KINDS, lease_s=60)
    assert first is not None
    assert second is not None
    assert not await queue.finish(first)
    assert await queue.renew(second, 60)


@pytest.mark.asyncio
async def test_a_renewed_lease_holds(
    queue: JobQueue, sessions: Sessions, clock: MovingClock
) -> None:
    await put(queue, sessions)
    job = await queue.take("worker", KINDS, lease_s=60)
    assert job is not None
    clock.advance(50)
    assert await queue.renew(job, 60)
    clock.advance(50)
    assert await queue.take("other", KINDS, lease_s=60) is None
    clock.advance(50)  # lapsed, but nobody has taken it
    assert await queue.renew(job, 60)
    assert await queue.take("other", KINDS, lease_s=60) is None


@pytest.mark.asyncio
async def test_a_postponed_job_waits_and_remembers(
    queue: JobQueue, sessions: Sessions, clock: MovingClock
) -> None:
    await put(queue, sessions)
    job = await queue.take("worker", KINDS, lease_s=60)
    assert job is not None
    assert await queue.postpone(job, 30, "OSError: disk full")
    assert await queue.take("worker", KINDS, lease_s=60) is None
    clock.advance(30)
    again = await queue.take("worker", KINDS, lease_s=60)
    assert again is not None
    assert (again.attempts, again.last_error) == (2, "OSError: disk full")
    assert await queue.postpone(again, 0, "away", counts=False)
    third = await queue.take("worker", KINDS, lease_s=60)
    assert third is not None
    assert (third.attempts, third.last_error) == (2, "away")


@pytest.mark.asyncio
async def test_a_released_job_is_free_at_once_in_its_old_place(
    queue: JobQueue, sessions: Sessions, clock: MovingClock
) -> None:
    number = await put(queue, sessions)
    clock.advance(1)
    await put(queue, sessions)
    job = await queue.take("worker", KINDS, lease_s=60)
    assert job is not None
    assert await queue.release(job)
    again = await queue.take("other", KINDS, lease_s=60)
    assert again is not None
    assert (again.id, again.attempts) == (number, 1)


@pytest.mark.asyncio
async def test_many_workers_never_get_the_same_job(committed_sessions: Sessions) -> None:
    queue = JobQueue(committed_sessions, MovingClock())
    async with transaction(committed_sessions) as session:
        numbers = [await queue.enqueue(session, "ingest", {}) for _ in range(60)]
    taken: list[int] = []

    async def work(name: str) -> None:
        while (job := await queue.take(name, KINDS, lease_s=60)) is not None:
            taken.append(job.id)

    await asyncio.gather(*(work(f"worker-{number}") for number in range(6)))
    assert sorted(taken) == numbers


@pytest.mark.asyncio
async def test_a_job_that_is_just_being_taken_is_passed_over(committed_sessions: Sessions) -> None:
    queue = JobQueue(committed_sessions, MovingClock())
    await put(queue, committed_sessions)
    second = await put(queue, committed_sessions)
    async with transaction(committed_sessions) as session:
        await session.scalar(select(JobRow).order_by(JobRow.id).limit(1).with_for_update())
        job = await asyncio.wait_for(queue.take("worker", KINDS, lease_s=60), 5)
    assert job is not None
    assert job.id == second


@pytest.mark.asyncio
async def test_a_new_job_wakes_the_listener(
    listening: JobQueue, committed_sessions: Sessions
) -> None:
    waiting = asyncio.create_task(listening.wait_for_work(30))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await put(listening, committed_sessions)
    await asyncio.wait_for(waiting, 5)


@pytest.mark.asyncio
async def test_a_job_that_came_before_the_wait_is_not_missed(
    listening: JobQueue, committed_sessions: Sessions
) -> None:
    await put(listening, committed_sessions)
    await asyncio.sleep(0.05)
    await asyncio.wait_for(listening.wait_for_work(30), 5)


@pytest.mark.asyncio
async def test_a_rollback_leaves_nothing_and_notifies_nobody(
    listening: JobQueue, committed_sessions: Sessions
) -> None:
    waiting = asyncio.create_task(listening.wait_for_work(30))

    async def fail() -> None:
        async with transaction(committed_sessions) as session:
            await listening.enqueue(session, "ingest", {})
            await session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    await asyncio.sleep(0.2)
    assert not waiting.done()
    waiting.cancel()
    assert await listening.count() == 0


@pytest.mark.asyncio
async def test_a_released_job_wakes_the_listener(
    listening: JobQueue, committed_sessions: Sessions
) -> None:
    await put(listening, committed_sessions)
    await listening.wait_for_work(30)
    job = await listening.take("stopped", KINDS, lease_s=60)
    assert job is not None
    waiting = asyncio.create_task(listening.wait_for_work(30))
    await asyncio.sleep(0.05)
    await listening.release(job)
    await asyncio.wait_for(waiting, 5)
