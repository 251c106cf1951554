"""The jobs of the trash: files of deleted frames go there, and for ever when they expire."""

from collections.abc import Mapping

import structlog
from typing_extensions import override

from app.core.errors import ArchiveError
from app.frames.purging import PurgeService
from app.frames.trash import EMPTY_JOB, TRASH_JOB
from app.frames.trash_files import TrashFiles
from app.jobs.models import Payload
from worker.dispositions import Disposition
from worker.runner import Handler

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


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
        log.warning("files not in the trash", removal=payload["removal_id"], reason=_reason(error))


class EmptyHandler(Handler):
    """Removes a slice of what has expired.

    Parameters
    ----------
    purging
        Goes on where the slice before ended.
    """

    def __init__(self, purging: PurgeService) -> None:
        self._purging = purging

    @override
    async def run(self, payload: Payload) -> None:
        await self._purging.run_slice(payload.get("after", 0))

    @override
    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        """Leave the rest to the next day."""
        log.warning("trash not emptied", reason=_reason(error))


def trash_handlers(files: TrashFiles, purging: PurgeService) -> Mapping[str, Handler]:
    """Give the handlers of these jobs.

    Parameters
    ----------
    files, purging
        Of the process.

    Returns
    -------
    Mapping
        By kind.
    """
    return {TRASH_JOB: TrashHandler(files), EMPTY_JOB: EmptyHandler(purging)}


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, ArchiveError) else type(error).__name__
