"""Two workers at one inbox: what one has settled, the other does not take for new."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import Sessions
from app.ingest.models import Arrival, ArrivalBusyError, ArrivalState, NewArrival
from app.ingest.store import ArrivalStore
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.ingesting import dropped, file_away
from worker.inbox import Arrived, Inbox
from worker.watching import Watching


@pytest.mark.asyncio
async def test_a_file_that_was_settled_meanwhile_is_not_recorded_again(
    tmp_path: Path,
    committed_sessions: Sessions,
    engine: AsyncEngine,
    offload: Offload,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = an_archive(settings_in(tmp_path), committed_sessions, engine, offload)
    path = make_fits(archive.settings.inbox / "a.fits")
    seen = dropped(path)
    await file_away(archive, path)
    list_settled = ArrivalStore.list_settled
    calls: list[int] = []

    async def too_early(
        self: ArrivalStore, new: Sequence[NewArrival]
    ) -> Mapping[NewArrival, Arrival]:
        calls.append(1)
        return {} if len(calls) == 1 else await list_settled(self, new)

    monkeypatch.setattr(ArrivalStore, "list_settled", too_early)
    with pytest.raises(ArrivalBusyError, match="settled just now"):
        await archive.ingest.announce(seen)
    (arrival,) = (await archive.ingest.list(None, Window())).items
    assert arrival.state is ArrivalState.FILED
    assert await archive.jobs.count() == 2  # those of the first worker: ingest and pack


@pytest.mark.asyncio
async def test_a_busy_file_is_looked_at_again_without_a_word(
    tmp_path: Path,
    committed_sessions: Sessions,
    engine: AsyncEngine,
    offload: Offload,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = an_archive(settings_in(tmp_path), committed_sessions, engine, offload)
    paths = [make_fits(archive.settings.inbox / name, OBJECT=name) for name in ("a.fits", "b.fits")]
    announce_all = archive.ingest.announce_all

    async def busy(new: Sequence[NewArrival]) -> Sequence[NewArrival]:
        if any(each.filename == "a.fits" for each in new):
            raise ArrivalBusyError("a.fits has been settled just now")
        return await announce_all(new)

    monkeypatch.setattr(archive.ingest, "announce_all", busy)
    inbox = Inbox(archive.settings.inbox, settle_s=0.1, sweep_s=10)
    stats = [path.stat() for path in paths]
    arrived = [
        Arrived(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)
        for path, stat in zip(paths, stats, strict=True)
    ]
    with capture_logs() as logs:
        later = await Watching(inbox, archive.ingest)._announce(arrived)
    assert later == [paths[0]]
    assert logs == []
