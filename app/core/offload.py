"""Run heavy or untrusted work in child processes, so that a crash in C costs one call.

The parent never imports what the children run: work is named by a `Task`, a dotted path with a
typed signature, and resolved in the child. The API and the worker therefore start fast and stay
small, and astropy and cfitsio live only where they are used.
"""

import asyncio
import importlib
import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from app.core.errors import ArchiveError, InvalidError, UnavailableError

P = ParamSpec("P")
R = TypeVar("R")


class CrashedError(InvalidError):
    """A child process died of its input: a crash in C, or more memory than it may use."""

    title = "Processing failed"


class TimedOutError(InvalidError):
    """A child process took longer than it may."""

    title = "Processing took too long"


@dataclass(frozen=True)
class Task(Generic[P, R]):
    """A function that runs in a child process.

    Attributes
    ----------
    path
        ``package.module:function``. Arguments and result cross a process boundary: values only.
    """

    path: str

    def resolve(self) -> Callable[P, R]:
        """Import the module and return the function; only children and tests call this.

        Returns
        -------
        Callable
            The function behind the path.
        """
        module, _, name = self.path.partition(":")
        return cast("Callable[P, R]", getattr(importlib.import_module(module), name))


def _run(path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401  # any task
    """Resolve and call a task, in the child."""
    function: Callable[..., Any] = Task[..., Any](path).resolve()
    return function(*args, **kwargs)


def _limit(memory_bytes: int) -> None:
    """Bound the address space of a child, so that a lying header ends in MemoryError."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Offload:
    """A bounded pool of child processes.

    Parameters
    ----------
    processes
        How many children run at once.
    memory_bytes
        Address space that one child may use [byte].
    timeout_s
        How long one call may take [s]; the child is killed then.
    """

    def __init__(self, *, processes: int, memory_bytes: int, timeout_s: float) -> None:
        self._processes = processes
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._is_closed = False
        self._pool = self._make_pool()

    async def call(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a task in a child and wait for it without blocking the event loop.

        Parameters
        ----------
        task
            What to run.
        *args, **kwargs
            Its arguments.

        Returns
        -------
        R
            What the task returned.

        Raises
        ------
        ArchiveError
            Whatever the task itself raised of this family.
        CrashedError
            If the child died or ran out of memory.
        TimedOutError
            If it took too long.
        UnavailableError
            If the pool is closing.
        """
        future = self._living_pool().schedule(
            _run, args=[task.path, args, kwargs], timeout=self._timeout_s
        )
        try:
            return cast("R", await asyncio.wrap_future(future))
        except ArchiveError:
            raise
        except (ProcessExpired, MemoryError) as error:
            raise CrashedError(
                "the file could not be processed: the reading process crashed or needed too much"
                " memory"
            ) from error
        except FutureTimeoutError as error:
            raise TimedOutError(
                f"the file could not be processed within {self._timeout_s:g} s"
            ) from error
        except (FutureCancelledError, BrokenExecutor) as error:
            raise UnavailableError("the reading processes were stopped") from error

    def close(self) -> None:
        """Stop the children; calls under way are cancelled."""
        self._is_closed = True
        self._pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it bare
        self._pool.join()

    def _make_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._processes,
            max_tasks=500,
            initializer=_limit,
            initargs=(self._memory_bytes,),
            context=multiprocessing.get_context("spawn"),
        )

    def _living_pool(self) -> ProcessPool:
        """Return the pool; a broken one, whose children could not be started, is replaced.

        Raises
        ------
        UnavailableError
            If the pool was closed.
        """
        if self._is_closed:
            raise UnavailableError("the service is stopping")
        if not self._pool.active:
            self._pool = self._make_pool()
        return self._pool
