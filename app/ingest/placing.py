"""The last step of a transaction: bytes become visible."""

import asyncio

from app.storage.digests import digest_file
from app.storage.errors import OccupiedError
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
        there = await asyncio.to_thread(digest_file, store.path(staged.key))
        if there.sha256 != sha256:
            raise
