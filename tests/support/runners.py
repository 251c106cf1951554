"""Runners of jobs, and handlers that remember, for tests."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import select
from structlog.testing import LogCapture

from app.db.engine import Sessions, transaction
from app.db.tables import JobRow
from app.jobs.models import Payload
from app.jobs.service import JobQueue
from worker.dispositions import Disposition
from worker.runner import Runner

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
