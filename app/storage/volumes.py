"""Whether the disks take what is written: room, permission, and whether they answer at all."""

import asyncio
import errno
import os
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import structlog

from app.settings import Settings
from app.storage.errors import StorageFullError, StorageUnavailableError

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_GOOD_FOR_S = 10.0
_BAD_FOR_S = 2.0
_ANSWERS_WITHIN_S = 3.0
_HOPELESS_S = 60.0
_PROBE = b"\0" * 4096
PROBE = ".probe-"
"""How the names of files begin by which a volume is tried; a crash may leave one."""

_NO_NAMELESS_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}


class VolumeState(StrEnum):
    """How a volume is."""

    OK = "ok"
    LOW = "low"
    """Less is free than shall always be."""
    FULL = "full"
    REFUSED = "refused"
    """Read-only, not permitted, broken, or away."""
    SILENT = "silent"
    """It does not answer."""


_NO_ROOM = {VolumeState.LOW, VolumeState.FULL}  # a disk goes to and fro between them


@dataclass(frozen=True, slots=True)
class Volume:
    """A folder that the archive writes to.

    Attributes
    ----------
    name
        For messages; no path.
    folder
        Where it is.
    is_needed
        Whether files can be taken in only while it takes what is written.
    is_vital
        Whether the service is ready only while it does.
    """

    name: str
    folder: Path
    is_needed: bool = True
    is_vital: bool = True


@dataclass(frozen=True, slots=True)
class VolumeReport:
    """How a volume was when it was last tried.

    Attributes
    ----------
    volume
        Which.
    state
        How it is.
    detail
        The same for a person, without a path.
    free_bytes
        Room that is left [byte]; None where that is not known.
    """

    volume: Volume
    state: VolumeState
    detail: str
    free_bytes: int | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it takes what is written."""
        return self.state is VolumeState.OK


class Volumes:
    """Tries volumes by writing to them, seldom, each in a thread of its own.

    A disk that hangs, as a network mount may, holds one thread of this process and nothing else.
    What hangs at a mount that was given up may never come back: after a minute, and ever more
    seldom, the folder is tried by another thread.

    Parameters
    ----------
    volumes
        What is tried.
    min_free_bytes
        Room that shall always be left [byte].
    """

    def __init__(self, volumes: Sequence[Volume], *, min_free_bytes: int) -> None:
        self._watched = [_Watched(volume, min_free_bytes) for volume in volumes]
        self._min_free_bytes = min_free_bytes

    async def reports(self, *, max_age_s: float = _GOOD_FOR_S) -> list[VolumeReport]:
        """Tell how all volumes are.

        Parameters
        ----------
        max_age_s
            How long ago they may have been tried [s]; less where one was in trouble.

        Returns
        -------
        list of VolumeReport
            In the order of the volumes.
        """
        return list(await asyncio.gather(*(each.report(max_age_s) for each in self._watched)))

    async def in_the_way(self, *, max_age_s: float = _GOOD_FOR_S) -> VolumeReport | None:
        """Tell why no file can be taken in.

        Parameters
        ----------
        max_age_s
            How long ago the volumes may have been tried [s].

        Returns
        -------
        VolumeReport or None
            Of the first volume in trouble; None where files can be taken in.
        """
        found = await self.reports(max_age_s=max_age_s)
        return next((one for one in found if one.volume.is_needed and not one.is_ok), None)

    async def require_room(self, size_bytes: int = 0, *, max_age_s: float = _GOOD_FOR_S) -> None:
        """Refuse a file that cannot be taken in.

        Parameters
        ----------
        size_bytes
            Of the file [byte]; 0 where it is not known.
        max_age_s
            How long ago the volumes may have been tried [s].

        Raises
        ------
        StorageFullError
            If there is no room for it.
        StorageUnavailableError
            If a disk refuses.
        """
        for report in await self.reports(max_age_s=max_age_s):
            if report.volume.is_needed:
                _require(report, size_bytes + self._min_free_bytes)

    async def watch(self) -> None:
        """Try the volumes for ever, so that the log tells when one changes."""
        while True:
            found = await self.reports()
            await asyncio.sleep(_GOOD_FOR_S if all(one.is_ok for one in found) else _BAD_FOR_S)


def _require(report: VolumeReport, wanted_bytes: int) -> None:
    """Refuse what a volume cannot take.

    Raises
    ------
    StorageFullError
        If there is no room.
    StorageUnavailableError
        If it refuses for another reason.
    """
    if report.state in {VolumeState.REFUSED, VolumeState.SILENT}:
        raise StorageUnavailableError(f"{report.detail}; nothing is taken in meanwhile")
    if not report.is_ok:
        raise StorageFullError(f"{report.detail}; nothing is taken in until there is room")
    if report.free_bytes is not None and report.free_bytes < wanted_bytes:
        raise StorageFullError(
            f"the {report.volume.name} has {report.free_bytes} bytes left, {wanted_bytes} are"
            " needed, those included that always stay free; make room, then try again"
        )


class _Watched:
    """A volume, and what was found when it was last tried."""

    def __init__(self, volume: Volume, min_free_bytes: int) -> None:
        self._volume = volume
        self._min_free_bytes = min_free_bytes
        self._last = VolumeReport(volume, VolumeState.OK, "")
        self._tried_s = -float("inf")
        self._trying: asyncio.Future[VolumeReport] | None = None
        self._began_s = -float("inf")
        self._hopeless_s = _HOPELESS_S

    async def report(self, max_age_s: float) -> VolumeReport:
        """Try the volume, unless that was done just now; whoever asks meanwhile waits as well."""
        good_for_s = max_age_s if self._last.is_ok else min(max_age_s, _BAD_FOR_S)
        if time.monotonic() - self._tried_s < good_for_s:
            return self._last
        trying = self._begun()
        done, _ = await asyncio.wait({trying}, timeout=_ANSWERS_WITHIN_S)
        if done:
            self._trying = None if self._trying is trying else self._trying
            self._hopeless_s = _HOPELESS_S
            self._note(trying.result())
        else:
            self._note(_silent(self._volume))
        return self._last

    def _begun(self) -> "asyncio.Future[VolumeReport]":
        """Give the trial that is under way, or begin one."""
        trying, now_s = self._trying, time.monotonic()
        if trying is not None and trying.get_loop() is asyncio.get_running_loop():
            if trying.done() or now_s - self._began_s < self._hopeless_s:
                return trying
            self._hopeless_s *= 2  # each trial may hold a thread for ever
        self._began_s = now_s
        self._trying = _in_thread(self._volume, self._min_free_bytes)
        return self._trying

    def _note(self, found: VolumeReport) -> None:
        """Remember what was found, and log where that is something new."""
        before, self._last = self._last, found
        self._tried_s = time.monotonic()
        if found.state is before.state or {found.state, before.state} <= _NO_ROOM:
            return
        facts = {"volume": found.volume.name, "state": found.state.value, "detail": found.detail}
        if found.is_ok:
            _log.info("volume is back", **facts)
        else:
            _log.error("volume in trouble", **facts)


def _in_thread(volume: Volume, min_free_bytes: int) -> "asyncio.Future[VolumeReport]":
    """Try a volume in a thread that nobody waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[VolumeReport] = loop.create_future()

    def settle(found: VolumeReport) -> None:
        if not future.done():
            future.set_result(found)

    def work() -> None:
        found = try_volume(volume, min_free_bytes)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=work, name=f"volume {volume.name}", daemon=True).start()
    return future


