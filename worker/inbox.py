"""Notices files that are complete.

Files arrive in the inbox by rename, by copy, by hard link, from this machine or over a network
mount, alone or as trees of folders. The inbox hears what the operating system says about it, looks
through all folders every few seconds because that is never everything, and gives each file once,
when it is complete. What counts as complete is the rule of `worker.inbox_settling`.
"""

import asyncio
import errno
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from worker.inbox_events import Notice, Silence, Source, SystemSource
from worker.inbox_looks import FOLDER, Listing, Look, is_ignored, list_in_parts, look_at
from worker.inbox_settling import Settling, Sign, Taken

_log: FilteringBoundLogger = structlog.get_logger(__name__)

_LOOKS = 100  # few, for they grow stale while they are recorded, all in one transaction
_NOTICES = 1000
_BREATH_S = 0.1
_WAITING = 5000  # some 5 MB; the rest stays in the kernel's queue and in the folder being listed
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


@dataclass(frozen=True)
class Arrived:
    """A file that is complete.

    Attributes
    ----------
    path
        Where it lies.
    size_bytes
        Its size [byte].
    modified_ns
        When its bytes were changed last [ns since 1970].
    inode
        Which file it is: whoever opens the path can tell whether it still is this one.
    """

    path: Path
    size_bytes: int
    modified_ns: int
    inode: int


