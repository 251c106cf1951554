"""Names of files: given, taken away, and made durable. Everything blocks: call from a thread."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
_NO_FOLDER_FSYNC = {errno.EINVAL, errno.ENOTSUP}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR}
_NOT_EMPTY = {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, *_NOT_THERE}
_NOT_OURS = {errno.EACCES, errno.EPERM, errno.EROFS}


def linked(source: Path, target: Path) -> bool:
    """Try to give a file a second name instead of copying its bytes.

    Parameters
    ----------
    source
        The file.
    target
        The other name; nothing is there.

    Returns
    -------
    bool
        False where the file system cannot, or the two names are on different ones.

    Raises
    ------
    OSError
        If it could and does not.
    """
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    return True


def sync(path: Path) -> None:
    """Make what is in a file or folder durable.

    Parameters
    ----------
    path
        The file or folder.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the file system knows how to.

    Parameters
    ----------
    folder
        The folder.
    """
    with _tolerating(_NO_FOLDER_FSYNC):
        sync(folder)


def put_in_place(draft: Path, target: Path) -> None:
    """Give a finished draft its name: whoever looks sees the old file or the new one, whole.

    Parameters
    ----------
    draft
        On the same file system.
    target
        Its name from now on.
    """
    sync(draft)
    draft.replace(target)
    sync_folder(target.parent)


def make_folders(folder: Path, root: Path) -> None:
    """Make the missing folders from the root down, each durably.

    Parameters
    ----------
    folder
        Below the root.
    root
        The folder of the archive.
    """
    for path in reversed((folder, *folder.relative_to(root).parents)):
        step = root / path
        if step == root or step.is_dir():
            continue
        step.mkdir(exist_ok=True)
        sync_folder(step.parent)


def drop(path: Path, root: Path) -> None:
    """Remove a file if it is there, and then the folders above it that are empty.

    Parameters
    ----------
    path
        The file.
    root
        The folder that stays.
    """
    with _tolerating(_NOT_THERE):
        path.unlink()
    prune(path, root)


def prune(path: Path, root: Path) -> None:
    """Remove the empty folders above a file that has gone.

    Parameters
    ----------
    path
        Where the file was.
    root
        The folder that stays.
    """
    for folder in path.parents:
        if folder == root:
            return
        with _tolerating(_NOT_EMPTY | _NOT_OURS):
            folder.rmdir()


@contextmanager
def _tolerating(codes: set[int]) -> Iterator[None]:
    """Let some errors of the system pass, and no others.

    Raises
    ------
    OSError
        Any other.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in codes:
            raise
