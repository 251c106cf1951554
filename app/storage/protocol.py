"""What a store of archived bytes offers, wherever it keeps them.

A key is the relative POSIX path of a stored file, ``tlv/2026-11-20/name.fits``. A stored file is
never changed and never overwritten: bytes are staged first, which may take long and may fail, and
then committed, which is one atomic step.
"""

import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from app.storage.errors import InvalidKeyError
from app.storage.trash import Trash

MAX_NAME_BYTES = 255
"""Longest component of a key [byte], as on every common file system."""

MAX_KEY_BYTES = 1024
"""Longest key [byte], the limit of common object stores."""


def check_key(key: str) -> str:
    """Refuse a key that could leave the archive or that a store could not keep.

    Components must not begin with a dot: such names are the store's own temporary files.

    Parameters
    ----------
    key
        Relative POSIX path of a file in the archive.

    Returns
    -------
    str
        The same key.

    Raises
    ------
    InvalidKeyError
        If the key is absolute, has an empty component or one that begins with a dot (``..`` is
        one), contains control characters or lone surrogates, or is too long.
    """
    flaw = _flaw(key)
    if flaw:
        shown = ascii(key if len(key) <= 200 else f"{key[:200]}…")
        raise InvalidKeyError(
            f"{shown} cannot be a path in the archive: {flaw}; use a relative path such as"
            " 'tlv/2026-11-20/name.fits'"
        )
    return key


def _flaw(key: str) -> str | None:
    """Say what is wrong with a key, None for nothing."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in key):
        return "it contains control characters or characters outside of Unicode"
    if len(key.encode()) > MAX_KEY_BYTES:
        return f"it is longer than {MAX_KEY_BYTES} bytes"
    parts = key.split("/")
    if not all(parts):
        return "it is empty, absolute, or has an empty component"
    if any(part.startswith(".") for part in parts):
        return "a component begins with a dot"
    if any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        return f"a component is longer than {MAX_NAME_BYTES} bytes"
    return None


class Staged(Protocol):
    """Bytes that are durably in the store but not yet visible under their key."""

    @property
    def key(self) -> str:
        """The key that the bytes will have."""

    @property
    def size_bytes(self) -> int:
        """How many bytes are staged [byte]."""

    def commit(self) -> None:
        """Make the bytes visible under their key, atomically and durably; short, so not async.

        Raises
        ------
        OccupiedError
            If the key exists, this call having been made before included. The staged bytes stay,
            so that the caller discards them or leaves them to `Store.stale_staged`.
        MissingFileError
            If the staged bytes were discarded before.
        StorageUnavailableError
            If the disk refuses; nothing is visible then.
        """

    def discard(self) -> None:
        """Remove the staged bytes; no-op after a commit or a discard.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses.
        """


class Store(Protocol):
    """The only way to archived bytes. Every method that takes a key refuses an unsafe one."""

    @property
    def trash(self) -> Trash:
        """Where the files of deleted frames are kept for a while."""

    async def stage(self, source: Path, key: str, *, adopt: bool = False) -> Staged:
        """Bring the bytes of a local file into the store, without making them visible yet.

        Parameters
        ----------
        source
            The file to take; it stays where it is.
        key
            Where the bytes shall be stored.
        adopt
            True only if the source is the archive's own private spool file, which nobody will
            write to again: the store may then share its bytes (a hard link) instead of copying.

        Returns
        -------
        Staged
            What to commit or to discard.

        Raises
        ------
        InvalidKeyError
            If the key is not safe.
        MissingFileError
            If the source does not exist.
        NotAFileError
            If the source is not a regular file.
        OccupiedError
            If a component of the key's folder is a stored file.
        StorageUnavailableError
            If the disk refuses.
        """

    def path(self, key: str) -> Path:
        """Give the local file to read.

        Parameters
        ----------
        key
            Key of a stored file.

        Returns
        -------
        Path
            The file; only to be read.

        Raises
        ------
        InvalidKeyError
            If the key is not safe.
        MissingFileError
            If there is no such file.
        StorageUnavailableError
            If the disk refuses.
        """

    async def exists(self, key: str) -> bool:
        """Say whether a file is stored under a key.

        Parameters
        ----------
        key
            The key to look for.

        Returns
        -------
        bool
            True if it is there.

        Raises
        ------
        InvalidKeyError
            If the key is not safe.
        StorageUnavailableError
            If the disk refuses.
        """

    async def size_bytes(self, key: str) -> int:
        """Give the size of a stored file.

        Parameters
        ----------
        key
            Key of a stored file.

        Returns
        -------
        int
            Its size [byte].

        Raises
        ------
        InvalidKeyError
            If the key is not safe.
        MissingFileError
            If there is no such file.
        StorageUnavailableError
            If the disk refuses.
        """

    async def remove(self, key: str) -> None:
        """Remove a stored file and the folders that are empty without it; no-op if it is gone.

        Parameters
        ----------
        key
            Key of the file.

        Raises
        ------
        InvalidKeyError
            If the key is not safe.
        StorageUnavailableError
            If the disk refuses.
        """

    async def set_aside(self, key: str) -> str:
        """Move damaged bytes out of the way, where they are kept for a person to look at.

        Parameters
        ----------
        key
            Key of the file; nothing is stored there afterwards.

        Returns
        -------
        str
            Where they are now; no key.

        Raises
        ------
        InvalidKeyError
            If the key is not safe.
        MissingFileError
            If there is no such file.
        StorageUnavailableError
            If the disk refuses.
        """

    def iter_keys(self, after: str = "") -> AsyncIterator[str]:
        """Go through all stored files, for verification.

        Parameters
        ----------
        after
            Key at which an earlier walk stopped: only those behind it are given. Empty: all.

        Yields
        ------
        str
            Keys, in the order of their components; staged bytes are not among them.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses.
        """

    async def stale_staged(self, older_than_s: float) -> list[str]:
        """List staged bytes that were neither committed nor discarded, as a crash leaves them.

        Parameters
        ----------
        older_than_s
            How long ago they must have been staged [s]; well above the longest copy.

        Returns
        -------
        list of str
            Their names, for `remove_staged`.

        Raises
        ------
        StorageUnavailableError
            If the disk refuses.
        """

    async def remove_staged(self, name: str) -> None:
        """Remove staged bytes that were left behind; no-op if they are gone.

        Parameters
        ----------
        name
            A name from `stale_staged`.

        Raises
        ------
        InvalidKeyError
            If the name is not one of staged bytes.
        StorageUnavailableError
            If the disk refuses.
        """
