"""Queues and logs for tests of the runner, and archives for those of the whole worker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import LogCapture

from app.context import Factory
from app.core.clock import system_clock
from app.core.offload import Offload
from app.db.engine import Sessions
from app.jobs.service import JobQueue
from tests.support.archive import an_archive, settings_in
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


@pytest_asyncio.fixture
async def watched_archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Factory]:
    """Give an archive that notices files soon; `work` on it."""
    settings = settings_in(tmp_path, settle_s=0.2, sweep_s=0.3, pack="never")
    factory = an_archive(settings, committed_sessions, engine, offload)
    yield factory
    await factory.jobs.close()
