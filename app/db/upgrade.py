"""Alembic, as the program itself runs it; loaded only where a migration is due."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def config() -> Config:
    """Tell Alembic where the migrations are.

    Returns
    -------
    Config
        Without a database.
    """
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


def upgrade(connection: Connection) -> None:
    """Bring a database to head.

    Parameters
    ----------
    connection
        An open one, within a transaction.
    """
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, "head")
