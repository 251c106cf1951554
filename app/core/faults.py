"""Points at which a test can stop, kill or fail a process: the steps of the ingest and others.

A point costs one comparison where nothing is armed, which is always so outside of tests. The
step boundaries of docs/dev/explanation/way-of-a-file.md are points; a test walks through all.
"""

import os
import signal
from collections.abc import Callable
from enum import StrEnum


class FaultPoint(StrEnum):
    """A boundary between two steps, named by what has just been done."""

    RECORDED = "recorded"
    """The arrival and its job are in the database."""


_armed: dict[FaultPoint, Callable[[], None]] = {}


def reach(point: FaultPoint) -> None:
    """Pass a point; whatever was armed there happens.

    Parameters
    ----------
    point
        Which.
    """
    if _armed and point in _armed:
        _armed[point]()


def arm(point: FaultPoint, action: Callable[[], None]) -> None:
    """Let something happen at a point, in this process; for tests.

    Parameters
    ----------
    point
        Which.
    action
        What happens, each time.
    """
    _armed[point] = action


def disarm() -> None:
    """Let nothing happen any more."""
    _armed.clear()


def die() -> None:
    """End this process at once, as `kill -9` and a power cut do; to be armed."""
    os.kill(os.getpid(), signal.SIGKILL)
