# a condition of any kind is polled
"""An inbox under watch, for tests with real files."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from worker.inbox import Arrived, Inbox

SETTLE_S = 0.2
NEVER_S = 3600.0
PATIENCE_S = 30.0


@dataclass
class Running:
    """An inbox under watch, and what it has given so far."""

    inbox: Inbox
    root: Path
    arrived: list[Arrived] = field(default_factory=list)
    at_s: dict[str, float] = field(default_factory=dict)

    async def consume(self) -> None:
        async for several in self.inbox.arrivals():
            for arrived in several:
                self.at_s[self.name(arrived)] = time.monotonic()
                self.arrived.append(arrived)

    def name(self, arrived: Arrived) -> str:
        return arrived.path.relative_to(self.root).as_posix()

    @property
    def names(self) -> list[str]:
        return sorted(self.name(arrived) for arrived in self.arrived)

    async def until(self, *names: str) -> None:
        await eventually(lambda: set(names) <= set(self.names))

    async def stays(self, *names: str) -> None:
        """Give it time for sweeps and settling, then see that nothing else came."""
        await asyncio.sleep(3 * SETTLE_S)
        assert self.names == sorted(names)


async def eventually(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_s, "it did not happen"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    root: Path, *, settle_s: float = SETTLE_S, sweep_s: float = NEVER_S, begun: bool = True
) -> AsyncIterator[Running]:
    """Watch an inbox, whose first sweep has come to an end where it is to have begun."""
    watched = Running(Inbox(root, settle_s=settle_s, sweep_s=sweep_s), root)
    task = asyncio.create_task(watched.consume())
    if begun:
        sweep = watched.inbox._sweep
        await eventually(lambda: not sweep.running and sweep.next_s > 0)
    try:
        yield watched
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def old(path: Path, age_s: float = 100) -> Path:
    stamp_s = time.time() - age_s
    os.utime(path, (stamp_s, stamp_s))
    return path


def old_file(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    old(path)
