"""The runner against a real PostgreSQL: what is done, tried again and given up."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import LogCapture

from app.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from app.db.engine import Sessions
from app.jobs.models import Payload
from app.jobs.service import JobQueue
from tests.support.runners import (
    Recorder,
    eventually,
    fail_with,
    make_runner,
    only_row,
    outcomes,
    put,
    run_two,
    run_until_empty,
    succeed,
)
from worker.dispositions import Disposition


@pytest.mark.asyncio
async def test_jobs_are_done_once_and_logged(
    queue: JobQueue, committed_sessions: Sessions, logs: LogCapture
) -> None:
    handler = Recorder(succeed)
    await put(queue, committed_sessions, 7)
    await run_until_empty(make_runner(queue, handler), queue)
    assert sorted(payload["number"] for payload in handler.done) == list(range(7))
    entries = [entry for entry in logs.entries if entry["event"] == "job"]
    assert {(entry["kind"], entry["outcome"]) for entry in entries} == {("test", "finished")}
    assert len(entries) == 7
    assert all(0 <= entry["seconds"] < 10 for entry in entries)


@pytest.mark.asyncio
async def test_two_runners_share_the_work(
    queue: JobQueue, other_queue: JobQueue, committed_sessions: Sessions
) -> None:
    async def work(_: Payload) -> None:
        await asyncio.sleep(0.01)

    handler = Recorder(work)
    await put(queue, committed_sessions, 20)
    await run_two(queue, other_queue, handler)
    assert sorted(payload["number"] for payload in handler.begun) == list(range(20))


@pytest.mark.asyncio
async def test_no_more_run_at_once_than_told(queue: JobQueue, committed_sessions: Sessions) -> None:
    running = most = 0

    async def work(_: Payload) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1

    await put(queue, committed_sessions, 9)
    await run_until_empty(make_runner(queue, Recorder(work), concurrency=3), queue)
    assert most == 3


@pytest.mark.asyncio
async def test_a_new_job_is_taken_at_once(queue: JobQueue, committed_sessions: Sessions) -> None:
    handler = Recorder(succeed)
    runner = make_runner(queue, handler, poll_s=60)
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0.2)
    await put(queue, committed_sessions)

    async def is_done() -> bool:
        return bool(handler.done)

    await eventually(is_done)
    await runner.stop(grace_s=1)
    await running


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "disposition", "outcome"),
    [
        (InvalidError("no DATE-OBS"), Disposition.QUARANTINE, "quarantined"),
        (ConflictError("other bytes"), Disposition.QUARANTINE, "quarantined"),
        (NotFoundError("vanished"), Disposition.DISCARD, "discarded"),
    ],
)
async def test_what_is_given_up_is_told_to_the_handler_and_leaves_the_queue(
    queue: JobQueue,
    committed_sessions: Sessions,
    logs: LogCapture,
    error: Exception,
    disposition: Disposition,
    outcome: str,
) -> None:
    handler = Recorder(fail_with(error))
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler), queue)
    assert handler.given_up == [({"number": 0}, error, disposition)]
    assert len(handler.begun) == 1
    assert outcomes(logs) == [outcome]


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick_retries")
async def test_what_nobody_foresaw_is_retried_a_few_times_with_traceback(
    queue: JobQueue, committed_sessions: Sessions, logs: LogCapture
) -> None:
    error = ZeroDivisionError("oh")
    handler = Recorder(fail_with(error))
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler, max_attempts=3), queue)
    assert outcomes(logs) == ["retried", "retried", "quarantined"]
    assert handler.given_up == [({"number": 0}, error, Disposition.QUARANTINE)]
    told = [entry for entry in logs.entries if entry["event"] == "job failed unforeseen"]
    assert [entry["exc_info"] for entry in told] == [error] * 3


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick_retries")
async def test_what_is_away_is_waited_for_without_end(
    queue: JobQueue, committed_sessions: Sessions
) -> None:
    handler: Recorder

    async def work(_: Payload) -> None:
        if len(handler.begun) < 12:
            raise UnavailableError("storage is away")

    handler = Recorder(work)
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler, max_attempts=3), queue)
    assert len(handler.begun) == 12
    assert handler.given_up == []


@pytest.mark.asyncio
async def test_a_retry_waits(queue: JobQueue, committed_sessions: Sessions) -> None:
    handler = Recorder(fail_with(OSError("odd")))
    await put(queue, committed_sessions)
    runner = make_runner(queue, handler)
    running = asyncio.create_task(runner.run())

    async def is_postponed() -> bool:
        return (await only_row(committed_sessions)).last_error is not None

    await eventually(is_postponed)
    row = await only_row(committed_sessions)
    assert row.last_error == "OSError: odd"
    assert row.run_at > datetime.now(UTC) + timedelta(seconds=1)
    assert row.leased_until is None
    await runner.stop(grace_s=1)
    await running
    assert len(handler.begun) == 1


@pytest.mark.asyncio
@pytest.mark.usefixtures("quick_retries")
async def test_a_failing_give_up_loses_nothing(
    queue: JobQueue, committed_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = Recorder(fail_with(InvalidError("no DATE-OBS")))
    give_up = handler.give_up
    failures = [OSError(28, "disk full"), UnavailableError("away")]

    async def fail_first(payload: Payload, error: Exception, disposition: Disposition) -> None:
        if failures:
            raise failures.pop()
        await give_up(payload, error, disposition)

    monkeypatch.setattr(handler, "give_up", fail_first)
    await put(queue, committed_sessions)
    await run_until_empty(make_runner(queue, handler), queue)
    assert len(handler.begun) == 3
    assert len(handler.given_up) == 1
