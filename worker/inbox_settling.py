"""The rule that says when a file is complete, and the memory of those that were taken.

Neither touches the disk or a clock, so that both can be understood and tested by themselves. Why
the rule is as it is stands in ``docs/adr/0004-inbox-completeness.md``.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from worker.inbox_looks import Fingerprint, Look

OPEN_PATIENCE = 30
"""How many times longer a file rests that a local program made and has not closed."""


_VOID = 1000
"""How many entries of the heap may be void, whatever waits."""


class Sign(Enum):
    """What drew attention to a file."""

    SEEN = auto()
    """It was found in its folder; who writes to it is not known."""
    CREATED = auto()
    """A program of this machine made it and has not closed it yet."""
    CLOSED = auto()
    """A program of this machine closed it after writing."""
    RENAMED = auto()
    """It was renamed into place, which is how careful programs say that it is complete."""


@dataclass(slots=True)
class _Waiting:
    sign: Sign
    look: Look | None
    due_s: float


class Settling:
    """Files that may be complete soon.

    Parameters
    ----------
    settle_s
        How long a file must rest unchanged before it counts as complete [s].
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._waiting: dict[Path, _Waiting] = {}
        self._dues: list[tuple[float, Path]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, path: Path) -> bool:
        return path in self._waiting

    def note(self, path: Path, sign: Sign, now_s: float, look: Look | None = None) -> None:
        """Begin to wait for a file, anew if it waits already.

        Parameters
        ----------
        path
            The file.
        sign
            What drew attention to it.
        now_s
            The time now, on a clock that never jumps [s].
        look
            How it looked just now; None if nobody looked: it is due for a first look at once.
        """
        due_s = now_s if look is None else now_s + self._rest_s(sign, look)
        self._wait(path, sign, look, due_s)

    def next_due_s(self) -> float | None:
        """Give the time when somebody should look next [s], None if nothing waits."""
        return self._dues[0][0] if self._dues else None

    def due(self, now_s: float, limit: int) -> list[Path]:
        """Give files to look at now; `judge` each of them then.

        Parameters
        ----------
        now_s
            The time now [s].
        limit
            How many at most.

        Returns
        -------
        list of Path
            The files.
        """
        found: list[Path] = []
        while self._dues and self._dues[0][0] <= now_s and len(found) < limit:
            due_s, path = heapq.heappop(self._dues)
            waiting = self._waiting.get(path)
            # An entry of the heap is void if the file was noted again or dropped since.
            if waiting is not None and waiting.due_s == due_s:
                found.append(path)
        return found

    def judge(self, path: Path, look: Look, *, now_s: float, wall_s: float) -> bool:
        """Decide about a file that was just looked at.

        Parameters
        ----------
        path
            A file that waits.
        look
            How it looks.
        now_s
            The time now, on the clock that never jumps [s].
        wall_s
            The time now, on the clock that files are stamped with [s since 1970].

        Returns
        -------
        bool
            True if the file is complete, and waits no more; False if it has to rest longer.
        """
        waiting = self._waiting[path]
        if waiting.sign is Sign.RENAMED and look.fingerprint.size_bytes:
            self.drop(path)
            return True
        if waiting.look is None or waiting.look.fingerprint != look.fingerprint:
            self.note(path, waiting.sign, now_s, look)
            return False
        if waiting.sign is Sign.SEEN:
            age_s = abs(wall_s - look.fingerprint.modified_ns / 1e9)  # stamps may lie ahead
            if age_s < self._settle_s:
                self._wait(path, Sign.SEEN, look, now_s + self._settle_s - age_s)
                return False
        self.drop(path)
        return True

    def is_open(self, path: Path) -> bool:
        """Say whether a program of this machine made a file and has not closed it yet.

        Parameters
        ----------
        path
            Where the file lies, or lay a moment ago.

        Returns
        -------
        bool
            False also where that is not known.
        """
        waiting = self._waiting.get(path)
        return waiting is not None and waiting.sign is Sign.CREATED

    def drop(self, path: Path) -> None:
        """Stop waiting for a file.

        Parameters
        ----------
        path
            The file; no-op if it does not wait.
        """
        self._waiting.pop(path, None)

    def doubt(self, now_s: float) -> None:
        """Take no file for open any more, since its being closed may have been missed.

        Parameters
        ----------
        now_s
            The time now [s].
        """
        opened = [path for path, wait in self._waiting.items() if wait.sign is Sign.CREATED]
        for path in opened:
            self.note(path, Sign.SEEN, now_s)

    def _rest_s(self, sign: Sign, look: Look) -> float:
        # A hard link is created, but never opened; it has two names.
        is_open = sign is Sign.CREATED and look.links == 1
        return self._settle_s * (OPEN_PATIENCE if is_open else 1)

    def _wait(self, path: Path, sign: Sign, look: Look | None, due_s: float) -> None:
        self._waiting[path] = _Waiting(sign, look, due_s)
        heapq.heappush(self._dues, (due_s, path))
        if len(self._dues) > 2 * len(self._waiting) + _VOID:
            self._dues = [(waiting.due_s, each) for each, waiting in self._waiting.items()]
            heapq.heapify(self._dues)


