"""Queues and logs for tests of the runner."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import structlog
from structlog.testing import LogCapture

from app.core.clock import system_clock
from app.db.engine import Sessions
from app.jobs.service import JobQueue
from worker import queue_watch
from worker import runner as module


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
