"""The schema's revision: bring the database to head, and refuse any other."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.errors import ConflictError
from app.db.engine import connected

_MIGRATIONS = Path(__file__).parents[2] / "migrations"


class WrongRevisionError(ConflictError):
    """The database is at another revision than this program needs."""

    title = "Wrong database revision"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def head_revision() -> str:
    """Return the revision that this program needs.

    Returns
    -------
    str
        Alembic's name of it.

    Raises
    ------
    WrongRevisionError
        If the installation holds no migrations.
    """
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise WrongRevisionError("this installation holds no migrations: install it again")
    return head


async def migrate(engine: AsyncEngine) -> str:
    """Bring the database to head; nothing happens where it is there already.

    Parameters
    ----------
    engine
        Of the database.

    Returns
    -------
    str
        The revision before, ``empty`` for a new database.
    """
    async with connected(engine) as connection:
        before = await connection.run_sync(_current)
        if before != head_revision():
            await connection.run_sync(_upgrade)
    return before or "empty"


async def check_revision(engine: AsyncEngine) -> None:
    """Refuse a database that is not at head.

    Parameters
    ----------
    engine
        Of the database.

    Raises
    ------
    WrongRevisionError
        If the revision is another one.
    """
    async with connected(engine) as connection:
        current = await connection.run_sync(_current)
    if current != (head := head_revision()):
        raise WrongRevisionError(
            f"the database is at revision {current or 'none'}, this program needs {head}:"
            " run `skyshelf migrate` with this version of Skyshelf"
        )
