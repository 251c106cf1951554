"""An archive, opened for the time of one command."""

import asyncio
import contextlib
import fcntl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

from app.core.errors import InvalidError
from app.settings import PREFIX, Settings, load_settings

if TYPE_CHECKING:
    from app.context import Factory

T = TypeVar("T")
_PATIENCE_S = 15.0


def quiet_settings(level: str = "warning") -> Settings:
    """Read the settings for a command that speaks to a person, and log no more than that needs.

    Parameters
    ----------
    level
        Least severe level that is logged.

    Returns
    -------
    Settings
        Of this process.
    """
    from app.logs import configure_logs  # noqa: PLC0415  # slow to load: `--help` needs none

    settings = load_settings()
    configure_logs(level=level, style=settings.log_format)
    return settings


def in_archive(work: "Callable[[Factory], Awaitable[T]]") -> T:
    """Do something in the archive that the settings name.

    Parameters
    ----------
    work
        What to do.

    Returns
    -------
    T
        What it returned.
    """
    settings = quiet_settings()

    async def run() -> T:
        async with opened(settings) as factory:
            return await work(factory)

    return asyncio.run(run())


@asynccontextmanager
async def opened(settings: Settings) -> "AsyncIterator[Factory]":
    """Open the archive; its own PostgreSQL runs at least as long.

    Parameters
    ----------
    settings
        Of this process.

    Yields
    ------
    Factory
        Of services.
    """
    from app.context import process_context  # noqa: PLC0415  # slow to load: `--help` needs none

    async with reached(settings) as found, process_context(found) as factory:
        yield factory


@asynccontextmanager
async def reached(settings: Settings, *, make: bool = False) -> AsyncIterator[Settings]:
    """Reach the database: the one that the settings name, or the embedded one.

    The embedded server is used where it runs already. Else it is started, and stopped when the
    last command that uses it ends, unless `skyshelf up` has taken it over meanwhile.

    Parameters
    ----------
    settings
        Of this process.
    make
        Whether a new archive may be made.

    Yields
    ------
    Settings
        With the URL of the database.

    Raises
    ------
    InvalidError
        If there is no archive, and none may be made.
    """
    if settings.database_url is not None:
        yield settings
        return
    if not make and not settings.postgres_dir.is_dir():
        raise InvalidError(
            f"there is no archive in {settings.data_dir.absolute()}: `skyshelf up` or `skyshelf"
            f" migrate` makes one; {PREFIX}DATA_DIR or {PREFIX}DATABASE_URL name another",
            field=f"{PREFIX}DATA_DIR",
        )
    async with _running_server(settings) as url:
        yield settings.with_database(url)


@asynccontextmanager
async def _running_server(settings: Settings) -> AsyncIterator[str]:
    """Share the embedded server with other commands, and start it if need be.

    Every command holds the lock; its text says that the server was started by one of them.
    """
    from app.db.embedded import EmbeddedPostgres  # noqa: PLC0415  # slow to load, seldom needed

    server = EmbeddedPostgres(settings.postgres_dir)
    folder = settings.data_dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "commands.lock").open("a+", encoding="ascii") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_SH)
        if not server.is_running():
            lock.write("started by a command\n")
            lock.flush()
        try:
            yield await _waited_for(server.start())
        finally:
            if _is_to_be_stopped(lock):
                with contextlib.suppress(InvalidError), _without_supervisor(settings):
                    await server.stop()
                    lock.truncate(0)


async def _waited_for(starting: Awaitable[str]) -> str:
    """Wait for the embedded server, and say so where that takes long: it may hang."""
    task = asyncio.ensure_future(starting)
    try:
        await asyncio.wait({task}, timeout=_PATIENCE_S)
        if not task.done():
            sys.stderr.write("waiting for PostgreSQL, which does not answer yet\n")
        return await task
    finally:
        task.cancel()


def _is_to_be_stopped(lock: TextIO) -> bool:
    """Tell whether a command started the server, and no other command uses it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    lock.seek(0)
    return bool(lock.read())


def _without_supervisor(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Keep `skyshelf up` away meanwhile; InvalidError if it runs."""
    from app.supervisor.checks import alone  # noqa: PLC0415  # slow to load, seldom needed

    return alone(settings)
