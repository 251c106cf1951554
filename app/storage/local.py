"""Archived bytes in a folder of a local or mounted disk."""

import asyncio
import shutil
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from app.core.faults import FaultPoint, reach
from app.storage.aside import set_aside
from app.storage.digests import BLOCK_BYTES, open_source
from app.storage.errors import (
    InvalidKeyError,
    MissingFileError,
    OccupiedError,
    StorageUnavailableError,
    translated,
)
from app.storage.local_trash import LocalTrash
from app.storage.names import drop, linked, make_folders, sync, sync_folder
from app.storage.protocol import Staged, check_key
from app.storage.trash import Trash
from app.storage.walking import changed_s, files_below

_STAGED = ".staged-"
_TRIES = 5
_BATCH = 1000


@dataclass
class LocalStaged:
    """A temporary file beside its target, complete and on the disk.

    Attributes
    ----------
    key
        The key that the bytes will have.
    size_bytes
        How many bytes are staged [byte].
    """

    key: str
    size_bytes: int
    _root: Path = field(repr=False)
    _temporary: Path = field(repr=False)
    _target: Path = field(repr=False)
    _committed: bool = field(default=False, repr=False)

    def commit(self) -> None:
        """Give the file its final name; see `Staged.commit`.

        Raises
        ------
        OccupiedError
            If the name is taken.
        """
        if self._committed:
            raise OccupiedError(f"{self.key!r} has been stored by this very call", key=self.key)
        with translated(self.key), ExitStack() as undo:
            is_linked = _claim(self._temporary, self._target)
            undo.callback(self._target.unlink, missing_ok=True)
            _settle(self._temporary, self._target, is_linked=is_linked)
            undo.pop_all()
        self._committed = True

    def discard(self) -> None:
        """Remove the temporary file; see `Staged.discard`."""
        with translated(self.key):
            drop(self._temporary, self._root)  # a committed file has no such name any more


