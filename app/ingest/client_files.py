"""Files that a client's own file store put somewhere, and the archive's copies of them."""

import asyncio
from pathlib import Path

from app.storage.digests import Digests, digest_file
from app.storage.errors import MissingFileError, NotAFileError, OccupiedError, translated
from app.storage.protocol import Store

_REMEMBERED = 1000
"""How many files are remembered, so that one that is asked for in vain is read only once."""

_Identity = tuple[int, int, int]


class DigestMemory:
    """Reads files, and reads none again that was not written to since."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Identity, Digests]] = {}

    async def of(self, path: Path) -> Digests | None:
        """Give the checksums of a file.

        Parameters
        ----------
        path
            Where it should be.

        Returns
        -------
        Digests or None
            None where there is no regular file.
        """
        try:
            identity = await asyncio.to_thread(_identity, path)
            known = self._known.pop(path, None)
            if known is None or known[0] != identity:
                known = (identity, await asyncio.to_thread(digest_file, path))
        except (MissingFileError, NotAFileError):
            return None
        self._known[path] = known
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return known[1]


class ClientFiles:
    """The folder of a client's file store, which keeps one file of a name and writes over it.

    Parameters
    ----------
    folder
        Its root.
    store
        The archived bytes.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._memory = DigestMemory()

    async def digest(self, key: str) -> Digests | None:
        """Give the checksums of a file of the client.

        Parameters
        ----------
        key
            Relative POSIX path, safe.

        Returns
        -------
        Digests or None
            None where there is no such file inside the folder.
        """
        path = self._folder / key
        inside = await asyncio.to_thread(lambda: path.resolve().is_relative_to(self._root()))
        return await self._memory.of(path) if inside else None

    async def take(self, key: str, digests: Digests) -> str | None:
        """Copy a file of the client into the archive; the client's own stays where it is.

        Parameters
        ----------
        key
            Relative POSIX path, safe.
        digests
            Of the file.

        Returns
        -------
        str or None
            Where the copy is; None if the client wrote over the file meanwhile.
        """
        number = 1
        while True:
            copied = await self._copy(key, _numbered(key, number))
            if copied is None:
                number += 1
                continue
            path = await asyncio.to_thread(self._store.path, copied)
            if (await asyncio.to_thread(digest_file, path)).sha256 == digests.sha256:
                return copied
            await self._store.remove(copied)
            return None

    async def _copy(self, key: str, target: str) -> str | None:
        """Copy a file to a key; None if that is taken."""
        if await self._store.exists(target):
            return None
        staged = await self._store.stage(self._folder / key, target)
        try:
            await asyncio.to_thread(staged.commit)
        except OccupiedError:
            return None
        finally:
            staged.discard()
        return target

    def _root(self) -> Path:
        return self._folder.resolve()


def _numbered(key: str, number: int) -> str:
    """Mark a key as that of a later version, before the extension of its name."""
    if number == 1:
        return key
    folder, _, name = key.rpartition("/")
    stem, dot, extension = name.partition(".")
    return f"{folder}/{stem}.v{number}{dot}{extension}"


def _identity(path: Path) -> _Identity:
    """Tell a file from others, and from itself before it was written to."""
    with translated(path.name):
        status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
