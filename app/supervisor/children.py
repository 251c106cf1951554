"""Processes that are kept running, and ended together."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

_log = structlog.get_logger(__name__)

# Run in front of each child, in place: asks Linux for a SIGTERM when the supervisor dies, however
# it dies. Python offers no safe place to do so between fork and exec.
_TETHER = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Child:
    """A process that is kept running.

    Attributes
    ----------
    name
        For the log.
    argv
        Absolute path of the program, and its arguments.
    """

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Pace:
    """How patient the supervisor is.

    Attributes
    ----------
    first_pause_s, longest_pause_s
        Pause before a dead child is started again [s]; doubles each time.
    longest_database_pause_s
        The same of the embedded PostgreSQL [s]: nothing works without it, so that it is tried more
        often while its disk is full.
    healthy_s
        A child that lived this long [s] begins with the first pause again.
    grace_s
        From the request to stop to the kill [s].
    database_check_s
        How often the embedded PostgreSQL is looked at [s].
    """

    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    longest_database_pause_s: float = 5.0
    healthy_s: float = 60.0
    grace_s: float = 5.5
    database_check_s: float = 0.5


class Keeper:
    """Runs children, each in a session of its own, out of reach of the terminal's Ctrl-C.

    Each child is kept by one task, and a task that is cancelled ends its child: to stop
    everything is to cancel the tasks and to wait for them.

    Parameters
    ----------
    pace
        How patient it is.
    hurry
        Once set, children that are ending are killed.
    """

    def __init__(self, pace: Pace, hurry: asyncio.Event) -> None:
        self._pace = pace
        self._hurry = hurry

    async def keep(self, child: Child, environment: Mapping[str, str]) -> None:
        """Start a child again whenever it ends, less and less often if it keeps ending.

        Parameters
        ----------
        child
            What to run.
        environment
            Of the process.
        """
        pace = self._pace
        pause_s = pace.first_pause_s
        while True:
            begun = time.monotonic()
            code = await self.run_once(child, environment)
            if time.monotonic() - begun >= pace.healthy_s:
                pause_s = pace.first_pause_s
            _log.error("a process ended", process=child.name, code=code, starts_again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, pace.longest_pause_s)

    async def run_once(self, child: Child, environment: Mapping[str, str]) -> int:
        """Run a process to its end; cancelled, bring the end about.

        Parameters
        ----------
        child
            What to run.
        environment
            Of the process.

        Returns
        -------
        int
            Its exit code; negative for the signal that ended it.
        """
        process = await asyncio.create_subprocess_exec(
            *_tethered(child.argv), env=environment, stdin=DEVNULL, start_new_session=True
        )
        try:
            return await process.wait()
        finally:
            await self._end(process)

    async def _end(self, process: Process) -> None:
        """End a process and what it started.

        The request goes to the process alone, which knows in which order its own children stop.
        Those that outlive it are killed, for they would keep the port.
        """
        if process.returncode is None:
            process.terminate()
            await self._wait_patiently(process)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _wait_patiently(self, process: Process) -> None:
        """Wait for the end of a process, until patience or the operator's ends."""
        ended = asyncio.create_task(process.wait())
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait(
            {ended, hurried},
            timeout=self._pace.grace_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        ended.cancel()
        hurried.cancel()


def _tethered(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command that ends with us, where the system can do that."""
    if sys.platform != "linux":
        return argv
    return (sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *argv)
