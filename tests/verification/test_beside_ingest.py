"""Verified again and again while files are filed, packed, sent in twice and deleted: no alarm."""

import asyncio

import pytest

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.paging import Window
from app.frames.models import FrameQuery
from app.ingest.models import NewArrival, Source
from app.verification.models import Finding, Wish
from tests.support.fits_files import make_fits
from tests.support.ingesting import dropped
from worker.handlers import frame_handlers
from worker.runner import Runner

pytestmark = pytest.mark.asyncio

FILES = 24
PATIENT = Wish(mends=True, is_fresh=True, bytes_per_s=0, pause_s=0.3)
"""With the usual grace: what is younger may be in use."""


async def drop(archive: Factory) -> None:
    """Let files come in by the inbox and by uploads, some of them twice."""
    for number in range(FILES):
        path = make_fits(archive.settings.inbox / f"f{number:02d}.fits", OBJECT=f"o{number // 2}")
        content = path.read_bytes()
        assert await archive.ingest.announce(dropped(path))
        if number % 3 == 0:
            held = archive.spool.new_path()
            await asyncio.to_thread(held.write_bytes, content)
            new = NewArrival(Source.UPLOAD, f"u{number:02d}.fits", len(content), held_path=held)
            await archive.ingest.take_in(new)
        if number % 5 == 4:
            page = await archive.frames.search(FrameQuery(window=Window(limit=1)), SYSTEM)
            for frame in page.items:
                await archive.removal.remove(frame.id, SYSTEM)


async def test_no_false_alarm(live: Factory) -> None:
    handlers = frame_handlers(live)
    runner = Runner(live.jobs, handlers, concurrency=2, worker_name="worker")
    running = asyncio.create_task(runner.run())
    dropping = asyncio.create_task(drop(live))
    found: list[Finding] = []
    rounds = 0
    while not dropping.done() or rounds < 3:
        run = await live.verification.run(PATIENT)
        found += (await live.verification.findings(run.id, Window(limit=1000))).items
        rounds += 1
    await dropping
    await runner.stop(grace_s=30)
    await running
    await live.jobs.close()
    assert found == []
    assert rounds >= 3
