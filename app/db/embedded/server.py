"""Start, find and stop the embedded PostgreSQL server."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import psutil
import structlog

from app.core.errors import UnavailableError

from .account import Account, find_account, let_in
from .binaries import as_account, bin_folder, last_words, major_version, run
from .postmaster import Postmaster, find_orphans, find_postmaster, has_ended
from .sockets import PORT, make_socket_folder, remove_short_folder, socket_file

_log = structlog.get_logger(__name__)

_NAME = "skyshelf"  # of the role and of the database; the socket's folder is the lock
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_LARGEST_LOG_BYTES = 10_000_000
_FIRST_POLL_S, _LONGEST_POLL_S, _LOCK_POLL_S = 0.02, 0.5, 0.05
_REPORT_EVERY_S = 10.0
_QUIT_S = 1.0

# Servers that this process started, by cluster: whoever asks about one reaps it, so that a dead
# one leaves no zombie even if the object that started it is gone.
_children: dict[Path, subprocess.Popen[bytes]] = {}


class EmbeddedPostgres:
    """A PostgreSQL server of our own in a folder, reached by a private socket only.

    The server is a process apart: it lives on when we are killed, and the next `start` or `stop`
    on the same folder, by whatever process, finds it.

    Parameters
    ----------
    folder
        Everything of the server, ``<data>/postgres``: ``cluster/`` (its data), ``run/`` (its
        socket), ``server.log``.
    fast
        Do not wait for the disk: for tests, whose data may be lost with the power.
    max_connections
        Most connections at once.
    """

    def __init__(self, folder: Path, *, fast: bool = False, max_connections: int = 60) -> None:
        self._home = folder.resolve()
        self._cluster = self._home / "cluster"
        self._log_file = self._home / "server.log"
        self._fast = fast
        self._max_connections = max_connections

    async def start(self) -> str:
        """Start the server, or pick up the one that is alive; make the database if need be.

        A crash recovery may take its time: as long as the server lives, it is waited for.

        Returns
        -------
        str
            SQLAlchemy URL of the database, ``postgresql+asyncpg://…``.

        Raises
        ------
        UnavailableError
            If it cannot be started, with the reason and what to do.
        """
        try:
            async with self._alone(within_s=None):
                return await self._start()
        except OSError as error:
            raise UnavailableError(f"the embedded PostgreSQL cannot be started: {error}") from error

    async def stop(self, *, within_s: float = 30.0) -> None:
        """Stop the server, whoever started it; do nothing if none is alive.

        Raises `UnavailableError` if another process keeps starting or stopping the same server.

        Parameters
        ----------
        within_s
            How long it may take to write what it holds in memory [s]; then it is stopped hard,
            which loses nothing but makes the next start recover.
        """
        if not self._home.is_dir():
            return
        async with self._alone(within_s=within_s):
            if postmaster := find_postmaster(self._cluster):
                await self._end(postmaster.process, within_s=within_s)
                remove_short_folder(self._home, find_account(self._cluster))

    def is_running(self) -> bool:
        """Tell whether the server is alive; it need not be ready yet.

        Returns
        -------
        bool
            False for a dead one too that left its files behind.
        """
        self._reap()
        return find_postmaster(self._cluster) is not None

    @contextlib.asynccontextmanager
    async def _alone(self, *, within_s: float | None) -> AsyncIterator[None]:
        """Keep others from starting or stopping this server meanwhile.

        Raises
        ------
        UnavailableError
            If they do not let go in time.
        """
        deadline = None if within_s is None else time.monotonic() + within_s
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._home / "lock").open("w") as lock:
            while not _try_lock(lock.fileno()):
                if deadline is not None and time.monotonic() > deadline:
                    raise UnavailableError("another process is starting or stopping PostgreSQL")
                await asyncio.sleep(_LOCK_POLL_S)
            yield

    async def _start(self) -> str:
        """Start the server; nobody else does at the same time.

        Raises
        ------
        UnavailableError
            If it ends while it starts.
        """
        account = find_account(self._cluster)
        if account is not None:
            self._home.chmod(0o711)  # the home stays ours: root writes here
            let_in(account, self._cluster)
            let_in(account, bin_folder() / "postgres")
        if not self._cluster.exists():
            await asyncio.to_thread(self._make_cluster, account)
        self._check_version()
        sockets = make_socket_folder(self._home, account)
        if not await self._pick_up(sockets):
            await self._clear_away()
            self._launch(account, sockets)
            if not await self._becomes_ready(sockets):
                raise UnavailableError(f"PostgreSQL ended while it started: {self._last_words()}")
        return f"postgresql+asyncpg://{_NAME}@/{_NAME}?host={quote(str(sockets))}&port={PORT}"

    def _make_cluster(self, account: Account | None) -> None:
        """Make the cluster and the database beside their place, so that none is ever half made."""
        draft = self._home / "cluster.new"
        if draft.exists():
            shutil.rmtree(draft)
        _log.info("making a new PostgreSQL cluster", folder=str(self._home))
        draft.mkdir(mode=0o700)
        if account is not None:
            os.chown(draft, account.uid, account.gid)
        run(account, _initdb(draft, fast=self._fast))
        single = ("postgres", "--single", "-D", draft, "-c", "exit_on_error=on", "postgres")
        run(account, single, stdin=f"CREATE DATABASE {_NAME};\n")
        draft.rename(self._cluster)

    def _check_version(self) -> None:
        """Refuse a cluster that another major version of PostgreSQL wrote.

        Raises
        ------
        UnavailableError
            If it is one.
        """
        found = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != major_version():
            raise UnavailableError(
                f"the database in {self._cluster} was written by PostgreSQL {found}, and"
                f" PostgreSQL {major_version()} is installed here: run `skyshelf backup` with the"
                " Skyshelf that wrote it and `skyshelf restore` with this one, into a new folder,"
                " or convert the folder with pg_upgrade"
            )

    async def _pick_up(self, sockets: Path) -> bool:
        """Wait for a server that is alive; tell whether there is one that can be used."""
        postmaster = find_postmaster(self._cluster)
        if postmaster is None:
            return False
        if not _is_usable(postmaster, sockets):
            await self._end(postmaster.process, within_s=60)
            return False
        _log.info("picking up a living PostgreSQL", pid=postmaster.process.pid)
        return await self._becomes_ready(sockets)

    async def _clear_away(self) -> None:
        """Remove what a dead server left, lest the new one takes it for a living server.

        PostgreSQL believes any living process whose number is in its files, a stranger's too.
        """
        stale = self._cluster / "postmaster.pid"
        if not stale.exists():
            return
        for orphan in find_orphans(self._cluster):
            _log.warning("ending a process of a dead PostgreSQL", pid=orphan.pid)
            await self._end(orphan, within_s=5)
        stale.unlink()

    def _launch(self, account: Account | None, sockets: Path) -> None:
        """Start the main process of the server."""
        for left in (socket_file(sockets), Path(f"{socket_file(sockets)}.lock")):
            left.unlink(missing_ok=True)
        if self._log_file.exists() and self._log_file.stat().st_size > _LARGEST_LOG_BYTES:
            self._log_file.replace(self._log_file.with_suffix(".log.1"))
        with self._log_file.open("ab") as log:
            _children[self._cluster] = subprocess.Popen(  # noqa: S603  # our own program and arguments
                self._command(sockets),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **as_account(account),
            )

    def _command(self, sockets: Path) -> list[str]:
        """Return the command of the server; what an operator may tune is in postgresql.conf."""
        quoted = str(sockets).replace('"', '""')
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
            "max_connections": str(self._max_connections),
            "logging_collector": "off",
            **(_FAST if self._fast else {}),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(bin_folder() / "postgres"), "-D", str(self._cluster), *options]

    async def _becomes_ready(self, sockets: Path) -> bool:
        """Wait for the server to accept connections, as long as it lives."""
        pause_s, begun = _FIRST_POLL_S, time.monotonic()
        report_at = begun + _REPORT_EVERY_S
        while not await asyncio.to_thread(_accepts, sockets):
            if not self._is_starting():
                return False
            if time.monotonic() > report_at:
                report_at += _REPORT_EVERY_S
                waited_s = round(time.monotonic() - begun)
                _log.info("PostgreSQL is recovering", waited_s=waited_s, said=self._last_words())
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_POLL_S)
        return True

    def _is_starting(self) -> bool:
        """Tell whether the server is alive, even if it has not written its files yet."""
        self._reap()
        return self._cluster in _children or find_postmaster(self._cluster) is not None

    def _last_words(self) -> str:
        """Return the end of the server's log."""
        with self._log_file.open("rb") as log:
            log.seek(max(0, self._log_file.stat().st_size - 2000))
            words = last_words(log.read().decode(errors="replace"))
        return f"{words} (see {self._log_file})"

    async def _end(self, process: psutil.Process, *, within_s: float) -> None:
        """End a process of the server, gently and then less so."""
        steps = ((signal.SIGINT, within_s), (signal.SIGQUIT, _QUIT_S), (signal.SIGKILL, _QUIT_S))
        for number, patience_s in steps:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
            if await has_ended(process, within_s=patience_s):
                break
            _log.warning("PostgreSQL does not stop", signal=number.name, waited_s=patience_s)
        self._reap()

    def _reap(self) -> None:
        """Take note of the end of the server, if this process started it."""
        child = _children.get(self._cluster)
        if child is not None and child.poll() is not None:
            del _children[self._cluster]


