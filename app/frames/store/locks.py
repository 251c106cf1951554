"""Names and keys that nobody else may use until a transaction ends."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def lock_names(session: AsyncSession, *names: str) -> None:
    """Let nobody else lock these names until the transaction ends.

    Everybody locks in this order, so that two never wait for each other: the basename of a frame,
    digests of bytes, and last the key under which bytes are stored. Whoever adds the row of a key
    and whoever removes the file of a key that has no row hold its lock: a row that is not committed
    yet keeps its file.

    Parameters
    ----------
    session
        Within a transaction.
    *names
        Basenames, digests or keys.
    """
    for name in names:
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
