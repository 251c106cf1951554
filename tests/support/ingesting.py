"""Files go through the door as the worker lets them, for tests."""

from datetime import timedelta
from pathlib import Path

from app.context import Factory
from app.core.errors import ArchiveError
from app.core.identity import SYSTEM
from app.core.paging import Window
from app.frames.models import Frame
from app.ingest.models import Arrival, ArrivalState, NewArrival, Source
from app.ingest.spool import identity_of

NEVER = timedelta(days=365 * 999)


def dropped(path: Path) -> NewArrival:
    """Describe a complete file of the inbox."""
    return NewArrival(
        source=Source.INBOX,
        filename=path.name,
        size_bytes=path.stat().st_size,
        source_path=path,
        source_identity=identity_of(path),
    )


async def file_away(archive: Factory, path: Path) -> Arrival:
    """Do what the worker does with a file of the inbox; return what became of it."""
    assert await archive.ingest.announce(dropped(path))
    (arrival, *_) = (await archive.ingest.list(None, Window())).items
    try:
        await archive.ingest.process(arrival.id)
    except ArchiveError as error:
        await archive.ingest.quarantine(arrival.id, error.message)
    (arrival, *_) = (await archive.ingest.list(None, Window())).items
    return arrival


async def filed(archive: Factory, path: Path) -> Frame:
    """File a file that must become a frame; return the frame."""
    arrival = await file_away(archive, path)
    assert arrival.state is ArrivalState.FILED, arrival.reason
    assert arrival.frame_id is not None
    return await archive.frames.get(arrival.frame_id, SYSTEM)


async def refused(archive: Factory, path: Path) -> str:
    """File a file that must not become a frame; return the reason."""
    arrival = await file_away(archive, path)
    assert arrival.state is ArrivalState.QUARANTINED
    assert arrival.frame_id is None
    assert arrival.held_path is not None
    assert arrival.held_path.is_file()
    assert arrival.reason
    return arrival.reason
