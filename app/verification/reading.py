"""Read stored files again, no faster than allowed."""

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.storage.digests import open_source
from app.storage.errors import translated

_PIECE_BYTES = 4 << 20


@dataclass
class Pace:
    """Holds a reader back, so that it leaves most of a disk to others.

    Parameters
    ----------
    bytes_per_s
        How fast to read [byte/s]; 0 for no limit.
    now
        A clock that never goes back [s].
    sleep
        Waits so long [s].
    """

    bytes_per_s: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _due_s: float = field(default=0.0, init=False)

    async def spend(self, size_bytes: int) -> None:
        """Wait until so much may have been read; time that was not used is not saved up.

        Parameters
        ----------
        size_bytes
            What was just read [byte].
        """
        if not self.bytes_per_s:
            return
        now_s = self.now()
        self._due_s = max(self._due_s, now_s) + size_bytes / self.bytes_per_s
        await self.sleep(self._due_s - now_s)


@dataclass(frozen=True, slots=True)
class Seen:
    """What lies on the disk.

    Attributes
    ----------
    size_bytes
        Length [byte].
    sha256
        SHA-256 (FIPS 180-4), lower case.
    """

    size_bytes: int
    sha256: str


async def read_again(path: Path, name: str, pace: Pace) -> Seen:
    """Read a file from the disk, not from memory where the system can tell them apart.

    Parameters
    ----------
    path
        The file.
    name
        What messages call it.
    pace
        How fast.

    Returns
    -------
    Seen
        Size and checksum.

    Raises
    ------
    MissingFileError
        If it is not there.
    NotAFileError
        If something else lies there.
    StorageUnavailableError
        If the disk refuses.
    """  # translated raises them
    digest, size_bytes = hashlib.sha256(), 0
    with translated(name), ExitStack() as opened:
        file = await asyncio.to_thread(opened.enter_context, open_source(path))
        await asyncio.to_thread(_forget_cached, file)
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            await asyncio.to_thread(digest.update, piece)
            size_bytes += len(piece)
            await pace.spend(len(piece))
        await asyncio.to_thread(_forget_cached, file)
    return Seen(size_bytes, digest.hexdigest())


def _forget_cached(file: BinaryIO) -> None:
    """Ask the system to drop what it has in memory of a file: bits rot on the disk."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
