"""What a look at the inbox shows. Everything here blocks: the inbox runs it in threads."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

UNFINISHED = (".part", ".filepart", ".tmp", ".partial", ".crdownload", ".swp", "~")
"""Endings, in lower case, of names that programs give to files they have not finished."""

_AT_ONCE = 1000


class Fingerprint(NamedTuple):
    """What tells whether a file is still the same; the device is not: it changes on a remount.

    Attributes
    ----------
    inode
        Number of the file on its file system.
    modified_ns
        Time of the last change of its bytes [ns since 1970].
    size_bytes
        Its size [byte].
    changed_ns
        Time of the last change of its entry [ns since 1970]: tells a file from another one that
        took its name, and happens to have its number, time and size.
    """

    inode: int
    modified_ns: int
    size_bytes: int
    changed_ns: int


class Look(NamedTuple):
    """A regular file as it was at one moment.

    Attributes
    ----------
    fingerprint
        Inode, time of modification and size.
    links
        How many names it has.
    """

    fingerprint: Fingerprint
    links: int


@dataclass
class Listing:
    """What one folder holds, ignored names left out.

    Attributes
    ----------
    files
        Regular files by name.
    folders
        Names of folders.
    oddities
        Names of everything else, with what it is.
    """

    files: dict[str, Look] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    oddities: dict[str, str] = field(default_factory=dict)


def is_ignored(name: str) -> bool:
    """Tell names of files that are hidden or not finished.

    Parameters
    ----------
    name
        Name of a file, without its folder.

    Returns
    -------
    bool
        True if the inbox shall not see it.
    """
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def list_folder(folder: Path, *, follow: bool) -> Listing:
    """Look at everything in one folder.

    Parameters
    ----------
    folder
        The folder.
    follow
        Whether the folder itself may be a symbolic link: true for the inbox's root only.

    Returns
    -------
    Listing
        Its files, folders and oddities.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    listing = Listing()
    for part in list_in_parts(folder, follow=follow):
        listing.files |= part.files
        listing.folders += part.folders
        listing.oddities |= part.oddities
    return listing


def list_in_parts(folder: Path, *, follow: bool) -> Iterator[Listing]:
    """Look at everything in one folder, some of it at a time: it may hold any number of files.

    Parameters
    ----------
    folder
        The folder.
    follow
        Whether the folder itself may be a symbolic link: true for the inbox's root only.

    Yields
    ------
    Listing
        Some of its files, folders and oddities.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(folder, flags)
    try:
        with os.scandir(descriptor) as entries:
            while some := list(islice(entries, _AT_ONCE)):
                listing = Listing()
                for entry in some:
                    _list_entry(entry, listing)
                yield listing
    finally:
        os.close(descriptor)


def _list_entry(entry: os.DirEntry[str], listing: Listing) -> None:
    if entry.name.startswith("."):
        return
    if entry.is_dir(follow_symlinks=False):
        listing.folders.append(entry.name)
    elif not is_ignored(entry.name):
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # gone since the folder was listed
        if stat.S_ISREG(status.st_mode):
            listing.files[entry.name] = _look(status)
        else:
            listing.oddities[entry.name] = _kind(status)


def look_at(path: Path) -> Look | str | None:
    """Look at one file, freshly.

    The file is opened for it where that is allowed: network file systems answer a bare stat from
    a cache that may be minutes old, and ask the server when a file is opened.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Look or str or None
        A look at a regular file; the kind of thing that stands there instead; None for nothing.
    """
    try:
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            status = _opened_status(path) or status
    except OSError:
        return None  # vanished, or its folder has: the next sweep will say what is wrong
    return _look(status) if stat.S_ISREG(status.st_mode) else _kind(status)


def _opened_status(path: Path) -> os.stat_result | None:
    """Give the status of a file through opening it, None where that is not permitted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return None
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _look(status: os.stat_result) -> Look:
    fingerprint = Fingerprint(status.st_ino, status.st_mtime_ns, status.st_size, status.st_ctime_ns)
    return Look(fingerprint, status.st_nlink)


FOLDER = "folder"
_KINDS = {
    stat.S_IFDIR: FOLDER,
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def _kind(status: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(status.st_mode), "special file")
