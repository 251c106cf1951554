"""Workers verify a slice at a time; a day's run survives restarts, kills and other workers."""

import asyncio

import pytest

from app.context import Factory
from app.verification import stored as stored_module
from app.verification.models import VerificationBusyError
from app.verification.nightly import VERIFY_JOB
from tests.support.frames import a_frame
from tests.support.verifying import AT_ONCE, MENDING, put
from worker.dispositions import Disposition
from worker.upkeep import DAILY_KINDS, daily_handlers

pytestmark = pytest.mark.asyncio


async def test_every_daily_job_has_a_handler(live: Factory) -> None:
    assert set(daily_handlers(live)) == set(DAILY_KINDS)
    assert VERIFY_JOB in DAILY_KINDS


async def test_slices_follow_each_other_to_the_end(
    live: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await a_frame(live.sessions, store=live.store)
    monkeypatch.setattr(stored_module, "_BATCH", 1)
    put(live.settings.spool_dir / "copy-0a", b"left by a crash")
    following = await live.nightly.go_on({}, wish=MENDING, slice_s=0)
    slices = 1
    while following is not None:
        following = await live.nightly.go_on(following, wish=MENDING, slice_s=0.001)
        slices += 1
    run = await live.verification.last()
    assert run.finished_at is not None
    assert (run.files_read, run.mends, slices > 5) == (4, True, True)
    assert list(live.settings.spool_dir.iterdir()) == []


async def test_a_killed_slice_is_done_again_by_the_same_job(live: Factory) -> None:
    await a_frame(live.sessions, store=live.store)
    rest = await live.nightly.go_on({}, slice_s=0)
    first = await live.verification.last()
    assert rest == {"run": first.id}
    assert await live.nightly.go_on({}, wish=MENDING) is None
    again = await live.verification.last()
    assert again.finished_at is not None
    assert again.id == first.id
    await live.nightly.go_on(rest)
    last = await live.verification.last()
    assert last == again, "a job of a run that came to its end begins no other one"


async def test_two_who_go_on_with_a_run_do_not_both(live: Factory) -> None:
    for _ in range(3):
        await a_frame(live.sessions, store=live.store)
    outcomes = await asyncio.gather(
        *(live.verification.run(AT_ONCE) for _ in range(2)), return_exceptions=True
    )
    runs = [each for each in outcomes if not isinstance(each, BaseException)]
    errors = [each for each in outcomes if isinstance(each, BaseException)]
    assert all(isinstance(each, VerificationBusyError) for each in errors)
    assert {each.files_read for each in runs} == {3}


async def test_the_handler_gives_a_failing_run_to_the_next_day(live: Factory) -> None:
    handler = daily_handlers(live)[VERIFY_JOB]
    await a_frame(live.sessions, store=live.store)
    await handler.run({})
    assert (await live.verification.last()).finished_at is not None
    await handler.give_up({}, ValueError("x"), Disposition.QUARANTINE)
