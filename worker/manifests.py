"""The daily job that writes a manifest beside the archived files."""

import structlog
from typing_extensions import override

from app.backups.daily import ManifestKeeper
from app.core.errors import ArchiveError
from app.jobs.models import Payload
from worker.dispositions import Disposition
from worker.runner import Handler

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class ManifestHandler(Handler):
    """Writes a slice of the manifest.

    Parameters
    ----------
    manifests
        Goes on where the slice before ended.
    """

    def __init__(self, manifests: ManifestKeeper) -> None:
        self._manifests = manifests

    @override
    async def run(self, payload: Payload) -> None:
        await self._manifests.go_on(payload)

    @override
    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        """Leave it to the next day, which begins anew."""
        reason = error.message if isinstance(error, ArchiveError) else type(error).__name__
        log.warning("no manifest of the day", reason=reason)
