"""What the worker does with each kind of job."""

from collections.abc import Mapping

import structlog
from typing_extensions import override

from app.context import Factory
from app.core.errors import ArchiveError
from app.frames.trash import TRASH_JOB
from app.frames.trash_files import TrashFiles
from app.ingest.models import INGEST_JOB, PACK_JOB, REMOVE_JOB, ArrivalNotFoundError
from app.ingest.packing import PackService
from app.ingest.service import IngestService
from app.jobs.models import Payload
from worker.dispositions import Disposition
from worker.runner import Handler

log = structlog.get_logger(__name__)


NEEDING_ROOM = frozenset({INGEST_JOB, PACK_JOB})
"""Kinds of jobs that fill the disks, and wait while one is in trouble."""


class IngestHandler(Handler):
    """Files arrivals; what cannot be filed goes to quarantine.

    Parameters
    ----------
    ingest
        The one door.
    """

    def __init__(self, ingest: IngestService) -> None:
        self._ingest = ingest

    @override
    async def run(self, payload: Payload) -> None:
        await self._ingest.process(payload["arrival_id"])

    @override
    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        arrival_id, reason = payload["arrival_id"], _reason(error)
        try:
            if disposition is Disposition.DISCARD:
                await self._ingest.discard(arrival_id, reason)
            else:
                await self._ingest.quarantine(arrival_id, reason)
        except ArrivalNotFoundError:
            log.warning("job without its arrival", arrival=arrival_id, reason=reason)


class PackHandler(Handler):
    """Packs filed frames; where that fails, the original simply stays.

    Parameters
    ----------
    packing
        Packs.
    """

    def __init__(self, packing: PackService) -> None:
        self._packing = packing

    @override
    async def run(self, payload: Payload) -> None:
        await self._packing.pack(payload["version_id"])

    @override
    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        """Keep the original."""
        log.warning("not packed", version=payload["version_id"], reason=_reason(error))


class RemoveHandler(Handler):
    """Removes originals that packed files replaced.

    Parameters
    ----------
    packing
        Knows the store.
    """

    def __init__(self, packing: PackService) -> None:
        self._packing = packing

    @override
    async def run(self, payload: Payload) -> None:
        await self._packing.remove(payload["key"])

    @override
    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        """Leave the file, which verification names."""
        log.warning("original not removed", key=payload["key"], reason=_reason(error))


class TrashHandler(Handler):
    """Moves the files of a deleted frame, where whoever deleted it did not live to.

    Parameters
    ----------
    files
        Moves them.
    """

    def __init__(self, files: TrashFiles) -> None:
        self._files = files

    @override
    async def run(self, payload: Payload) -> None:
        await self._files.move(payload["removal_id"])

    @override
    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        """Leave the files where they are: they are moved before the frame comes back or goes."""
        removal_id = payload["removal_id"]
        log.warning("files not in the trash", removal=removal_id, reason=_reason(error))


def frame_handlers(factory: Factory) -> Mapping[str, Handler]:
    """Give the handlers of the jobs that frames give rise to.

    Parameters
    ----------
    factory
        Of the process.

    Returns
    -------
    Mapping
        By kind.
    """
    return {
        INGEST_JOB: IngestHandler(factory.ingest),
        PACK_JOB: PackHandler(factory.packing),
        REMOVE_JOB: RemoveHandler(factory.packing),
        TRASH_JOB: TrashHandler(factory.trash_files),
    }


def _reason(error: Exception) -> str:
    """Say for a person what went wrong with a file."""
    if isinstance(error, ArchiveError):
        return error.message
    return (
        f"the archive failed on this file ({type(error).__name__}): please report it with the log"
        " of the worker"
    )
