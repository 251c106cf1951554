"""The trash of a local store: a hidden folder beside the stored files, on the same disk."""

import asyncio
import errno
import shutil
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from app.storage.digests import copy_with_digests
from app.storage.errors import InvalidKeyError, MissingFileError, translated
from app.storage.names import linked, make_folders, prune, sync_folder
from app.storage.protocol import check_key

_FOLDER = ".trash"
_DRAFT = ".draft"


class LocalTrash:
    """Files of deleted frames below ``.trash/<place>/``; see `Trash`.

    Parameters
    ----------
    root
        The folder of the archive.
    locate
        Gives the path of a stored file, and refuses keys that lead out of the archive.
    """

    def __init__(self, root: Path, locate: Callable[[str], Path]) -> None:
        self._root = root
        self._folder = root / _FOLDER
        self._locate = locate

    async def take(self, key: str, place: str) -> None:
        """Move a stored file to the trash; see `Trash.take`."""
        await asyncio.to_thread(self._take, key, place, is_copy=False)

    async def take_copy(self, key: str, place: str) -> None:
        """Put a second name or a copy of a file into the trash; see `Trash.take_copy`."""
        await asyncio.to_thread(self._take, key, place, is_copy=True)

    def path(self, key: str, place: str) -> Path:
        """Give the file of a key; see `Trash.path`.

        Raises
        ------
        MissingFileError
            If there is no such file.
        """
        path = self._place(place) / check_key(key)
        with translated(key):
            if path.is_file():
                return path
        raise MissingFileError(f"there is no file {key!r} in the trash", name=key)

    async def empty(self, place: str) -> None:
        """Remove a place for ever; see `Trash.empty`."""
        await asyncio.to_thread(self._empty, self._place(place))

    async def iter_places(self) -> AsyncIterator[str]:
        """Go through all places; see `Trash.iter_places`."""
        for place in await asyncio.to_thread(self._places):
            yield place

    def _place(self, place: str) -> Path:
        """Turn a place into its folder.

        Raises
        ------
        InvalidKeyError
            If it is not a single name.
        """
        if "/" in check_key(place):
            raise InvalidKeyError(f"{place!r} cannot be a place in the trash: give a single name")
        return self._folder / place

    def _take(self, key: str, place: str, *, is_copy: bool) -> None:
        source, target = self._locate(key), self._place(place) / check_key(key)
        with translated(key):
            if target.is_file() or not source.is_file():
                return
            make_folders(target.parent, self._root)
            if is_copy or not _moved(source, target):
                _copy(source, target)
            sync_folder(target.parent)
            if not is_copy:
                source.unlink(missing_ok=True)  # there still, where it could not be moved
                sync_folder(source.parent)
                prune(source, self._root)

    def _empty(self, folder: Path) -> None:
        with translated(folder.name):
            if folder.is_dir():
                shutil.rmtree(folder)
                sync_folder(self._folder)

    def _places(self) -> list[str]:
        with translated("the trash"):
            if not self._folder.is_dir():
                return []
            return [entry.name for entry in self._folder.iterdir() if entry.is_dir()]


def _moved(source: Path, target: Path) -> bool:
    """Rename a file; False where its folder is a disk of its own.

    Raises
    ------
    OSError
        If the system refuses for another reason.
    """
    try:
        source.rename(target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise
    return True


def _copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system cannot, copy it, whole or not at all."""
    if linked(source, target):
        return
    draft = target.with_name(f"{_DRAFT}-{uuid.uuid4().hex}")
    copy_with_digests(source, draft)
    draft.replace(target)
