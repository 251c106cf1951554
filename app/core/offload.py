"""Run heavy or untrusted work in child processes, so that a crash in C costs one call.

The parent never imports what the children run: work is named by a `Task`, a dotted path with a
typed signature, and resolved in the child. The API and the worker therefore start fast and stay
small, and astropy and cfitsio live only where they are used.
"""

import asyncio
import importlib
import math
import multiprocessing
import pickle
import resource
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from app.core.errors import ArchiveError, InvalidError, UnavailableError

MAX_FILE_BYTES: Final = 64 << 30
"""The largest file that a child may write [byte]; more than any frame has, less than a disk."""

MAX_OPEN_FILES: Final = 1024
"""How many files a child may have open; a file of thousands of HDUs needs a few."""

P = ParamSpec("P")
R = TypeVar("R")


class CrashedError(InvalidError):
    """A child process died of its input: a crash in C, or more memory than it may use."""

    title = "Processing failed"


class KilledError(CrashedError):
    """A child process was killed: by the kernel for want of memory, or by somebody."""


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


def _run(path: str, args: tuple[Any, ...], kwargs: dict[str, Any], cpu_s: float) -> Any:  # noqa: ANN401  # any task
    """Resolve and call a task, in the child.

    Raises
    ------
    RuntimeError
        In the place of an error that the parent could not read, which would break the pool.
    """
    function: Callable[..., Any] = Task[..., Any](path).resolve()
    _limit_cpu(cpu_s)
    try:
        return function(*args, **kwargs)
    except Exception as error:
        if _crosses(error):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from None
    finally:
        _limit_cpu(None)


def _crosses(error: Exception) -> bool:
    """Whether an error can be sent to the parent: some libraries make ones that cannot."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # what we wrote ourselves
    except Exception:  # noqa: BLE001  # whatever their constructors raise
        return False
    return True


def _limit(memory_bytes: int) -> None:
    """Bound what a child may use, so that a lying header ends in an error.

    Address space above all, then the size and number of files; and no core dumps.
    """
    _lower(resource.RLIMIT_AS, memory_bytes)
    _lower(resource.RLIMIT_FSIZE, MAX_FILE_BYTES)
    _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, wanted: int) -> None:
    """Set both limits of a kind, unless they are lower already."""
    _, hard = resource.getrlimit(kind)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (limit, limit))


def _limit_cpu(more_s: float | None) -> None:
    """Bound the processor time from now on; None for no limit.

    The kernel counts the whole life of a child, which serves many calls, so that each call moves
    the limit. It also ends a child that works on after its parent was killed.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = hard
    if more_s is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        wanted = math.ceil(used.ru_utime + used.ru_stime + more_s)
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


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
    cpu_s
        How much processor time one call may take, in whole seconds [s]; None: as `timeout_s`.
    """

    def __init__(
        self, *, processes: int, memory_bytes: int, timeout_s: float, cpu_s: float | None = None
    ) -> None:
        self._processes = processes
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._cpu_s = timeout_s if cpu_s is None else cpu_s
        self._is_closed = False
        self._pool = self._make_pool()

    async def call(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a task in a child and wait for it without blocking the event loop.

        Where the child is killed, that may have nothing to do with its task: it is run once more.

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
        try:
            return await self._call(task, *args, **kwargs)
        except KilledError:
            return await self._call(task, *args, **kwargs)

    async def _call(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a task once, and translate what the pool says; see `call`."""  # noqa: DOC501  # there
        future = self._living_pool().schedule(
            _run, args=[task.path, args, kwargs, self._cpu_s], timeout=self._timeout_s
        )
        try:
            return cast("R", await asyncio.wrap_future(future))
        except ArchiveError:
            raise
        except (ProcessExpired, MemoryError) as error:
            if isinstance(error, ProcessExpired) and error.exitcode == -signal.SIGXCPU:
                raise self._too_slow() from error
            is_killed = isinstance(error, ProcessExpired) and error.exitcode == -signal.SIGKILL
            raise (KilledError if is_killed else CrashedError)(
                "the file could not be processed: the reading process crashed or needed too much"
                " memory"
            ) from error
        except FutureTimeoutError as error:
            raise self._too_slow() from error
        except (FutureCancelledError, BrokenExecutor) as error:
            raise UnavailableError("the reading processes were stopped") from error

    def close(self) -> None:
        """Stop the children; calls under way are cancelled."""
        self._is_closed = True
        self._pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it bare
        self._pool.join()

    def _too_slow(self) -> TimedOutError:
        return TimedOutError(f"the file could not be processed within {self._timeout_s:g} s")

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