def try_volume(volume: Volume, min_free_bytes: int) -> VolumeReport:
    """Write a few bytes to a volume and remove them; blocks as long as the disk does.

    Parameters
    ----------
    volume
        Which.
    min_free_bytes
        Room that shall always be left [byte].

    Returns
    -------
    VolumeReport
        How it is.
    """
    try:
        free_bytes = shutil.disk_usage(volume.folder).free
        _write(volume.folder)
    except OSError as error:
        return _refused(volume, error)
    if free_bytes < min_free_bytes:
        detail = (
            f"the {volume.name} has {free_bytes} bytes left, of which {min_free_bytes} shall always"
            " stay free"
        )
        return VolumeReport(volume, VolumeState.LOW, detail, free_bytes)
    return VolumeReport(volume, VolumeState.OK, f"{free_bytes} bytes are free", free_bytes)


def _refused(volume: Volume, error: OSError) -> VolumeReport:
    """Tell why a volume does not take what is written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return VolumeReport(volume, VolumeState.FULL, f"the {volume.name} is full", 0)
    reason = os.strerror(error.errno) if error.errno else "unknown error"
    detail = f"the {volume.name} cannot be written to: {reason}"
    return VolumeReport(volume, VolumeState.REFUSED, detail)


def _silent(volume: Volume) -> VolumeReport:
    detail = f"the {volume.name} does not answer within {_ANSWERS_WITHIN_S:g} s"
    return VolumeReport(volume, VolumeState.SILENT, detail)


def _write(folder: Path) -> None:
    """Write a file and remove it; one without a name where the file system knows such files."""
    descriptor, name = _open_probe(folder)
    try:
        os.write(descriptor, _PROBE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        if name is not None:
            name.unlink(missing_ok=True)


def _open_probe(folder: Path) -> tuple[int, Path | None]:
    flags = os.O_WRONLY | os.O_CLOEXEC
    nameless: int | None = getattr(os, "O_TMPFILE", None)
    if nameless is not None:
        try:
            return os.open(folder, flags | nameless, 0o600), None
        except OSError as error:
            if error.errno not in _NO_NAMELESS_FILES:
                raise
    name = folder / f"{PROBE}{os.getpid()}"
    return os.open(name, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600), name


def volumes_of(settings: Settings) -> list[Volume]:
    """Name the folders that an installation writes to.

    Parameters
    ----------
    settings
        Of the installation.

    Returns
    -------
    list of Volume
        That of the database only where it is the embedded one.
    """
    volumes = [
        Volume("archive", settings.archive_dir),
        Volume("spool", settings.spool_dir),
        Volume("quarantine", settings.quarantine_dir),
        Volume("inbox", settings.inbox, is_needed=False),
        Volume("previews", settings.previews_dir, is_needed=False, is_vital=False),
    ]
    if (settings.postgres_dir / "cluster").is_dir():
        volumes.append(Volume("database disk", settings.postgres_dir))
    return volumes


def are_ready(reports: Iterable[VolumeReport]) -> bool:
    """Tell whether every vital volume takes what is written.

    Parameters
    ----------
    reports
        Of all volumes.

    Returns
    -------
    bool
        False where one does not.
    """
    return all(report.is_ok or not report.volume.is_vital for report in reports)
