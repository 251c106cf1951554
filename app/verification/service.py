"""Runs verifications: one after the other, each part by part, to be gone on with after a stop."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence

import structlog

from app.core.clock import Clock
from app.core.paging import Page, Window
from app.db.engine import Sessions, transaction
from app.verification.models import (
    Check,
    Finding,
    NoVerificationError,
    Phase,
    Run,
    Step,
    VerificationBusyError,
    Wish,
)
from app.verification.store import FileStore, RunStore

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_PLAIN = Wish()


class VerificationService:
    """Proves that what is stored is what was received.

    Parameters
    ----------
    sessions, clock
        Of the process.
    checks
        What is looked at, one of each phase.
    """

    def __init__(self, *, sessions: Sessions, clock: Clock, checks: Sequence[Check]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._checks = {check.phase: check for check in checks}
        self._phases = [phase for phase in Phase if phase in self._checks]

    async def run(
        self,
        wish: Wish = _PLAIN,
        *,
        stop: asyncio.Event | None = None,
        longest_s: float | None = None,
        tell: Callable[[Run], None] = lambda _: None,
    ) -> Run:
        """Verify the whole archive, or go on where an earlier run of the same kind stopped.

        Parameters
        ----------
        wish
            What to do.
        stop
            Once set, the run stops soon; another call goes on. None: never.
        longest_s
            After how long it stops likewise [s]; None: never.
        tell
            Hears how far the run is, after each part.

        Returns
        -------
        Run
            At its end, or where it stopped.

        Raises
        ------
        VerificationBusyError
            If another process goes on with the same run.
        UnavailableError
            If disk or database are away; another call goes on.
        """
        run = await self._begin(wish)
        end_s = float("inf") if longest_s is None else time.monotonic() + longest_s
        while run.finished_at is None:
            if (stop is not None and stop.is_set()) or time.monotonic() >= end_s:
                break
            run = await self._advance(run, wish)
            tell(run)
        return run

    async def last(self) -> Run:
        """Get the newest run.

        Returns
        -------
        Run
            At its end, or still under way.

        Raises
        ------
        NoVerificationError
            If there was none.
        """
        async with transaction(self._sessions) as session:
            run = await RunStore(session).find_last()
        if run is None:
            raise NoVerificationError("the archive was never verified: run skyshelf verify")
        return run

    async def findings(self, run_id: int, window: Window) -> Page[Finding]:
        """List what a run found.

        Parameters
        ----------
        run_id
            The run.
        window
            Which part of the list.

        Returns
        -------
        Page
            What is not mended first.
        """
        async with transaction(self._sessions) as session:
            return await RunStore(session).list_findings(run_id, window)

    async def stream_findings(
        self, run_id: int, window: Window
    ) -> AsyncGenerator[Sequence[Finding], None]:
        """Go through what a run found, as it was at the beginning.

        Parameters
        ----------
        run_id, window
            As in `findings`.

        Yields
        ------
        Sequence of Finding
            The next ones. Close the iterator: it holds a connection.
        """
        async with transaction(self._sessions) as session:
            async for findings in RunStore(session).stream_findings(run_id, window):
                yield findings

    async def count_open(self, run_id: int) -> int:
        """Count what a run found and did not mend.

        Parameters
        ----------
        run_id
            The run.

        Returns
        -------
        int
            0: all is well.
        """
        async with transaction(self._sessions) as session:
            return await RunStore(session).count_open(run_id)

    async def count_files(self) -> int:
        """Count what there is to be read.

        Returns
        -------
        int
            Stored files.
        """
        async with transaction(self._sessions) as session:
            return await FileStore(session).count()

    async def _begin(self, wish: Wish) -> Run:
        async with transaction(self._sessions) as session:
            runs = RunStore(session)
            last = await runs.find_last(lock=True)
            if last and last.finished_at is None and last.mends == wish.mends and not wish.is_fresh:
                return last
            return await runs.add(mends=wish.mends, now=self._clock())

    async def _advance(self, run: Run, wish: Wish) -> Run:
        """Look at the next part and note what was found.

        Raises
        ------
        VerificationBusyError
            If somebody else did so meanwhile.
        """
        step = await self._checks[run.phase].step(run.place, wish)
        phase, finished_at = run.phase, None
        if step.place is None:
            following = self._following(run.phase)
            phase, finished_at = following or phase, None if following else self._clock()
        async with transaction(self._sessions) as session:
            after = await RunStore(session).record(run, step, phase=phase, finished_at=finished_at)
        if after is None:
            raise VerificationBusyError(
                f"verification {run.id} is being gone on with by another process: wait for it, or"
                " begin a fresh one"
            )
        _tell(after, step)
        return after

    def _following(self, phase: Phase) -> Phase | None:
        place = self._phases.index(phase) + 1
        return self._phases[place] if place < len(self._phases) else None


def _tell(run: Run, step: Step) -> None:
    """Log what is new, and the end."""
    for finding in step.findings:
        log.info(
            "verification finds",
            run=run.id,
            kind=finding.kind.value,
            name=finding.name,
            mended=finding.mended,
        )
    if run.finished_at is not None:
        log.info("verified", run=run.id, files=run.files_read, bytes=run.bytes_read)
