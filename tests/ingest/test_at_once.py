"""The same file, or the same name, by every way at the same moment, in several workers."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import pytest

from app.core.offload import Offload
from app.ingest.models import ArrivalState
from app.ingest.tasks import PACK
from tests.support.archive import settings_in
from tests.support.fits_files import make_fits
from tests.support.many_ways import Crowd, Way, crowd_in, some_contents

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("committed_sessions")]

WAYS = (Way.INBOX, Way.UPLOAD, Way.PYOBS, Way.BULK, Way.ANNOUNCED)


@asynccontextmanager
async def crowd_of(
    folder: Path, database_url: str, offload: Offload, pack: str
) -> AsyncIterator[Crowd]:
    settings = settings_in(folder, database_url=database_url, settle_s=0.2, sweep_s=0.5, pack=pack)
    async with crowd_in(folder, settings, offload) as crowd:
        yield crowd


async def send_all(crowd: Crowd, names: Mapping[str, tuple[bytes, str]]) -> None:
    """Send files at the same moment, each by the next way."""
    async with asyncio.TaskGroup() as group:
        for way, (name, (content, target)) in zip(cycle(WAYS), names.items(), strict=False):
            group.create_task(crowd.send(way, name, content, target))
    await crowd.settled()


@pytest.mark.parametrize("pack", ["now", "later"])
async def test_the_same_bytes_ten_times_under_ten_names(
    tmp_path: Path, database_url: str, offload: Offload, pack: str
) -> None:
    ((content, target),) = some_contents(tmp_path, 1).items()
    async with crowd_of(tmp_path, database_url, offload, pack) as crowd:
        await send_all(crowd, {f"n{number}.fits": (content, target) for number in range(10)})
        (only,) = await crowd.check({content: target})
        states = [arrival.state for arrival in await crowd.arrivals()]
        was_announced = (Way.ANNOUNCED, "filed") in crowd.told
        filed = states.count(ArrivalState.FILED)
        assert filed == (0 if was_announced else 1)
        assert states.count(ArrivalState.DUPLICATE) == 8 - filed
        told = {said for _, said in crowd.told}
        assert told <= {"nothing", "filed", "duplicate", "200 1", "refused ['version_set']"}
        assert only.version.received_name in {f"n{number}.fits" for number in range(10)}


@pytest.mark.parametrize("pack", ["never", "later"])
async def test_ten_contents_of_one_name(
    tmp_path: Path, database_url: str, offload: Offload, pack: str
) -> None:
    contents = some_contents(tmp_path, 10)
    async with crowd_of(tmp_path, database_url, offload, pack) as crowd:
        async with asyncio.TaskGroup() as group:
            for way, (content, target) in zip(cycle(WAYS), contents.items(), strict=False):
                group.create_task(crowd.send(way, "a.fits", content, target))
        await crowd.settled()
        versions = await crowd.check(contents)
        assert len(versions) == 10
        assert len({each.frame.id for each in versions}) == 1
        answer = await crowd.apis[0].get("/archive/frames/", crowd.token, basename_exact="a")
        (item,) = answer.json()["results"]
        shown = [(each["id"], each["created"]) for each in item["version_set"]]
        assert [number for number, _ in shown] == [v.version.id for v in reversed(versions)]
        assert [time for _, time in shown] == sorted((time for _, time in shown), reverse=True)


@pytest.mark.parametrize("pack", ["now", "later"])
async def test_a_packed_file_together_with_its_original(
    tmp_path: Path, database_url: str, offload: Offload, pack: str
) -> None:
    original = make_fits(tmp_path / "made.fits", shape=(128, 96))
    assert (await offload.call(PACK, original, tmp_path / "packed")).packed
    contents = [original.read_bytes(), (tmp_path / "packed").read_bytes()]
    async with crowd_of(tmp_path, database_url, offload, pack) as crowd:
        async with asyncio.TaskGroup() as group:
            for way in (Way.INBOX, Way.UPLOAD, Way.BULK):
                for content, ending in zip(contents, ("fits", "fits.fz"), strict=True):
                    group.create_task(crowd.send(way, f"a.{ending}", content))
        await crowd.settled()
        versions = await crowd.stored()
        assert len({each.frame.id for each in versions}) == 1
        assert len(versions) == 1 or pack == "later"
        assert len({each.file.sha256 for each in versions}) == len(versions)
        for each in versions:
            stored = (crowd.settings.archive_dir / each.file.key).read_bytes()
            assert hashlib.sha256(stored).hexdigest() == each.file.sha256
            assert stored in contents
        assert {arrival.state for arrival in await crowd.arrivals()} <= {"filed", "duplicate"}