class Inbox:
    """A folder into which others drop files, at any depth.

    Hidden files and folders, unfinished files by their names, links, pipes, sockets and devices
    are left alone.

    Parameters
    ----------
    root
        The folder. It may be away for a while.
    settle_s
        How long a file must rest unchanged before it counts as complete [s].
    sweep_s
        How long to rest between two looks through all folders [s].
    """

    def __init__(self, root: Path, *, settle_s: float, sweep_s: float = 10.0) -> None:
        self._root = root.absolute()
        self._settle_s = settle_s
        self._taken = Taken()
        self._settling = Settling(settle_s)
        self._sweep = _Sweep(sweep_s)
        self._to_visit: deque[Path] = deque()
        self._visit: _Visit | None = None
        self._warned: set[tuple[Path, str]] = set()
        self._is_away = False

    async def arrivals(self) -> AsyncGenerator[list[Arrived]]:
        """Give complete files for ever, each once, as fast as they are asked for.

        Nothing is read ahead: while nobody asks, what happens waits in the kernel's queue, and is
        found by a sweep if that runs over. For one consumer at a time.

        Yields
        ------
        list of Arrived
            A few files that are complete and were not given before with the same path, inode, time
            of modification and size. They may have changed or vanished since.
        """
        self._settling = Settling(self._settle_s)
        self._visit = None
        self._begin_sweep()
        source = self._listen()
        try:
            while True:
                await self._visit_next(source)
                if complete := await self._complete():
                    for path, look in complete:
                        self._taken.add(path, look.fingerprint)
                    yield [_arrived(path, look) for path, look in complete]
                await self._hear(source)
        finally:
            source.close()

    def forget(self, path: Path) -> None:
        """Let a file that was given and still lies there be given again, by the next sweep.

        Parameters
        ----------
        path
            Where it lies; no-op if it was not given.
        """
        self._taken.forget(path)

    def _listen(self) -> Source:
        try:
            return SystemSource(self._root)
        except OSError as error:
            self._warn(self._root, f"no notices from the system, sweeps only: {_reason(error)}")
            return Silence()

    def _idle_s(self) -> float:
        """Tell how long there is nothing to do unless something happens [s]."""
        if (self._to_visit or self._visit is not None) and not self._is_full():
            return 0
        due_s = self._settling.next_due_s()
        next_s = self._sweep.next_s if due_s is None else min(due_s, self._sweep.next_s)
        return max(0, next_s - time.monotonic())

    async def _hear(self, source: Source) -> None:
        """Note what the system says; rest while there is nothing to note and nothing to do."""
        if self._is_full():
            # Enough to do. The kernel's queue keeps the rest; if it runs over, a sweep finds it.
            await asyncio.sleep(min(self._idle_s(), _BREATH_S))
            return
        notices = source.drain(_NOTICES)
        self._note_notices(notices)
        await source.wait(0 if notices else self._idle_s())

    def _is_full(self) -> bool:
        return len(self._settling) >= _WAITING

    def _note_notices(self, notices: list[Notice]) -> None:
        for notice in notices:
            if notice.lost:
                self._settling.doubt(time.monotonic())
                self._begin_sweep()
            elif self._is_hidden(notice.path):
                continue
            elif notice.sign is None:
                self._to_visit.append(notice.path)
            elif not is_ignored(notice.path.name):
                is_open = notice.origin is not None and self._settling.is_open(notice.origin)
                sign = Sign.CREATED if is_open else notice.sign
                self._settling.note(notice.path, sign, time.monotonic())

    def _is_hidden(self, path: Path) -> bool:
        parts = path.parts[len(self._root.parts) :]
        return any(part.startswith(".") for part in parts)

    def _begin_sweep(self) -> None:
        if self._root not in self._to_visit:
            self._to_visit.append(self._root)
        self._sweep.begin()

    async def _visit_next(self, source: Source) -> None:
        """Look at some entries of one folder, so that a sweep holds up nothing else."""
        if self._visit is None:
            self._visit = self._next_visit(source)
        if self._visit is None or self._is_full():
            return  # what waits goes first, so that no folder is too large
        if await self._go_on(self._visit, source):
            return
        self._visit = None
        if not self._to_visit and self._sweep.running:
            self._taken.keep_folders(self._sweep.seen, self._sweep.unreadable)
            self._warned &= self._sweep.warned
            self._sweep.end()

    def _next_visit(self, source: Source) -> "_Visit | None":
        if not self._to_visit and time.monotonic() >= self._sweep.next_s:
            self._begin_sweep()
        if not self._to_visit:
            return None
        folder = self._to_visit.popleft()
        # Watched first and listed then, so that nothing falls in between.
        self._watch(folder, source)
        self._taken.begin_listing(folder)
        return _Visit(folder, list_in_parts(folder, follow=folder == self._root))

    async def _go_on(self, visit: "_Visit", source: Source) -> bool:
        """List some more of a folder; False at its end."""
        folder = visit.folder
        try:
            listing = await asyncio.to_thread(next, visit.parts, None)
        except OSError as error:
            self._fail(folder, error, source)
            return False
        if folder == self._root and self._is_away:
            self._is_away = False
            _log.info("inbox.back")
        if listing is None:
            self._sweep.seen.add(folder)
            self._taken.end_listing(folder)
            return False
        self._note_listing(folder, listing)
        return True

    def _note_listing(self, folder: Path, listing: Listing) -> None:
        self._taken.keep_names(folder, listing.files)
        self._to_visit.extend(folder / name for name in listing.folders)
        for name, kind in listing.oddities.items():
            self._warn(folder / name, f"ignored: a {kind}")
        for name, look in listing.files.items():
            path = folder / name
            if path not in self._settling and not self._taken.has(path, look.fingerprint):
                self._settling.note(path, Sign.SEEN, time.monotonic(), look)

    def _watch(self, folder: Path, source: Source) -> None:
        try:
            source.watch(folder)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self._warn(
                    self._root,
                    "too many folders to watch them all, the others are swept only;"
                    " raise the system's limit fs.inotify.max_user_watches",
                )
            # Whatever else hinders watching hinders listing too, and is told there.

    def _fail(self, folder: Path, error: OSError, source: Source) -> None:
        if folder != self._root and error.errno in _GONE:
            return  # it has vanished since it was seen
        self._sweep.unreadable.add(folder)
        self._warn(folder, f"cannot be read, tried again with each sweep: {_reason(error)}")
        if folder == self._root:
            self._is_away = True
            source.unwatch(folder)

    async def _complete(self) -> list[tuple[Path, Look]]:
        """Look at some of the files that are due, and give those that are complete."""
        paths = self._settling.due(time.monotonic(), _LOOKS)
        if not paths:
            return []
        looks = await asyncio.to_thread(lambda: [look_at(path) for path in paths])
        complete = []
        for path, look in zip(paths, looks, strict=True):
            if not isinstance(look, Look):
                self._dismiss(path, look)
            elif self._is_complete(path, look):
                complete.append((path, look))
        return complete

    def _is_complete(self, path: Path, look: Look) -> bool:
        if self._taken.has(path, look.fingerprint):
            self._settling.drop(path)
            return False
        return self._settling.judge(path, look, now_s=time.monotonic(), wall_s=time.time())

    def _dismiss(self, path: Path, kind: str | None) -> None:
        """Stop waiting for something that is not a regular file."""
        self._settling.drop(path)
        if kind == FOLDER:
            self._to_visit.append(path)
        elif kind:
            self._warn(path, f"ignored: a {kind}")

    def _warn(self, path: Path, reason: str) -> None:
        """Log a warning, once as long as its cause lasts."""
        self._sweep.warned.add((path, reason))
        if (path, reason) not in self._warned:
            self._warned.add((path, reason))
            _log.warning("inbox.warning", path=self._shown(path), reason=reason)

    def _shown(self, path: Path) -> str:
        """Give a path for the log, within the inbox and printable whatever its bytes."""
        inside = path.relative_to(self._root)
        return os.fsencode(inside).decode(errors="backslashreplace")


@dataclass(frozen=True)
class _Visit:
    """A folder that is being listed."""

    folder: Path
    parts: Iterator[Listing]


@dataclass
class _Sweep:
    """One look through all folders, and when the next one is."""

    rest_s: float
    next_s: float = 0
    running: bool = False
    seen: set[Path] = field(default_factory=set)
    unreadable: set[Path] = field(default_factory=set)
    warned: set[tuple[Path, str]] = field(default_factory=set)

    def begin(self) -> None:
        if not self.running:
            self.running = True
            for found in (self.seen, self.unreadable, self.warned):
                found.clear()

    def end(self) -> None:
        self.running = False
        self.next_s = time.monotonic() + self.rest_s


def _arrived(path: Path, look: Look) -> Arrived:
    seen = look.fingerprint
    return Arrived(path, seen.size_bytes, seen.modified_ns, seen.inode)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else "unknown error"
