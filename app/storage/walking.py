"""Go through the files of a folder in a fixed order: a long walk can go on where it stopped.

Everything blocks: call from a thread.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.storage.errors import MissingFileError, StorageUnavailableError, translated


def files_below(root: Path, after: Sequence[str] = ()) -> Iterator[Path]:
    """Walk through regular files, without following links or entering hidden folders.

    Parameters
    ----------
    root
        Where to begin; it must exist.
    after
        Components of the path at which an earlier walk stopped, relative to the root: only what
        comes behind it is given. Empty: everything.

    Yields
    ------
    Path
        In the order of their components. A folder is read when the walk comes to it.

    Raises
    ------
    StorageUnavailableError
        If the root is away, or the disk refuses.
    """  # _entries raises it
    yield from _below(root, tuple(after), is_root=True)


def _below(folder: Path, after: tuple[str, ...], *, is_root: bool = False) -> Iterator[Path]:
    first, rest = (after[0], after[1:]) if after else ("", ())
    for entry in sorted(_entries(folder, missing_ok=not is_root), key=lambda each: each.name):
        if entry.name < first:
            continue
        is_place = entry.name == first
        if entry.is_dir(follow_symlinks=False):
            if not _foreign(entry.name):
                yield from _below(Path(entry.path), rest if is_place else ())
        elif entry.is_file(follow_symlinks=False) and not is_place:
            yield Path(entry.path)


def _foreign(name: str) -> bool:
    """Tell folders that the file system keeps in its root and that hold none of our files."""
    return name.startswith(".") or name == "lost+found"


def _entries(folder: Path, *, missing_ok: bool) -> list[os.DirEntry[str]]:
    """Read a folder.

    Raises
    ------
    StorageUnavailableError
        If it is away and must be there.
    """
    try:
        with translated(folder.name), os.scandir(folder) as entries:
            return list(entries)
    except MissingFileError as error:
        if missing_ok:
            return []
        raise StorageUnavailableError(
            "the archive's folder is away; is its disk mounted?"
        ) from error


def changed_s(path: Path) -> float:
    """Tell when a file was changed last, in any way: a link that was adopted keeps an old mtime.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    float
        Time of the last change of the inode [s since 1970]; now if it has gone.
    """
    try:
        return path.lstat().st_ctime
    except FileNotFoundError:
        return time.time()
