"""Every real file of ../shared/fits that can be read becomes a frame, and none is lost."""

import asyncio
import hashlib
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.errors import ArchiveError, InvalidError
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.fits.keywords import BUILT_IN
from app.fits.read import read_file
from app.frames.models import Frame, FrameQuery
from app.ingest.models import Arrival, ArrivalState, NewArrival, Source
from app.ingest.spool import display_name, identity_of
from tests.acceptance.comparison import differences
from tests.support.archive import an_archive, settings_in
from tests.support.frames import received_as, stored_in

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]


async def _drop(archive: Factory, path: Path) -> None:
    """Copy a file into the inbox and do what the worker does with it."""
    target = archive.settings.inbox / path.parent.name / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    new = NewArrival(
        source=Source.INBOX,
        filename=display_name(target),
        size_bytes=target.stat().st_size,
        source_path=target,
        source_identity=identity_of(target),
    )
    assert await archive.ingest.announce(new)


async def _work(archive: Factory, arrival: Arrival) -> None:
    try:
        await archive.ingest.process(arrival.id)
    except ArchiveError as error:
        await archive.ingest.quarantine(arrival.id, error.message)


async def _arrivals(archive: Factory) -> tuple[Arrival, ...]:
    return (await archive.ingest.list(None, Window(limit=1000))).items


async def _ingest(archive: Factory, files: list[Path]) -> tuple[Arrival, ...]:
    for path in files:
        await _drop(archive, path)
    slots = asyncio.Semaphore(2)

    async def one(arrival: Arrival) -> None:
        async with slots:
            await _work(archive, arrival)

    await asyncio.gather(*(one(arrival) for arrival in await _arrivals(archive)))
    return await _arrivals(archive)


async def _frames(archive: Factory) -> tuple[Frame, ...]:
    return (await archive.frames.search(FrameQuery(window=Window(limit=1000)), SYSTEM)).items


def _reasons(arrivals: tuple[Arrival, ...]) -> Counter[str]:
    return Counter(arrival.reason for arrival in arrivals if arrival.reason)


def _see_unreadable(arrivals: tuple[Arrival, ...], originals: dict[str, Path]) -> None:
    """See that nothing waits in quarantine that could be read."""
    for arrival in arrivals:
        if arrival.state is ArrivalState.QUARANTINED:
            with pytest.raises(InvalidError):
                read_file(originals[str(arrival.sha256)], BUILT_IN)


async def test_real_files(
    tmp_path: Path,
    committed_sessions: Sessions,
    engine: AsyncEngine,
    offload: Offload,
    real_files: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def report(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    archive = an_archive(settings_in(tmp_path), committed_sessions, engine, offload)
    arrivals = await _ingest(archive, real_files)
    states = Counter(arrival.state for arrival in arrivals)
    report(f"{len(real_files)} files: {dict(states)}")
    for reason, count in _reasons(arrivals).most_common():
        report(f"{count:4d}  {reason}")

    assert len(arrivals) == len(real_files)
    assert set(states) <= {
        ArrivalState.FILED, ArrivalState.DUPLICATE, ArrivalState.QUARANTINED
    }  # fmt: skip
    assert states[ArrivalState.FILED] > len(real_files) / 2
    assert [path for path in archive.settings.inbox.rglob("*") if path.is_file()] == []
    assert list(archive.settings.spool_dir.iterdir()) == []
    originals = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in real_files}
    assert {arrival.sha256 for arrival in arrivals} == set(originals)
    _see_unreadable(arrivals, originals)
    kept = [p for p in archive.settings.quarantine_dir.iterdir() if p.suffix != ".json"]
    assert len(kept) == states[ArrivalState.QUARANTINED]

    versions = [version for frame in await _frames(archive) for version in frame.versions]
    assert len(versions) == states[ArrivalState.FILED]
    for version in versions:
        original = originals[received_as(version).sha256]
        assert archive.store.path(stored_in(version).key).read_bytes() == original.read_bytes()

    for version in versions:
        await archive.packing.pack(version.id)
    packed = 0
    for frame in await _frames(archive):
        for version in frame.versions:
            stored = archive.store.path(stored_in(version).key)
            packed += stored_in(version).sha256 != received_as(version).sha256
            found = differences(originals[received_as(version).sha256], stored)
            assert found == [], (received_as(version).name, found)
    report(f"{packed} of {len(versions)} packed, equal to their originals in pixels and cards")
    assert packed > 0
