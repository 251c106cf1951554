"""``skyshelf up``: start everything, keep it running, stop it in order."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from app.core.errors import ArchiveError, InvalidError, UnavailableError
from app.db.embedded import EmbeddedPostgres
from app.ingest.rules import make_rules
from app.logs import configure_logs
from app.settings import PREFIX, Settings

from .checks import alone, check_port
from .children import Child, Keeper, Pace
from .front import show_panel, until_ready

if TYPE_CHECKING:
    from app.bootstrap import Prepared

_log = structlog.get_logger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LEAST_CONNECTIONS = 60
_RESERVED_CONNECTIONS = 3  # PostgreSQL keeps them for superusers

# PostgreSQL itself takes up to 2 s more than it is given, when it must be killed.
_POSTGRES_STOPS_BY_S, _POSTGRES_LEAST_S, _POSTGRES_HURRIED_S = 7.5, 2.0, 0.5


async def _prepare(settings: Settings) -> "Prepared":
    """Migrate the database and make the first account."""
    from app.bootstrap import prepare  # noqa: PLC0415  # slow to load: not before the port is ours

    return await prepare(settings)


def _command(name: str, module: str = "app.cli") -> Child:
    """Return a program of our own as a child."""
    return Child(name, (sys.executable, "-m", module, name))


@dataclass(frozen=True)
class Plan:
    """What the supervisor does; tests do smaller things.

    Attributes
    ----------
    children
        What is kept running.
    sample
        What fills the inbox of an empty archive, once.
    prepare
        What must be done on the database before the children start.
    pace
        How patiently.
    """

    children: tuple[Child, ...] = (_command("serve", "app.serving"), _command("worker"))
    sample: Child = field(default_factory=lambda: _command("sample"))
    prepare: "Callable[[Settings], Awaitable[Prepared]]" = _prepare
    pace: Pace = field(default_factory=Pace)


def run(settings: Settings) -> int:
    """Run everything in the foreground until a signal.

    Parameters
    ----------
    settings
        Of the installation.

    Returns
    -------
    int
        Exit code: 0 after a signal, 1 if something needed is away, 2 if a setting is wrong.
    """
    configure_logs(level=settings.log_level, style=settings.log_format)
    return asyncio.run(up(settings))


async def up(settings: Settings, plan: Plan | None = None) -> int:
    """Run everything until SIGINT, SIGTERM or SIGHUP; a second signal hurries the stop.

    Parameters
    ----------
    settings
        Of the installation.
    plan
        What to do; None means all of `skyshelf up`.

    Returns
    -------
    int
        Exit code: 0 after a signal, 1 if something needed is away, 2 if a setting is wrong.
    """
    try:
        make_rules(settings)
        check_port(settings)
        with alone(settings):
            return await _Tree(settings, plan or Plan()).run()
    except ArchiveError as error:
        sys.stderr.write(f"skyshelf: {error.told_to_operator()}\n")
        return 2 if isinstance(error, InvalidError) else 1


class _Tree:
    """Everything that `up` has running."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings = settings
        self._plan = plan
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._keeper = Keeper(plan.pace, self._hurry)
        self._postgres: EmbeddedPostgres | None = None
        if settings.database_url is None:
            connections = settings.connections_needed + _RESERVED_CONNECTIONS
            self._postgres = EmbeddedPostgres(
                settings.postgres_dir, max_connections=max(_LEAST_CONNECTIONS, connections)
            )

    async def run(self) -> int:
        """Start everything, wait for a signal, stop everything."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._on_signal, number)
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._wind_up(work, stop)
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
        if not work.cancelled() and (error := work.exception()):
            raise error
        return 0

    def _on_signal(self, number: signal.Signals) -> None:
        """Stop; the second time, at once."""
        if self._stop.is_set():
            _log.warning("stopping at once", signal=number.name)
            self._hurry.set()
        else:
            _log.info("stopping", signal=number.name)
            self._stop.set()

    async def _wind_up(self, *tasks: asyncio.Task[object]) -> None:
        """End the children, all at the same time, and then PostgreSQL."""
        begun = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if self._postgres is not None:
            left_s = _POSTGRES_STOPS_BY_S - (time.monotonic() - begun)
            patience_s = max(_POSTGRES_LEAST_S, left_s)
            await self._postgres.stop(
                within_s=_POSTGRES_HURRIED_S if self._hurry.is_set() else patience_s
            )
        _log.info("stopped", took_s=round(time.monotonic() - begun, 1))

    async def _work(self) -> None:
        """Start everything and keep it running."""
        # Loading takes as long as PostgreSQL does, so both go on at once.
        loaded = asyncio.create_task(asyncio.to_thread(import_module, "app.bootstrap"))
        settings = await self._start_database()
        await loaded
        prepared = await self._plan.prepare(settings)
        environment = os.environ | {f"{PREFIX}DATABASE_URL": settings.require_database_url()}
        async with asyncio.TaskGroup() as group:
            for child in self._plan.children:
                group.create_task(self._keeper.keep(child, environment))
            if self._postgres is not None:
                group.create_task(self._keep_database(self._postgres))
            await until_ready(settings)
            if prepared.sample_wanted:
                await self._run_sample(environment)
            show_panel(settings, prepared.admin_password)

    async def _start_database(self) -> Settings:
        """Start PostgreSQL, unless the settings name a server; return settings that name it."""
        if self._postgres is None:
            return self._settings
        return self._settings.with_database(await self._postgres.start())

    async def _keep_database(self, postgres: EmbeddedPostgres) -> None:
        """Start PostgreSQL again when it dies."""
        pause_s = self._plan.pace.first_pause_s
        while True:
            await asyncio.sleep(self._plan.pace.database_check_s)
            if postgres.is_running():
                continue
            _log.error("PostgreSQL died; starting it again")
            try:
                await postgres.start()
                pause_s = self._plan.pace.first_pause_s
            except UnavailableError as error:
                _log.error("PostgreSQL does not start", why=error.message, pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, self._plan.pace.longest_database_pause_s)

    async def _run_sample(self, environment: dict[str, str]) -> None:
        """Fill the inbox of an empty archive."""
        _log.info("writing sample frames into the inbox")
        if code := await self._keeper.run_once(self._plan.sample, environment):
            _log.warning("the sample frames could not be written", code=code)