def _initdb(cluster: Path, *, fast: bool) -> list[str | Path]:
    """Return the command that makes a cluster: UTF-8, the same order everywhere, checksums."""
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    access = ("--auth-local=trust", "--auth-host=reject", f"--username={_NAME}")
    tuning = ("--set", "shared_buffers=128MB", "--set", "timezone=UTC", "--set", "log_timezone=UTC")
    speed = ("--no-sync",) if fast else ()
    options = (*locale, *access, *tuning, *speed, "--data-checksums", "--no-instructions")
    return ["initdb", "--pgdata", cluster, "--encoding=UTF8", *options]


def _try_lock(descriptor: int) -> bool:
    """Lock a file, unless someone else has."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_usable(postmaster: Postmaster, sockets: Path) -> bool:
    """Tell whether a living server is staying, and its socket is still there."""
    if postmaster.status == "ready":
        return socket_file(sockets).is_socket()
    return postmaster.status != "stopping"


def _accepts(sockets: Path) -> bool:
    """Ask the server whether it accepts connections."""
    asked = subprocess.run(  # noqa: S603  # our own program and arguments
        [bin_folder() / "pg_isready", "-q", "-h", sockets, "-d", _NAME, "-U", _NAME, "-t", "3"],
        check=False,
        **as_account(None),
    )
    return asked.returncode == 0
