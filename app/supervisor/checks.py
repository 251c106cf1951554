"""What must be true before anything is started."""

import contextlib
import errno
import fcntl
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from app.core.errors import InvalidError, UnavailableError
from app.settings import PREFIX, Settings


def check_port(settings: Settings) -> None:
    """See whether the API can listen, before anything is started.

    Parameters
    ----------
    settings
        Of the installation.

    Raises
    ------
    InvalidError
        If it cannot, with the setting to change.
    """
    host, port = settings.host, settings.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InvalidError(
                f"port {port} of {host} is taken: stop what listens there, or set {PREFIX}PORT to"
                " another port",
                field=f"{PREFIX}PORT",
            ) from error
        raise InvalidError(
            f"the API cannot listen on {host}, port {port} ({error.strerror}): set {PREFIX}HOST"
            f" to an address of this machine and {PREFIX}PORT to a port that you may use",
            field=f"{PREFIX}HOST",
        ) from error


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep a second supervisor off the same data folder.

    Parameters
    ----------
    settings
        Of the installation.

    Yields
    ------
    None
        While it is kept off.

    Raises
    ------
    InvalidError
        If there is one already.
    UnavailableError
        If the folder cannot be written to.
    """
    folder = settings.data_dir.absolute()
    with _open_lock(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidError(
                f"another `skyshelf up` runs on {folder}: stop it, or set {PREFIX}DATA_DIR to"
                " another folder",
                field=f"{PREFIX}DATA_DIR",
            ) from error
        yield


def _open_lock(folder: Path) -> TextIO:
    """Open the lock of a data folder.

    Raises
    ------
    UnavailableError
        If the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "supervisor.lock").open("w")
    except OSError as error:
        raise UnavailableError(
            f"the data folder {folder} cannot be written to: see to its disk and its permissions,"
            f" or set {PREFIX}DATA_DIR to another folder"
        ) from error
