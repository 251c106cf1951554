"""Several at once, and no more once somebody says stop."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from app.core.errors import UnavailableError

T = TypeVar("T")


async def work_through(
    items: Iterable[T],
    take: Callable[[T], Awaitable[None]],
    *,
    concurrency: int,
    stop: asyncio.Event,
) -> None:
    """Take every item, several at once.

    Parameters
    ----------
    items
        Read as they are taken.
    take
        Does the work.
    concurrency
        How many are under way at once.
    stop
        Once set, no further item is taken; it is set if something is away.

    Raises
    ------
    UnavailableError
        If something that every item needs is away; items under way were finished.
    """
    waiting = iter(items)
    troubles: list[UnavailableError] = []

    async def work() -> None:
        for item in waiting:
            if stop.is_set():
                return
            try:
                await take(item)
            except UnavailableError as error:
                troubles.append(error)
                stop.set()

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    if troubles:
        raise UnavailableError(
            f"{troubles[0].message}; call the same command again to go on"
        ) from troubles[0]