class LocalStore:
    """Stored files in a folder, each at the path that its key says; see `Store`.

    Parameters
    ----------
    root
        The folder of the archive; it is made if it does not exist.

    Raises
    ------
    StorageUnavailableError
        If it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        with translated("the archive's folder"):
            root.mkdir(parents=True, exist_ok=True)
            self._root = root.resolve()
        self._trash = LocalTrash(self._root, self._locate)

    @property
    def trash(self) -> Trash:
        """Where the files of deleted frames are kept; see `Store.trash`."""
        return self._trash

    async def stage(self, source: Path, key: str, *, adopt: bool = False) -> Staged:
        """Copy or adopt a file beside its target; see `Store.stage`."""
        return await asyncio.to_thread(self._stage, source, key, adopt=adopt)

    def path(self, key: str) -> Path:
        """Give the file of a key; see `Store.path`.

        Raises
        ------
        MissingFileError
            If there is no such file.
        """
        path = self._locate(key)
        with translated(key):
            if path.is_file():
                return path
        raise MissingFileError(f"there is no file {key!r}", name=key)

    async def exists(self, key: str) -> bool:
        """Say whether a file is there; see `Store.exists`."""
        return await asyncio.to_thread(self._exists, key)

    async def size_bytes(self, key: str) -> int:
        """Give the size of a file [byte]; see `Store.size_bytes`."""
        return await asyncio.to_thread(self._size_bytes, key)

    async def remove(self, key: str) -> None:
        """Remove a file and the empty folders above it; see `Store.remove`."""
        await asyncio.to_thread(self._remove, self._locate(key), key)

    async def set_aside(self, key: str) -> str:
        """Move damaged bytes out of the way; see `Store.set_aside`."""
        return await asyncio.to_thread(set_aside, self._root, check_key(key))

    async def iter_keys(self, after: str = "") -> AsyncIterator[str]:
        """Walk through all files, a thousand at a time; see `Store.iter_keys`."""
        walk = files_below(self._root, after.split("/") if after else ())
        files = (path for path in walk if not path.name.startswith("."))
        while batch := await asyncio.to_thread(lambda: list(islice(files, _BATCH))):
            for path in batch:
                yield path.relative_to(self._root).as_posix()

    async def stale_staged(self, older_than_s: float) -> list[str]:
        """List temporary files by age; see `Store.stale_staged`."""
        return await asyncio.to_thread(self._stale_staged, older_than_s)

    async def remove_staged(self, name: str) -> None:
        """Remove a temporary file; see `Store.remove_staged`.

        Raises
        ------
        InvalidKeyError
            If the name is not one of staged bytes.
        """
        temporary = PurePosixPath(name)
        if not temporary.name.startswith(_STAGED):
            raise InvalidKeyError(f"{name!r} is not the name of a staged file")
        beside = self._locate(str(temporary.with_name("staged")))
        await asyncio.to_thread(self._remove, beside.with_name(temporary.name), name)

    def _locate(self, key: str) -> Path:
        """Turn a key into a path that stays inside the root, symbolic links included.

        Raises
        ------
        InvalidKeyError
            If it would not.
        """
        path = self._root / check_key(key)
        with translated(key):
            try:
                inside = path.resolve().is_relative_to(self._root)
            except RuntimeError:  # how pathlib tells a loop of links before Python 3.13
                inside = False
        if not inside:
            raise InvalidKeyError(f"{key!r} leads out of the archive by a symbolic link")
        return path

    def _stage(self, source: Path, key: str, *, adopt: bool) -> LocalStaged:
        target = self._locate(key)
        temporary = target.with_name(f"{_STAGED}{uuid.uuid4().hex}")
        with translated(source.name), open_source(source) as file, translated(key):
            try:
                self._bring(file, temporary, source if adopt else None)
                size_bytes = temporary.stat().st_size
            except BaseException:
                drop(temporary, self._root)
                raise
        reach(FaultPoint.STAGED)
        return LocalStaged(key, size_bytes, self._root, temporary, target)

    def _bring(self, file: BinaryIO, temporary: Path, adopted: Path | None) -> None:
        for _ in range(_TRIES):
            # Another call may prune a folder that this one has just made and not yet used.
            with suppress(FileNotFoundError):
                make_folders(temporary.parent, self._root)
                if adopted is None or not linked(adopted, temporary):
                    _copy(file, temporary)
                sync(temporary)
                return
        raise StorageUnavailableError("the archive's folder is away; is its disk mounted?")

    def _exists(self, key: str) -> bool:
        path = self._locate(key)
        with translated(key):
            return path.is_file()

    def _size_bytes(self, key: str) -> int:
        path = self.path(key)
        with translated(key):
            return path.stat().st_size

    def _remove(self, path: Path, name: str) -> None:
        with suppress(MissingFileError), translated(name):
            drop(path, self._root)

    def _stale_staged(self, older_than_s: float) -> list[str]:
        limit_s = time.time() - older_than_s
        return [
            path.relative_to(self._root).as_posix()
            for path in files_below(self._root)
            if path.name.startswith(_STAGED) and changed_s(path) <= limit_s
        ]


def _copy(file: BinaryIO, temporary: Path) -> None:
    with temporary.open("xb") as target:
        shutil.copyfileobj(file, target, BLOCK_BYTES)


def _claim(temporary: Path, target: Path) -> bool:
    """Take the final name if it is free, atomically; True if it already shows the bytes."""
    if linked(temporary, target):
        return True
    # No hard links here: an empty file of that name keeps all others out until the rename.
    target.touch(exist_ok=False)
    reach(FaultPoint.CLAIMED)
    return False


def _settle(temporary: Path, target: Path, *, is_linked: bool) -> None:
    """Remove the temporary name and make the final one durable."""
    if is_linked:
        reach(FaultPoint.LINKED)
        temporary.unlink()
    else:
        temporary.replace(target)
    sync_folder(target.parent)
