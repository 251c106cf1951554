"""Files that a client's own file store put somewhere, and the archive's copies of them."""

import asyncio
import errno
from pathlib import Path

from app.storage.digests import Digests, copy_with_digests, digest_file
from app.storage.errors import MissingFileError, NotAFileError, translated

_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
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
        Its root; it is only read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        inside = await asyncio.to_thread(self._is_inside, key)
        return await self._memory.of(self._folder / key) if inside else None

    async def copy(self, key: str, target: Path) -> Digests | None:
        """Copy a file of the client; the client's own stays where it is.

        Parameters
        ----------
        key
            Relative POSIX path, safe.
        target
            The copy; nothing is there.

        Returns
        -------
        Digests or None
            Of what was copied, which may be other bytes than a moment ago; None where the file is
            gone.
        """
        if not await asyncio.to_thread(self._is_inside, key):
            return None
        try:
            return await asyncio.to_thread(copy_with_digests, self._folder / key, target)
        except (MissingFileError, NotAFileError):
            return None

    def _is_inside(self, key: str) -> bool:
        """Tell whether something is there, and no link leads out of the folder.

        Raises
        ------
        OSError
            If the disk refuses; translated on the way out.
        """
        with translated(key):
            try:
                file = (self._folder / key).resolve(strict=True)
            except RuntimeError:  # how pathlib tells a loop of links before Python 3.13
                return False
            except OSError as error:
                if error.errno in _NOTHING_THERE:
                    return False
                raise
            return file.is_relative_to(self._folder.resolve())


def _identity(path: Path) -> _Identity:
    """Tell a file from others, and from itself before it was written to."""
    with translated(path.name):
        status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
