"""Daily jobs wait once, however many workers see to it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.db.engine import Sessions
from app.jobs.models import Payload
from app.jobs.service import JobQueue
from worker.upkeep import DailyHandler, next_time

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "due"),
    [
        (13, datetime(2026, 11, 21, 13, tzinfo=UTC)),
        (12, datetime(2026, 11, 22, 12, tzinfo=UTC)),
        (0, datetime(2026, 11, 22, 0, tzinfo=UTC)),
    ],
)
def test_the_next_time_is_within_a_day(hour: int, due: datetime) -> None:
    assert next_time(NOW, hour) == due


@pytest.mark.asyncio
async def test_ten_workers_plan_one_job(committed_sessions: Sessions) -> None:
    queue = JobQueue(committed_sessions, lambda: NOW)
    due = NOW + timedelta(hours=1)
    await asyncio.gather(*(queue.ensure("daily", due) for _ in range(10)))
    assert await queue.count() == 1
    assert await queue.take("worker", ["daily"], lease_s=60) is None


@pytest.mark.asyncio
async def test_a_job_under_way_is_not_planned_again(committed_sessions: Sessions) -> None:
    queue = JobQueue(committed_sessions, lambda: NOW)
    await queue.ensure("daily", NOW)
    assert await queue.take("worker", ["daily"], lease_s=60) is not None
    await queue.ensure("daily", NOW)
    assert await queue.count() == 1


@pytest.mark.asyncio
async def test_each_slice_lets_the_next_one_wait(committed_sessions: Sessions) -> None:
    queue = JobQueue(committed_sessions, lambda: NOW)
    done: list[Payload] = []

    async def go_on(payload: Payload) -> Payload | None:
        done.append(payload)
        return {"after": len(done)} if len(done) < 3 else None

    handler = DailyHandler(queue, "daily", go_on)
    await handler.run({})
    while job := await queue.take("worker", ["daily"], lease_s=60):
        await handler.run(job.payload)
        await queue.finish(job)
    assert done == [{}, {"after": 1}, {"after": 2}]
