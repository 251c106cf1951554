"""Go through a manifest, some files at a time and several of these at once."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from app.backups.manifest import Line, read_lines

Result = TypeVar("Result")

_AT_ONCE = 200
_THREADS = 4


async def in_batches(
    manifest: Path,
    work: Callable[[Sequence[Line]], None],
    *,
    after_each: Callable[[], None] = lambda: None,
) -> None:
    """Do something with all files of a manifest; the event loop is free meanwhile.

    Parameters
    ----------
    manifest
        Where to read.
    work
        Takes the next files; runs in a thread, one call after the other.
    after_each
        Is called after each batch, in the event loop.
    """
    lines = read_lines(manifest)
    while batch := await asyncio.to_thread(lambda: list(islice(lines, _AT_ONCE))):
        await asyncio.to_thread(work, batch)
        after_each()


def at_once(one: Callable[[Line], Result], lines: Sequence[Line]) -> list[Result]:
    """Do something with several files at the same time: most of it is waiting for disks.

    Parameters
    ----------
    one
        Takes a file; runs in a thread.
    lines
        The files.

    Returns
    -------
    list
        What became of each, in order.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(one, lines))
