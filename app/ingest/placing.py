"""The last step of a transaction: bytes become visible."""

import asyncio

from app.storage.digests import digest_file
from app.storage.errors import MissingFileError, NotAFileError, OccupiedError
from app.storage.protocol import Staged, Store


async def make_visible(store: Store, staged: Staged, sha256: str) -> None:
    """Commit staged bytes whose key was just registered, within the same transaction.

    A crash between this step and the end of the transaction leaves the file without its row. When
    the work is done again, the row can be added, so that nobody else owns the key, and the file
    is there already: with the same bytes it is adopted.

    Parameters
    ----------
    store
        Where the bytes go.
    staged
        The bytes.
    sha256
        Of the bytes.

    Raises
    ------
    OccupiedError
        If other bytes lie there.
    """
    try:
        await asyncio.to_thread(staged.commit)
    except OccupiedError:
        if not await asyncio.to_thread(_holds, store, staged.key, sha256):
            raise


def _holds(store: Store, key: str, sha256: str) -> bool:
    """Tell whether these bytes lie at a key; a folder or a link is something else."""
    try:
        return digest_file(store.path(key)).sha256 == sha256
    except (MissingFileError, NotAFileError):
        return False
