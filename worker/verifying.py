"""The daily job that verifies what is stored."""

import structlog
from typing_extensions import override

from app.core.errors import ArchiveError
from app.jobs.models import Payload
from app.verification.nightly import NightlyVerification
from worker.dispositions import Disposition
from worker.runner import Handler

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class VerifyHandler(Handler):
    """Verifies a slice of the archive.

    Parameters
    ----------
    nightly
        Goes on where the slice before ended.
    """

    def __init__(self, nightly: NightlyVerification) -> None:
        self._nightly = nightly

    @override
    async def run(self, payload: Payload) -> None:
        await self._nightly.go_on(payload)

    @override
    async def give_up(self, payload: Payload, error: Exception, disposition: Disposition) -> None:
        """Leave the rest to the next day, which goes on with the same run."""
        reason = error.message if isinstance(error, ArchiveError) else type(error).__name__
        log.warning("verification waits for tomorrow", run=payload.get("run"), reason=reason)
