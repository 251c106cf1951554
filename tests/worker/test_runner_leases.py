"""The runner: leases, time limits, stops, and a database that goes away."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import LogCapture

from app.core.errors import UnavailableError
from app.db.engine import Sessions, transaction
from app.db.tables import JobRow
from app.jobs.models import Job, Payload
from app.jobs.service import JobQueue
from tests.support.runners import (
    Recorder,
    eventually,
    fail_with,
    hang,
    make_runner,
    only_row,
    outcomes,
    put,
    run_two,
    run_until_empty,
    succeed,
)
from worker import runner as module
from worker.dispositions import Disposition
from worker.runner import OverdueError


@pytest.mark.asyncio
async def test_the_job_of_a_killed_worker_is_done_by_another(
    queue: JobQueue, committed_sessions: Sessions
) -> None:
    await put(queue, committed_sessions)
    assert await queue.take("killed", ("test",), lease_s=0.3) is not None
    handler = Recorder(succeed)
    await run_until_empty(make_runner(queue, handler), queue)
    assert len(handler.done) == 1


@pytest.mark.asyncio
async def test_a_long_job_keeps_its_lease(
    queue: JobQueue, other_queue: JobQueue, committed_sessions: Sessions
) -> None:
    async def work(_: Payload) -> None:
        await asyncio.sleep(0.9)

    handler = Recorder(work)
    await put(queue, committed_sessions)
    await run_two(queue, other_queue, handler, lease_s=0.3)
    assert len(handler.begun) == 1


@pytest.mark.asyncio
async def test_a_lost_lease_ends_the_attempt(
    queue: JobQueue, committed_sessions: Sessions, logs: LogCapture
) -> None:
    handler = Recorder(hang)
    await put(queue, committed_sessions)
    runner = make_runner(queue, handler, lease_s=0.15)
    running = asyncio.create_task(runner.run())

    async def is_begun() -> bool:
        return bool(handler.begun)

    await eventually(is_begun)
    later = datetime.now(UTC) + timedelta(hours=1)
    async with transaction(committed_sessions) as session:
        await session.execute(update(JobRow).values(leased_by="thief", leased_until=later))

    async def is_lost() -> bool:
        return outcomes(logs) == ["lost"]

    await eventually(is_lost)
    await runner.stop(grace_s=1)
    await running
    assert (await only_row(committed_sessions)).leased_by == "thief"


@pytest.mark.asyncio
async def test_a_stuck_job_is_cut_off(queue: JobQueue, committed_sessions: Sessions) -> None:
    handler = Recorder(hang)
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler, timeout_s=0.1), queue)
    [(_, error, disposition)] = handler.given_up
    assert isinstance(error, OverdueError)
    assert disposition is Disposition.QUARANTINE


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick_retries")
async def test_a_time_out_of_the_handler_s_own_is_not_ours(
    queue: JobQueue, committed_sessions: Sessions
) -> None:
    error = TimeoutError("the disk")
    handler = Recorder(fail_with(error))
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler, max_attempts=2), queue)
    assert [given for _, given, _ in handler.given_up] == [error]
    assert len(handler.begun) == 2


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick_retries")
async def test_a_cancellation_from_within_is_a_failure(
    queue: JobQueue, committed_sessions: Sessions, logs: LogCapture
) -> None:
    handler: Recorder

    async def work(_: Payload) -> None:
        if len(handler.begun) == 1:
            raise asyncio.CancelledError

    handler = Recorder(work)
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler), queue)
    assert outcomes(logs) == ["retried", "finished"]


@pytest.mark.asyncio
async def test_a_stop_lets_running_jobs_end_and_takes_no_more(
    queue: JobQueue, committed_sessions: Sessions, logs: LogCapture
) -> None:
    async def work(_: Payload) -> None:
        await asyncio.sleep(0.3)

    handler = Recorder(work)
    await put(queue, committed_sessions, 5)
    runner = make_runner(queue, handler)
    running = asyncio.create_task(runner.run())

    async def are_begun() -> bool:
        return len(handler.begun) == 2

    await eventually(are_begun)
    await runner.stop(grace_s=5)
    await asyncio.wait_for(running, 1)
    assert len(handler.done) == len(handler.begun) == 2
    assert outcomes(logs) == ["finished", "finished"]
    assert await queue.count() == 3


@pytest.mark.asyncio
@pytest.mark.parametrize("way", ["stop", "cancel"])
async def test_what_does_not_end_in_time_is_set_free_at_once(
    queue: JobQueue, committed_sessions: Sessions, logs: LogCapture, way: str
) -> None:
    handler = Recorder(hang)
    await put(queue, committed_sessions)
    runner = make_runner(queue, handler)
    running = asyncio.create_task(runner.run())

    async def is_begun() -> bool:
        return bool(handler.begun)

    await eventually(is_begun)
    if way == "stop":
        await asyncio.wait_for(runner.stop(grace_s=0.1), 5)
    else:
        running.cancel()
    await asyncio.wait({running}, timeout=5)
    assert running.done()
    assert outcomes(logs) == ["released"]
    assert handler.given_up == []
    job = await queue.take("other", ("test",), lease_s=60)
    assert job is not None
    assert job.attempts == 1


@pytest.mark.asyncio
async def test_a_stop_before_the_start_is_a_stop(queue: JobQueue) -> None:
    runner = make_runner(queue, Recorder(succeed))
    await asyncio.wait_for(runner.stop(grace_s=1), 1)
    await asyncio.wait_for(runner.run(), 1)


@pytest.mark.asyncio
async def test_the_database_may_go_away_and_come_back(
    queue: JobQueue,
    committed_sessions: Sessions,
    logs: LogCapture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    failures: list[Exception] = [UnavailableError("away")] * 3 + [ZeroDivisionError("a bug")]
    take, renew = queue.take, queue.renew
    renewals = 0

    async def failing_take(worker: str, kinds: Any, *, lease_s: float) -> Job | None:  # noqa: ANN401  # passed on
        if failures:
            raise failures.pop()
        return await take(worker, kinds, lease_s=lease_s)

    async def failing_renew(job: Job, lease_s: float) -> bool:
        nonlocal renewals
        renewals += 1
        if renewals < 2:  # a second one in vain would come when the lease is over
            raise UnavailableError("away")
        return await renew(job, lease_s)

    monkeypatch.setattr(queue, "take", failing_take)
    monkeypatch.setattr(queue, "renew", failing_renew)

    async def work(_: Payload) -> None:
        while renewals < 4:  # noqa: ASYNC110  # counted by the heartbeat
            await asyncio.sleep(0.01)

    handler = Recorder(work)
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler, lease_s=0.6), queue)
    assert len(handler.done) == 1
    told = [entry["event"] for entry in logs.entries]
    away = [each for each in told if each.startswith("queue unavailable")]
    assert len(away) == told.count("queue is back") == 2  # however often it was tried meanwhile
    assert told.count("queue failed") == 1
    assert outcomes(logs) == ["finished"]


@pytest.mark.asyncio
async def test_a_job_is_settled_when_the_database_is_back(
    queue: JobQueue, committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = queue.finish
    failures = [UnavailableError("away"), UnavailableError("away")]

    async def failing_finish(job: Job) -> bool:
        if failures:
            raise failures.pop()
        return await finish(job)

    monkeypatch.setattr(queue, "finish", failing_finish)
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    handler = Recorder(succeed)
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler), queue)
    assert len(handler.done) == 1
    assert failures == []


@pytest.mark.asyncio
async def test_a_job_that_cannot_be_settled_is_done_again(
    queue: JobQueue,
    committed_sessions: Sessions,
    logs: LogCapture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finish = queue.finish
    failures = [RuntimeError("odd")]

    async def failing_finish(job: Job) -> bool:
        if failures:
            raise failures.pop()
        return await finish(job)

    monkeypatch.setattr(queue, "finish", failing_finish)
    handler = Recorder(succeed)
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler, lease_s=0.2), queue)
    assert len(handler.done) == 2
    assert outcomes(logs) == ["lost", "finished"]
