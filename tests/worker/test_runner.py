"""The runner against a real PostgreSQL: outcomes, leases, stops, and a database that goes away."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import structlog
from sqlalchemy import select, update
from structlog.testing import LogCapture

from app.core.clock import system_clock
from app.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from app.db.engine import Sessions, transaction
from app.db.tables import JobRow
from app.jobs.models import Job, Payload
from app.jobs.service import JobQueue
from worker import queue_watch
from worker import runner as module
from worker.dispositions import Disposition
from worker.runner import OverdueError, Runner

Run = Callable[[Payload], Coroutine[Any, Any, None]]


class Recorder:
    """A handler that does what it is told, and remembers."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.begun: list[Payload] = []
        self.done: list[Payload] = []
        self.given_up: list[tuple[Payload, Exception, Disposition]] = []

    async def run(self, payload: Payload) -> None:
        self.begun.append(payload)
        await self._run(payload)
        self.done.append(payload)

    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        self.given_up.append((payload, error, disposition))


async def succeed(_: Payload) -> None:
    """Do nothing."""


async def hang(_: Payload) -> None:
    await asyncio.Event().wait()


def fail_with(error: BaseException) -> Run:
    async def fail(_: Payload) -> None:
        raise error

    return fail


@pytest_asyncio.fixture
async def queue(committed_sessions: Sessions) -> AsyncIterator[JobQueue]:
    queue = JobQueue(committed_sessions, system_clock)
    yield queue
    await queue.close()


@pytest_asyncio.fixture
async def other_queue(committed_sessions: Sessions) -> AsyncIterator[JobQueue]:
    queue = JobQueue(committed_sessions, system_clock)
    yield queue
    await queue.close()


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    capture = LogCapture()
    for each in (module, queue_watch):
        monkeypatch.setattr(each, "_log", structlog.stdlib.BoundLogger(None, [capture], {}))
    return capture


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "retry_delay_s", lambda _error, _attempts: 0.0)


def make_runner(queue: JobQueue, handler: Recorder, **options: Any) -> Runner:  # noqa: ANN401  # the runner's own
    given = {"concurrency": 2, "worker_name": "test", "poll_s": 0.05, **options}
    return Runner(queue, {"test": handler}, **given)


async def put(queue: JobQueue, sessions: Sessions, count: int = 1) -> None:
    async with transaction(sessions) as session:
        for number in range(count):
            await queue.enqueue(session, "test", {"number": number})


async def eventually(condition: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110  # looks into the database
            await asyncio.sleep(0.01)


async def run_until_empty(runner: Runner, queue: JobQueue) -> None:
    async def is_empty() -> bool:
        return await queue.count() == 0

    running = asyncio.create_task(runner.run())
    await eventually(is_empty)
    await runner.stop(grace_s=5)
    await asyncio.wait_for(running, 5)


async def run_two(
    queue: JobQueue,
    other_queue: JobQueue,
    handler: Recorder,
    **options: Any,  # noqa: ANN401  # the runner's own
) -> None:
    async with asyncio.TaskGroup() as group:
        for one in (queue, other_queue):
            group.create_task(run_until_empty(make_runner(one, handler, **options), one))


def outcomes(logs: LogCapture) -> list[str]:
    return [entry["outcome"] for entry in logs.entries if entry["event"] == "job"]


async def only_row(sessions: Sessions) -> JobRow:
    async with transaction(sessions) as session:
        return (await session.scalars(select(JobRow))).one()


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
