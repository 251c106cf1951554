"""The account that the server runs as when we are root, and its way to the data folder.

PostgreSQL refuses to run as root. Where Skyshelf does (a container, a small machine), the server
gets an unprivileged account of its own.
"""

import contextlib
import os
import pwd
import shutil
import stat
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.core.errors import UnavailableError

_log = structlog.get_logger(__name__)

_EXISTING = ("postgres", "skyshelf")
_CREATE = (
    ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "skyshelf"),
    ("adduser", "--system", "--group", "--no-create-home", "skyshelf"),
)

# Linux's binary form of an access control list: a version, then (tag, permissions, id) sorted.
_ACL_NAME = "system.posix_acl_access"
_ACL_VERSION = struct.pack("<I", 2)
_ACL_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_MAY_ENTER = 1


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def find_account(cluster: Path) -> Account | None:
    """Choose the account that the server runs as.

    The owner of an existing cluster comes first, so that a cluster keeps its owner when other
    accounts appear on the machine.

    Parameters
    ----------
    cluster
        Data folder of the server; need not exist.

    Returns
    -------
    Account or None
        None means: as ourselves, for we are not root.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(name=f"user {owner.st_uid}", uid=owner.st_uid, gid=owner.st_gid)
    return _existing_account() or _create_account()


def _existing_account() -> Account | None:
    """Return the first account that suits and exists."""
    for name in _EXISTING:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    return None


def _create_account() -> Account:
    """Create a system account; whoever creates it first, it is there afterwards.

    Raises
    ------
    UnavailableError
        If it cannot be created.
    """
    complaints = []
    for command in _CREATE:
        if shutil.which(command[0]) is None:
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # constants
        if account := _existing_account():
            _log.info("created an account for the database server", account=account.name)
            return account
        complaints.append(done.stderr.strip())
    raise UnavailableError(
        "PostgreSQL does not run as root, and no account `postgres` or `skyshelf` could be created"
        f" for it ({'; '.join(complaints) or 'neither useradd nor adduser is here'}): create one,"
        " start Skyshelf as an ordinary user, or set SKYSHELF_DATABASE_URL"
    )


def let_in(account: Account, folder: Path) -> None:
    """See to it that an account can reach a folder.

    A parent that is closed to the account (``/root`` usually is) gets an access control entry that
    lets this one account pass through, and nobody list or read it.

    Parameters
    ----------
    account
        Who must get there.
    folder
        Where to, resolved.

    Raises
    ------
    UnavailableError
        If a parent is closed and its file system keeps no access control lists.
    """
    for parent in reversed(folder.parents):
        if _may_enter(account, parent.stat()):
            continue
        try:
            _grant_entry(account, parent)
        except OSError as error:
            raise UnavailableError(
                f"the database server runs as the account {account.name}, which may not enter"
                f" {parent} ({error.strerror}): allow it with `chmod o+x {parent}`, name another"
                " SKYSHELF_DATA_DIR, start Skyshelf as an ordinary user, or set"
                " SKYSHELF_DATABASE_URL"
            ) from error


def _may_enter(account: Account, status: os.stat_result) -> bool:
    """Tell whether the mode bits of a folder let an account through."""
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _grant_entry(account: Account, folder: Path) -> None:
    """Add the permission to pass through a folder for one account."""
    entries = _read_acl(folder)
    user = (_USER, account.uid)
    mask = entries.get((_MASK, _NO_ID), entries[_GROUP, _NO_ID])
    wanted = entries | {
        user: entries.get(user, 0) | _MAY_ENTER,
        (_MASK, _NO_ID): mask | _MAY_ENTER,
    }
    if wanted == entries:
        return
    packed = (_ACL_ENTRY.pack(tag, bits, who) for (tag, who), bits in sorted(wanted.items()))
    os.setxattr(folder, _ACL_NAME, _ACL_VERSION + b"".join(packed))
    _log.info("let the database account pass", account=account.name, folder=str(folder))


def _read_acl(folder: Path) -> dict[tuple[int, int], int]:
    """Return the access control list of a folder, made from its mode where it has none."""
    if _ACL_NAME not in os.listxattr(folder):
        mode = folder.stat().st_mode
        bits = {_OWNER: mode >> 6 & 7, _GROUP: mode >> 3 & 7, _OTHER: mode & 7}
        return {(tag, _NO_ID): permissions for tag, permissions in bits.items()}
    packed = os.getxattr(folder, _ACL_NAME)
    entries = _ACL_ENTRY.iter_unpack(packed[len(_ACL_VERSION) :])
    return {(tag, who): permissions for tag, permissions, who in entries}
