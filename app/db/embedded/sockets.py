"""The folder of the server's socket: private, and short enough for the kernel."""

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from .account import Account, let_in

PORT = 5432
"""Part of the socket's name only; nothing listens on a network."""

# A socket's path holds 107 bytes on Linux and 103 on macOS.
_LONGEST_PATH_BYTES = 103

_NOTE = "socket-folder"
_PREFIX = "skyshelf-"
_LIKE = _PREFIX + "xxxxxxxx"  # as long as the names that `tempfile` makes


def socket_file(folder: Path) -> Path:
    """Return where PostgreSQL puts its socket in a folder.

    Parameters
    ----------
    folder
        Its ``unix_socket_directories``.

    Returns
    -------
    Path
        The socket.
    """
    return folder / f".s.PGSQL.{PORT}"


def make_socket_folder(home: Path, account: Account | None) -> Path:
    """Make the socket folder, mode 0700, owned by whom the server runs as.

    It is ``<home>/run``. Where that path is too long (or has a comma, which separates folders in
    every PostgreSQL client), it is a folder below the system's temporary one, kept in mind in
    ``<home>/socket-folder``.

    Parameters
    ----------
    home
        Folder of the embedded server.
    account
        Who the server runs as; None means ourselves.

    Returns
    -------
    Path
        The folder.
    """
    folder = home / "run"
    if "," in str(home) or not _fits(folder):
        folder = _short_folder(home / _NOTE, account)
    else:
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
        let_in(account, folder)
    return folder


def remove_short_folder(home: Path, account: Account | None) -> None:
    """Remove the folder below the system's temporary one, if there is one.

    Its name is kept in mind, so that the address stays the same.

    Parameters
    ----------
    home
        Folder of the embedded server, which is stopped.
    account
        Who the server ran as; None means ourselves.
    """
    note = home / _NOTE
    if not note.exists():
        return
    folder = Path(note.read_text(encoding="utf-8"))
    if _is_private(folder, account):
        shutil.rmtree(folder)


def _short_folder(note: Path, account: Account | None) -> Path:
    """Return the remembered folder while nobody else has taken its name, else a new one."""
    if note.exists():
        folder = Path(note.read_text(encoding="utf-8"))
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if _is_private(folder, account):
            return folder
    base = Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base if _fits(base / _LIKE) else "/tmp"))  # noqa: S108  # private
    note.write_text(str(folder), encoding="utf-8")
    return folder


def _fits(folder: Path) -> bool:
    """Tell whether the path of the socket is short enough for the kernel."""
    return len(os.fsencode(socket_file(folder))) <= _LONGEST_PATH_BYTES


def _is_private(folder: Path, account: Account | None) -> bool:
    """Tell whether a folder is really one, ours, and closed to everyone else."""
    if not folder.exists():
        return False
    status = folder.lstat()
    owners = {os.geteuid(), *([account.uid] if account else [])}
    return stat.S_ISDIR(status.st_mode) and status.st_uid in owners and not status.st_mode & 0o077
