"""The runner when PostgreSQL itself is stopped and started again under it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from structlog.testing import LogCapture

from app.core.clock import system_clock
from app.db.embedded import EmbeddedPostgres
from app.db.engine import Sessions, make_engine, make_sessions, transaction
from app.db.schema import migrate
from app.jobs.models import Payload
from app.jobs.service import JobQueue
from worker import runner as module
from worker.dispositions import Disposition
from worker.runner import Runner


class Notes:
    """A handler that notes what it did, and takes its time."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self.done: asyncio.Queue[int] = asyncio.Queue()
        self.go_on = asyncio.Event()

    async def run(self, payload: Payload) -> None:
        self.begun.put_nowait(payload["number"])
        await self.go_on.wait()
        self.done.put_nowait(payload["number"])

    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        raise AssertionError(payload, error, disposition)


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", fast=True)
    yield server
    await server.stop()


async def put(queue: JobQueue, sessions: Sessions, number: int) -> None:
    async with transaction(sessions) as session:
        await queue.enqueue(session, "test", {"number": number})


@pytest.mark.asyncio
async def test_a_restart_of_the_database_loses_nothing(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = LogCapture()
    monkeypatch.setattr(module, "_log", structlog.stdlib.BoundLogger(None, [logs], {}))
    engine = make_engine(await server.start(), pool_size=4)
    await migrate(engine)
    sessions = make_sessions(engine)
    queue, notes = JobQueue(sessions, system_clock), Notes()
    await put(queue, sessions, 1)
    runner = Runner(
        queue, {"test": notes}, concurrency=2, worker_name="test", lease_s=30, poll_s=0.2
    )
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(30):
        assert await notes.begun.get() == 1
        await server.stop()
        await asyncio.sleep(1.5)
        assert not running.done()
        await server.start()
        notes.go_on.set()
        assert await notes.done.get() == 1
        await put(queue, sessions, 2)
        assert await notes.done.get() == 2
        await runner.stop(grace_s=5)
        await running
    assert await queue.count() == 0
    assert [entry["outcome"] for entry in logs.entries if entry["event"] == "job"] == [
        "finished",
        "finished",
    ]
    await queue.close()
    await engine.dispose()
