"""The cache is bounded: what was not used for longest goes first."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from app.storage.errors import translated

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

TRIM_JOB: Final = "trim-cache"
"""Kind of the job that trims the cache."""

_UNFINISHED_S: Final = 86_400.0
"""A draft of this age was left behind by a crash."""


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What was removed from a cache.

    Attributes
    ----------
    removed
        Number of files.
    freed_bytes, kept_bytes
        Their size, and that of what is left [byte].
    """

    removed: int
    freed_bytes: int
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class _Cached:
    file: Path
    size_bytes: int
    used_s: float


class CacheTrimmer:
    """Keeps a cache within its limit.

    Parameters
    ----------
    folder
        Of the cache.
    limit_bytes
        How much it may hold [byte].
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    async def run(self) -> Trimmed:
        """Remove what was not used for longest, until the rest is within the limit.

        Returns
        -------
        Trimmed
            What was removed.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses.
        """  # translated raises it
        trimmed = await asyncio.to_thread(trim, self._folder, self._limit_bytes)
        log.info(
            "cache trimmed",
            removed=trimmed.removed,
            freed_bytes=trimmed.freed_bytes,
            kept_bytes=trimmed.kept_bytes,
        )
        return trimmed


def trim(folder: Path, limit_bytes: int) -> Trimmed:
    """Remove files of a cache, what was not used for longest first; blocks.

    Parameters
    ----------
    folder
        Of the cache.
    limit_bytes
        How much may stay [byte].

    Returns
    -------
    Trimmed
        What was removed.
    """
    with translated("the cache of previews"):
        cached = sorted(_all(folder), key=lambda one: one.used_s)
        kept_bytes = sum(one.size_bytes for one in cached)
        removed = freed_bytes = 0
        for one in cached:
            if kept_bytes <= limit_bytes:
                break
            one.file.unlink(missing_ok=True)
            removed += 1
            freed_bytes += one.size_bytes
            kept_bytes -= one.size_bytes
    return Trimmed(removed, freed_bytes, kept_bytes)


def make_room(folder: Path, wanted_bytes: int) -> Trimmed:
    """Free some of a cache whose disk is full; blocks.

    Parameters
    ----------
    folder
        Of the cache.
    wanted_bytes
        How much shall be freed [byte].

    Returns
    -------
    Trimmed
        What was removed; less than was wanted where there is not more.
    """
    with translated("the cache of previews"):
        held_bytes = sum(one.size_bytes for one in _all(folder))
    return trim(folder, max(0, held_bytes - wanted_bytes))


def _all(folder: Path) -> Iterator[_Cached]:
    """Look at all files of a cache; drafts that a crash left are removed on the way."""
    oldest_s = time.time() - _UNFINISHED_S
    for part in folder.iterdir():
        if not part.is_dir() or part.is_symlink():
            continue
        for file in part.iterdir():
            with suppress(FileNotFoundError):
                found = file.lstat()
                if not file.name.startswith("."):
                    yield _Cached(file, found.st_size, max(found.st_atime, found.st_mtime))
                elif found.st_mtime < oldest_s and file.is_file():
                    file.unlink()
