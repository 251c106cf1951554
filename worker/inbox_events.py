"""What the operating system says about the inbox while things happen.

A source of notices never is the whole truth: it starts late, loses notices when too many come, and
knows nothing of what other machines do on a network mount. The inbox therefore sweeps as well.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from worker.inbox_settling import Sign


class Notice(NamedTuple):
    """One thing that happened.

    Attributes
    ----------
    path
        Where; the root if notices were lost.
    sign
        What happened to a file; None if a folder appeared and has to be looked through.
    lost
        True if notices were lost and everything has to be looked through.
    origin
        How a renamed file was called before; None if it comes from elsewhere.
    """

    path: Path
    sign: Sign | None
    lost: bool = False
    origin: Path | None = None


class Source(Protocol):
    """Where notices come from."""

    async def wait(self, timeout_s: float) -> None:
        """Wait until there may be notices.

        Parameters
        ----------
        timeout_s
            How long at most [s].
        """

    def drain(self, limit: int) -> list[Notice]:
        """Give the notices that have come, without waiting.

        Parameters
        ----------
        limit
            How many at most; fewer are given only if there are no more.

        Returns
        -------
        list of Notice
            The notices in the order of what happened.
        """

    def watch(self, folder: Path) -> None:
        """Listen to what happens in a folder; may be called again and again.

        Parameters
        ----------
        folder
            The folder.

        Raises
        ------
        OSError
            If the system refuses; ENOSPC if it watches as many folders as it may.
        """

    def unwatch(self, folder: Path) -> None:
        """Stop listening to a folder and to those below it.

        Parameters
        ----------
        folder
            The folder; it may be gone.
        """

    def close(self) -> None:
        """Stop listening for good."""


class Silence:
    """A source that never says anything, where the system offers none."""

    async def wait(self, timeout_s: float) -> None:
        """Sleep; see `Source.wait`."""
        await asyncio.sleep(timeout_s)

    def drain(self, limit: int) -> list[Notice]:  # noqa: ARG002  # the protocol's shape
        """Give nothing; see `Source.drain`."""
        return []

    def watch(self, folder: Path) -> None:
        """Do nothing; see `Source.watch`."""

    def unwatch(self, folder: Path) -> None:
        """Do nothing; see `Source.unwatch`."""

    def close(self) -> None:
        """Do nothing; see `Source.close`."""


if sys.platform == "linux":
    from asyncinotify import Event, Inotify, Mask

    _FOLDER = (
        Mask.CLOSE_WRITE
        | Mask.MOVED_TO
        | Mask.MOVED_FROM
        | Mask.CREATE
        | Mask.ONLYDIR
        | Mask.EXCL_UNLINK
    )
    _INSIDE = _FOLDER | Mask.DONT_FOLLOW
    _ROOT = _FOLDER | Mask.DELETE_SELF | Mask.MOVE_SELF
    _GONE = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT
    _READ_AHEAD = 100

    class SystemSource:
        """Notices of the Linux kernel (inotify), one watch for each folder.

        Parameters
        ----------
        root
            The inbox's folder.

        Raises
        ------
        OSError
            If this user may have no more sources.
        """

        def __init__(self, root: Path) -> None:
            self._root = root
            self._inotify = Inotify(cache_size=_READ_AHEAD, sync_timeout=0)
            self._left: tuple[int, Path | None] = (0, None)

        async def wait(self, timeout_s: float) -> None:
            """Wait until the kernel has notices; see `Source.wait`."""
            # Nothing is read here: a read that is cancelled by the time-out would lose notices.
            readable = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_reader(self._inotify.fd, readable.set)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):
                        await readable.wait()
            finally:
                loop.remove_reader(self._inotify.fd)

        def drain(self, limit: int) -> list[Notice]:
            """Read notices; see `Source.drain`."""
            return list(islice(self._notices(), limit))

        def _notices(self) -> Iterator[Notice]:
            for event in self._inotify:
                notice = self._notice(event)
                if notice:
                    yield notice

        def _notice(self, event: Event) -> Notice | None:
            if event.mask & _GONE:
                self.unwatch(self._root)  # what the watches know by the old names lies elsewhere
            if event.mask & (_GONE | Mask.Q_OVERFLOW):
                return Notice(self._root, None, lost=True)
            if event.path is None or event.name is None:
                return None
            if Mask.ISDIR in event.mask:
                if Mask.MOVED_FROM in event.mask:
                    self.unwatch(event.path)
                    return None
                return Notice(event.path, None)
            if Mask.MOVED_FROM in event.mask:
                self._left = (event.cookie, event.path)
            sign = _sign(event.mask)
            return Notice(event.path, sign, origin=self._origin(event)) if sign else None

        def _origin(self, event: Event) -> Path | None:
            """Tell whence a file was renamed: both halves of a renaming carry the same number."""
            number, origin = self._left
            return origin if Mask.MOVED_TO in event.mask and event.cookie == number else None

        def watch(self, folder: Path) -> None:
            """Add a watch; see `Source.watch`."""
            mask = _ROOT if folder == self._root else _INSIDE
            # A folder whose renaming was lost keeps its watch, which only knows the old name.
            self._inotify.add_watch(folder, mask).path = folder

        def unwatch(self, folder: Path) -> None:
            """Remove the watches of a folder that is no longer there; see `Source.unwatch`."""
            for watch in self._inotify.watches:
                if watch.path == folder or folder in watch.path.parents:
                    with suppress(OSError):  # the kernel has removed it together with the folder
                        self._inotify.rm_watch(watch)

        def close(self) -> None:
            """Close the kernel's queue; see `Source.close`."""
            self._inotify.close()

    def _sign(mask: Mask) -> Sign | None:
        if Mask.MOVED_TO in mask:
            return Sign.RENAMED
        if Mask.CLOSE_WRITE in mask:
            return Sign.CLOSED
        return Sign.CREATED if Mask.CREATE in mask else None

else:
    from watchfiles import Change, awatch

    class SystemSource:
        """Notices of other systems through watchfiles: that something changed, not what.

        Parameters
        ----------
        root
            The inbox's folder.
        """

        def __init__(self, root: Path) -> None:
            self._root = root
            self._changed: dict[Path, None] = {}
            self._woken = asyncio.Event()
            self._stop = asyncio.Event()
            self._task: asyncio.Task[None] | None = None

        async def wait(self, timeout_s: float) -> None:
            """Wait for a change; see `Source.wait`."""
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._woken.wait()
            self._woken.clear()

        def drain(self, limit: int) -> list[Notice]:
            """Give changed paths; see `Source.drain`."""
            paths = list(islice(self._changed, limit))
            for path in paths:
                del self._changed[path]
            return [Notice(path, Sign.SEEN) for path in paths]

        def watch(self, folder: Path) -> None:
            """Start to listen if nobody does, to the whole inbox; see `Source.watch`."""
            if folder == self._root and (self._task is None or self._task.done()):
                self._task = asyncio.create_task(self._listen())

        async def _listen(self) -> None:
            # Ends when the root is away; the sweep that finds it back starts it again.
            with suppress(FileNotFoundError):
                async for changes in awatch(self._root, watch_filter=None, stop_event=self._stop):
                    self._changed.update(
                        (Path(path), None) for kind, path in changes if kind is not Change.deleted
                    )
                    self._woken.set()

        def unwatch(self, folder: Path) -> None:
            """Do nothing: there are no watches by folder; see `Source.unwatch`."""

        def close(self) -> None:
            """Stop to listen; see `Source.close`."""
            self._stop.set()
            if self._task:
                self._task.cancel()
