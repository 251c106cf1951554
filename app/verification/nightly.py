"""The verification that workers do by themselves, a slice at a time."""

import structlog

from app.jobs.models import Payload
from app.verification.models import Run, VerificationBusyError, Wish
from app.verification.service import VerificationService

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

VERIFY_JOB = "verify"
"""Kind of the daily job."""

_SLICE_S = 15.0
_NIGHTLY = Wish(mends=True)
"""It clears away what crashes left, and takes good copies from the second store if there is one."""


class NightlyVerification:
    """Goes on with the verification of the day.

    Parameters
    ----------
    verification
        Does the work.
    """

    def __init__(self, verification: VerificationService) -> None:
        self._verification = verification

    async def go_on(
        self, payload: Payload, *, wish: Wish = _NIGHTLY, slice_s: float = _SLICE_S
    ) -> Payload | None:
        """Verify for a moment.

        A run that did not come to its end is gone on with, however its worker ended.

        Parameters
        ----------
        payload
            Of the job: empty for the first one of a day, then the number of the run.
        wish
            What to do.
        slice_s
            For how long [s], up to the end of the file at hand.

        Returns
        -------
        Payload or None
            Of the next slice; None where nothing is left, or another process does this run.
        """
        if "run" in payload and not await self._is_open(payload["run"]):
            return None
        try:
            run = await self._verification.run(wish, longest_s=slice_s)
        except VerificationBusyError as error:
            log.info("verification left to another process", reason=error.message)
            return None
        if run.finished_at is None:
            return {"run": run.id}
        await self._tell(run)
        return None

    async def _is_open(self, run_id: int) -> bool:
        """Tell whether a run is the newest, and not at its end."""
        last = await self._verification.last()
        return last.id == run_id and last.finished_at is None

    async def _tell(self, run: Run) -> None:
        """Log the result, so that it is noticed where something is still wrong."""
        left = await self._verification.count_open(run.id)
        tell = log.warning if left else log.info
        tell("verification of the day", run=run.id, files=run.files_read, findings_left=left)
