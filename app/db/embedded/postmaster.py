"""Which process is the server of a cluster: read from ``postmaster.pid``, then proven.

A process id alone proves nothing: the file outlives a killed server, the number is given to
another process, and a dead server that nobody reaps still has its number.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_STATUS_LINE = 7  # of postmaster.pid, see LOCK_FILE_LINE_PM_STATUS in PostgreSQL's miscadmin.h
_POLL_S = 0.02


@dataclass(frozen=True)
class Postmaster:
    """The living main process of a PostgreSQL server.

    Attributes
    ----------
    process
        The process.
    status
        ``starting``, ``ready``, ``stopping`` or, while it writes its file, empty.
    """

    process: psutil.Process
    status: str


def find_postmaster(cluster: Path) -> Postmaster | None:
    """Find the server that is alive on a cluster.

    Parameters
    ----------
    cluster
        Data folder of the server, resolved.

    Returns
    -------
    Postmaster or None
        None if no process, a dead one or a stranger has the number that the cluster names.
    """
    file = cluster / "postmaster.pid"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if not lines or not lines[0].strip().isdigit() or not psutil.pid_exists(int(lines[0])):
        return None
    try:
        process = psutil.Process(int(lines[0]))
        # A backend calls itself "postgres: …"; the main process keeps the command it was run by.
        leads = process.cmdline()[:1] and not process.cmdline()[0].startswith("postgres:")
    except psutil.Error:  # it ended while we looked
        return None
    if not leads or not _serves(process, cluster):
        return None
    status = lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else ""
    return Postmaster(process, status)


def find_orphans(cluster: Path) -> list[psutil.Process]:
    """Find what a killed server left behind; to be called when no postmaster is alive.

    Parameters
    ----------
    cluster
        Data folder of the server, resolved.

    Returns
    -------
    list of psutil.Process
        Processes that still hold its shared memory.
    """
    return [process for process in psutil.process_iter() if _serves(process, cluster)]


def _serves(process: psutil.Process, cluster: Path) -> bool:
    """Tell whether a process is alive and one of the PostgreSQL processes of a cluster."""
    try:
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and process.name() == "postgres" and process.cwd() == str(cluster)
    except psutil.Error:  # it ended meanwhile, or belongs to someone whose server cannot be ours
        return False


async def has_ended(process: psutil.Process, *, within_s: float) -> bool:
    """Wait for the end of a process, ours or not.

    Parameters
    ----------
    process
        Whose end to wait for.
    within_s
        How long to wait [s].

    Returns
    -------
    bool
        False if it is still alive.
    """
    deadline = time.monotonic() + within_s
    while _is_alive(process):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; a dead one that nobody reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
