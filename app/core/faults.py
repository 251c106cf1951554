"""Points at which a test can kill or fail a process: the steps of the ingest and others.

A point costs one comparison where nothing is armed, which is always so outside of tests. The
step boundaries of docs/dev/explanation/way-of-a-file.md are points; a test walks through all.
"""

import os
import signal
from collections.abc import Callable
from enum import StrEnum
from itertools import count

from app.core.errors import InvalidError

VARIABLE = "SKYSHELF_FAULT"
"""Name of the environment variable by which a test arms a process, see `arm_as_told`."""


class FaultPoint(StrEnum):
    """A boundary between two steps, named by what has just been done."""

    RECORDED = "recorded"
    """The arrival and its job are in the database."""

    TAKEN = "taken"
    """A worker holds a job."""

    STARTED = "started"
    """The arrival is in the state `running`."""

    WRITING = "writing"
    """Part of a private copy is written: of a file, or of the body of an upload."""

    COPIED = "copied"
    """The private copy of a file is complete, and the file was the same all the time."""

    DUPLICATE = "duplicate"
    """The arrival is settled as a duplicate of a frame that was there before."""

    READ = "read"
    """The private copy was read by a child process."""

    NAMED = "named"
    """The formatters have said where the frame goes."""

    PACKED = "packed"
    """A packed file lies in the spool: within the ingest, or by a job."""

    STAGED = "staged"
    """The bytes lie beside their target, flushed to the disk."""

    REGISTERED = "registered"
    """All rows are written, and the transaction is open."""

    CLAIMED = "claimed"
    """An empty file holds the final name, where the file system has no hard links."""

    LINKED = "linked"
    """The bytes have their final name besides the temporary one."""

    VISIBLE = "visible"
    """The bytes have their final name, durably; the transaction is open."""

    COMMITTED = "committed"
    """Rows and bytes are there."""

    COPY_REMOVED = "copy-removed"
    """The private copy is gone."""

    SOURCE_REMOVED = "source-removed"
    """The file in the inbox is gone; the job is not."""

    FINISHED = "finished"
    """The job is gone."""

    QUARANTINE_LINKED = "quarantine-linked"
    """The bytes have their name in the quarantine."""

    QUARANTINE_NOTED = "quarantine-noted"
    """The note lies beside them."""

    QUARANTINED = "quarantined"
    """The arrival is in the state `quarantined`."""

    DISCARDED = "discarded"
    """The arrival of a file that has vanished is closed."""

    ORIGINAL_REMOVED = "original-removed"
    """The original of a packed file is gone; the job is not."""

    UPLOAD_SPOOLED = "upload-spooled"
    """The files of an upload are in the spool; nothing is recorded."""

    UPLOAD_SETTLED = "upload-settled"
    """What became of an upload is known; the client has no answer yet."""

    REMOVAL_WRITTEN = "removal-written"
    """The rows of a deleted frame are put away, and the transaction is open."""

    REMOVAL_RECORDED = "removal-recorded"
    """The rows are in the trash; the files are not."""

    REMOVAL_FILE_MOVED = "removal-file-moved"
    """One of the files is in the trash."""

    RESTORE_STAGED = "restore-staged"
    """The files lie beside the places where they were."""

    RESTORE_WRITTEN = "restore-written"
    """The rows are back, and the transaction is open."""

    RESTORE_FILE_VISIBLE = "restore-file-visible"
    """One of the files has its name again; the transaction is open."""

    RESTORE_COMMITTED = "restore-committed"
    """The frame is back; copies of its files are still in the trash."""

    PURGE_COMMITTED = "purge-committed"
    """The rows in the trash are gone; the files there are not."""


class InjectedError(Exception):
    """What a point raises that was armed so: an error that nobody foresaw."""


_armed: dict[FaultPoint, Callable[[], None]] = {}


def reach(point: FaultPoint) -> None:
    """Pass a point; whatever was armed there happens. May be called from any thread.

    Parameters
    ----------
    point
        Which.
    """
    if _armed and point in _armed:
        _armed[point]()


def arm(point: FaultPoint, action: Callable[[], None], *, passing: int | None = None) -> None:
    """Let something happen at a point, in this process; for tests.

    Parameters
    ----------
    point
        Which.
    action
        What happens.
    passing
        At which passing, from 1; None for each.
    """
    _armed[point] = action if passing is None else _nth(action, passing)


def disarm() -> None:
    """Let nothing happen any more."""
    _armed.clear()


def arm_by_environment() -> None:
    """Arm this process as its environment says, if it does; see `arm_as_told`."""
    if told := os.environ.get(VARIABLE):
        arm_as_told(told)


def arm_as_told(told: str) -> None:
    """Arm this process by a text.

    Parameters
    ----------
    told
        ``point:action`` or ``point:action:passing``, such as ``staged:kill`` or ``staged:kill:3``;
        the actions are ``kill`` and ``raise``.

    Raises
    ------
    InvalidError
        If there is no such point or action.
    """
    name, _, rest = told.partition(":")
    action, _, passing = rest.partition(":")
    if name not in set(FaultPoint) or action not in _ACTIONS or not (passing or "1").isdecimal():
        raise InvalidError(
            f"{told!r} is no fault: give point:action or point:action:passing, a point of"
            f" {', '.join(FaultPoint)} and an action of {', '.join(_ACTIONS)}",
            field=VARIABLE,
        )
    arm(FaultPoint(name), _ACTIONS[action], passing=int(passing) if passing else None)


def die() -> None:
    """End this process at once, as `kill -9` and a power cut do; to be armed."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    """Raise what nobody foresees; to be armed.

    Raises
    ------
    InjectedError
        Always.
    """
    raise InjectedError("a fault was injected")


_ACTIONS = {"kill": die, "raise": fail}


def _nth(action: Callable[[], None], passing: int) -> Callable[[], None]:
    """Do something at one passing only."""
    passings = count(1)

    def act() -> None:
        if next(passings) == passing:
            action()

    return act