class Taken:
    """Files that were taken and still lie in the inbox, folder by folder.

    There may be any number of them, so that no more than two hashes are kept of each. Should those
    of two names be the same, one of the files is given again, which harms nobody.
    """

    def __init__(self) -> None:
        self._folders: dict[Path, dict[int, int]] = {}
        self._unseen: dict[Path, dict[int, int]] = {}

    def __len__(self) -> int:
        return sum(len(names) for part in self._parts() for names in part.values())

    def _parts(self) -> tuple[dict[Path, dict[int, int]], ...]:
        return self._folders, self._unseen

    def has(self, path: Path, fingerprint: Fingerprint) -> bool:
        """Say whether exactly this file was taken.

        Parameters
        ----------
        path
            Where it lies.
        fingerprint
            How it looks.

        Returns
        -------
        bool
            True if it was.
        """
        name, wanted = hash(path.name), hash(fingerprint)
        return any(part.get(path.parent, {}).get(name) == wanted for part in self._parts())

    def add(self, path: Path, fingerprint: Fingerprint) -> None:
        """Remember a file.

        Parameters
        ----------
        path
            Where it lies.
        fingerprint
            How it looked when it was taken.
        """
        self._folders.setdefault(path.parent, {})[hash(path.name)] = hash(fingerprint)

    def forget(self, path: Path) -> None:
        """Forget a file, so that it may be taken again.

        Parameters
        ----------
        path
            Where it lies; no-op if it was not taken.
        """
        for part in self._parts():
            part.get(path.parent, {}).pop(hash(path.name), None)

    def begin_listing(self, folder: Path) -> None:
        """Begin to find out which files of a folder have vanished.

        Parameters
        ----------
        folder
            The folder.
        """
        # What is left of a listing that failed is older than what was taken since.
        unseen = self._unseen.pop(folder, {}) | self._folders.pop(folder, {})
        if unseen:
            self._unseen[folder] = unseen

    def keep_names(self, folder: Path, names: Iterable[str]) -> None:
        """Note files of a folder that are still there.

        Parameters
        ----------
        folder
            The folder whose listing has begun.
        names
            Some of its files.
        """
        unseen = self._unseen.get(folder)
        if not unseen:
            return
        kept = self._folders.setdefault(folder, {})
        for number in map(hash, names):
            if number in unseen:
                kept.setdefault(number, unseen.pop(number))

    def end_listing(self, folder: Path) -> None:
        """Forget the files of a folder that are not there any more.

        Parameters
        ----------
        folder
            The folder, whose files were all noted if they are there.
        """
        self._unseen.pop(folder, None)
        if not self._folders.get(folder, True):
            del self._folders[folder]

    def keep_folders(self, seen: set[Path], unreadable: set[Path]) -> None:
        """Forget the files of folders that have vanished.

        Parameters
        ----------
        seen
            The folders that are still there.
        unreadable
            Folders that could not be read: what lies in and below them is not known.
        """
        for part in self._parts():
            for folder in list(part):
                hidden = folder in unreadable or not unreadable.isdisjoint(folder.parents)
                if folder not in seen and not hidden:
                    del part[folder]
