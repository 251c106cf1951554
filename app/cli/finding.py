"""Finds the files of a bulk import."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import InvalidError
from worker.inbox_looks import Look, is_ignored, list_folder, look_at


@dataclass
class Found:
    """What lies below the given paths.

    Attributes
    ----------
    files
        Regular files, absolute, each once, in order.
    passed_over
        What is left alone, and why.
    unreadable
        Folders that cannot be read, and why.
    """

    files: dict[Path, None] = field(default_factory=dict)
    passed_over: dict[Path, str] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)


def find_files(paths: Iterable[Path], own_folders: Iterable[Path]) -> Found:
    """Look for files, recursively, by the rules of the inbox.

    Hidden and unfinished files are ignored; links, pipes and the like are passed over. The given
    paths themselves may be links.

    Parameters
    ----------
    paths
        Files and folders.
    own_folders
        Folders of the archive itself, whose files are never imported.

    Returns
    -------
    Found
        Files, and what is none.

    Raises
    ------
    InvalidError
        If a given path does not exist.
    """
    found = Found()
    own = {folder.resolve() for folder in own_folders}
    for path in paths:
        if not path.exists():
            raise InvalidError(f"there is no file or folder {path}: give one that exists")
        root = path.resolve()
        if root.is_dir():
            _search(root, own, found)
        else:
            _add(root, own, found)
    return found


def _add(file: Path, own: set[Path], found: Found) -> None:
    """Add a file that was named by itself."""
    if is_ignored(file.name):
        found.passed_over[file] = "its name is that of a hidden or unfinished file"
    elif not own.isdisjoint(file.parents):
        found.passed_over[file] = "it belongs to the archive itself"
    elif isinstance(look := look_at(file), Look):
        found.files[file] = None
    else:
        found.passed_over[file] = f"it is a {look}" if look else "it vanished"


def _search(root: Path, own: set[Path], found: Found) -> None:
    """Add all files of a folder, those of each folder before those of the folders in it."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        if not own.isdisjoint((folder, *folder.parents)):
            found.passed_over[folder] = "it belongs to the archive itself"
            continue
        try:
            listing = list_folder(folder, follow=False)
        except OSError as error:
            found.unreadable[folder] = os.strerror(error.errno) if error.errno else str(error)
            continue
        found.files.update((folder / name, None) for name in sorted(listing.files))
        for name, kind in sorted(listing.oddities.items()):
            found.passed_over[folder / name] = f"it is a {kind}"
        waiting.extend(folder / name for name in sorted(listing.folders, reverse=True))
