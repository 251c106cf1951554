"""The last step of a transaction: bytes become visible, and others needless."""

import asyncio
import time
from datetime import datetime, timedelta

from app.core.faults import FaultPoint, reach
from app.db.engine import Transaction
from app.ingest.models import REMOVE_JOB
from app.jobs.models import Priority
from app.jobs.service import JobQueue
from app.storage.digests import digest_file
from app.storage.errors import MissingFileError, NotAFileError, OccupiedError
from app.storage.protocol import Staged, Store

_GRACE = timedelta(minutes=10)
_CLAIM_S = 30.0
"""After what time an empty file is no claim any more that somebody is about to redeem [s]."""


async def make_visible(store: Store, staged: Staged, sha256: str) -> None:
    """Commit staged bytes whose key was just registered, within the same transaction.

    A crash between this step and the end of the transaction leaves the file without its row. When
    the work is done again, the row can be added, so that nobody else owns the key, and the file
    is there already: with the same bytes it is adopted. Where the file system has no hard links,
    an empty file may be there instead, by which the name was claimed: it makes way.

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
    reach(FaultPoint.REGISTERED)
    try:
        await asyncio.to_thread(staged.commit)
    except OccupiedError:
        if await asyncio.to_thread(_is_old_claim, store, staged.key):
            await store.remove(staged.key)
            await asyncio.to_thread(staged.commit)
        elif not await holds(store, staged.key, sha256):
            raise
    reach(FaultPoint.VISIBLE)


def _is_old_claim(store: Store, key: str) -> bool:
    """Tell whether an empty file lies at a key that somebody died over."""
    try:
        found = store.path(key).stat()
    except (MissingFileError, FileNotFoundError):
        return False
    return found.st_size == 0 and time.time() - found.st_mtime > _CLAIM_S


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
