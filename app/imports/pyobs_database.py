"""The database of a pyobs-archive, opened so that nothing can be written to it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import asyncpg
from typing_extensions import override

from app.core.errors import ArchiveError, InvalidError, UnavailableError
from app.imports.models import NotPyobsError

Row = dict[str, Any]

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://", "postgresql+asyncpg://", "postgresql+psycopg://")


class Tables(Protocol):
    """Tables of a database that is only read. Statements number their parameters ``$1``, ``$2``."""

    async def rows(self, statement: str, *values: int | str) -> list[Row]:
        """Give the rows of a statement.

        Parameters
        ----------
        statement
            A select.
        *values
            Its parameters.

        Returns
        -------
        list of dict
            Column -> value.

        Raises
        ------
        UnavailableError
            If the database is away.
        NotPyobsError
            If it lacks a table or column of the statement.
        """

    async def has_table(self, name: str) -> bool:
        """Say whether there is a table.

        Parameters
        ----------
        name
            Of the table.

        Returns
        -------
        bool
            False for a table that only later releases have.
        """


class _Sqlite(Tables):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._connection.row_factory = sqlite3.Row

    @override
    async def rows(self, statement: str, *values: int | str) -> list[Row]:
        numbered = {str(number): value for number, value in enumerate(values, 1)}
        return await asyncio.to_thread(self._rows, statement, numbered)

    @override
    async def has_table(self, name: str) -> bool:
        statement = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1"
        return bool(await self.rows(statement, name))

    def _rows(self, statement: str, values: dict[str, int | str]) -> list[Row]:
        try:
            found = self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _sqlite_error(error) from error
        return [dict(row) for row in found]


def _sqlite_error(error: sqlite3.Error) -> ArchiveError:
    if str(error).startswith("no such"):
        return NotPyobsError(f"this is not a database of pyobs-archive: {error}")
    if isinstance(error, sqlite3.OperationalError):
        return UnavailableError(f"the database of pyobs-archive cannot be read: {error}")
    return InvalidError(f"the database of pyobs-archive cannot be read: {error}")


class _Postgres(Tables):
    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    @override
    async def rows(self, statement: str, *values: int | str) -> list[Row]:
        try:
            return [dict(row) for row in await self._connection.fetch(statement, *values)]
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            raise NotPyobsError(f"this is not a database of pyobs-archive: {error}") from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError("the database of pyobs-archive cannot be read") from error

    @override
    async def has_table(self, name: str) -> bool:
        (row,) = await self.rows("SELECT to_regclass($1) IS NOT NULL AS is_there", name)
        return bool(row["is_there"])


@asynccontextmanager
async def opened_tables(url: str) -> AsyncIterator[Tables]:
    """Open the database of a pyobs-archive, read-only.

    Parameters
    ----------
    url
        ``sqlite:///file``, the path of an SQLite file, or ``postgresql://user:password@host/name``.

    Yields
    ------
    Tables
        Of the database.

    Raises
    ------
    InvalidError
        If the URL names no such database.
    UnavailableError
        If it cannot be reached.
    """
    if url.startswith(_POSTGRES):
        async with _postgres(url) as tables:
            yield tables
    elif "://" in url and not url.startswith(_SQLITE):
        raise InvalidError(
            "the database of pyobs-archive is named by postgresql://user:password@host/name,"
            " sqlite:///file or the path of an SQLite file",
            field="database",
        )
    else:
        with closing(_open_sqlite(Path(url.removeprefix(_SQLITE)))) as connection:
            yield _Sqlite(connection)


def source_name(url: str) -> str:
    """Name a database so that later runs know it again; without what is secret in its URL.

    Parameters
    ----------
    url
        As `opened_tables` takes it.

    Returns
    -------
    str
        Host and name, or the file.
    """
    if not url.startswith(_POSTGRES):
        return f"pyobs:{Path(url.removeprefix(_SQLITE)).absolute()}"
    return f"pyobs:{url.partition('://')[2].rpartition('@')[2].partition('?')[0]}"


def _open_sqlite(file: Path) -> sqlite3.Connection:
    """Open an SQLite file.

    Raises
    ------
    InvalidError
        If there is no such file.
    """
    if not file.is_file():
        raise InvalidError(f"there is no SQLite database {str(file)!r}", field="database")
    uri = f"file:{quote(str(file.absolute()))}?mode=ro"
    return sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=30)


@asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[Tables]:
    """Connect to PostgreSQL.

    Raises
    ------
    UnavailableError
        If that fails.
    """
    plain = f"postgresql://{url.partition('://')[2]}"
    settings = {"default_transaction_read_only": "on", "application_name": "skyshelf import"}
    try:
        connection = await asyncpg.connect(plain, timeout=10, server_settings=settings)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnavailableError("the database of pyobs-archive cannot be reached") from error
    try:
        yield _Postgres(connection)
    finally:
        await connection.close()
