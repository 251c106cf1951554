"""The trash of a store: where the files of deleted frames are kept until they expire.

A place in the trash holds the files of one deleted frame under the keys that they had. Nothing in
it is a stored file: `Store.iter_keys` does not name it, and no row of the catalogue points there.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol


class Trash(Protocol):
    """Files of deleted frames. Every method that takes a key refuses an unsafe one.

    Taking is safe to be repeated: what lies in the trash already stays as it is, and so does then
    whatever lies under the key.
    """

    async def take(self, key: str, place: str) -> None:
        """Move a stored file to the trash, atomically and durably; no-op if there is none.

        Parameters
        ----------
        key
            Key of the file. Whoever calls this holds its lock, and no row names it.
        place
            Where in the trash: a single name.

        Raises
        ------
        InvalidKeyError
            If the key or the place is not safe.
        StorageUnavailableError
            If the disk refuses; the file is in one of the two places then, or in both.
        """

    async def take_copy(self, key: str, place: str) -> None:
        """Do the same with a second name, or a copy, of a file that stays stored.

        Parameters
        ----------
        key, place
            As of `take`; another row names the file by now.

        Raises
        ------
        InvalidKeyError
            If the key or the place is not safe.
        StorageUnavailableError
            If the disk refuses; nothing is in the trash then.
        """

    def path(self, key: str, place: str) -> Path:
        """Give the local file of a key in the trash.

        Parameters
        ----------
        key, place
            As of `take`.

        Returns
        -------
        Path
            The file; only to be read, or to be adopted by `Store.stage`.

        Raises
        ------
        InvalidKeyError
            If the key or the place is not safe.
        MissingFileError
            If there is no such file.
        """

    async def empty(self, place: str) -> None:
        """Remove a place with all its files for ever; no-op if there is none.

        Parameters
        ----------
        place
            As of `take`.

        Raises
        ------
        InvalidKeyError
            If the place is not safe.
        StorageUnavailableError
            If the disk refuses.
        """

    def iter_places(self) -> AsyncIterator[str]:
        """Go through all places that hold something, or did.

        Yields
        ------
        str
            Places, in no particular order.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses.
        """
