"""The last step of a transaction: bytes become visible, and others needless."""

import asyncio
from datetime import datetime, timedelta

from app.db.engine import Transaction
from app.ingest.models import REMOVE_JOB
from app.jobs.models import Priority
from app.jobs.service import JobQueue
from app.storage.digests import digest_file
from app.storage.errors import MissingFileError, NotAFileError, OccupiedError
from app.storage.protocol import Staged, Store

_GRACE = timedelta(minutes=10)


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
        if not await holds(store, staged.key, sha256):
            raise


async def holds(store: Store, key: str, sha256: str) -> bool:
    """Tell whether these bytes lie at a key; a folder or a link is something else.

    Parameters
    ----------
    store
        Where to look.
    key
        Of the store.
    sha256
        Of the bytes.

    Returns
    -------
    bool
        False for nothing, or for other bytes.
    """
    try:
        return (await asyncio.to_thread(lambda: digest_file(store.path(key)))).sha256 == sha256
    except (MissingFileError, NotAFileError):
        return False


async def remove_later(session: Transaction, queue: JobQueue, key: str, now: datetime) -> None:
    """Let a worker remove a file that no row names any more.

    Parameters
    ----------
    session
        Within the transaction that takes the row away.
    queue
        Of the process.
    key
        Where the file is.
    now
        When, UTC; the file stays for a while, for those who were told its path a moment ago.
    """
    await queue.enqueue(
        session, REMOVE_JOB, {"key": key}, priority=Priority.PACK, run_at=now + _GRACE
    )
