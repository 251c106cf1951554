"""First steps on a database: schema, admin account, and whether samples are wanted."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from app.accounts.service import AccountService
from app.backups.restoring import check_not_half
from app.core.clock import system_clock
from app.db.engine import make_engine, make_sessions
from app.db.schema import migrate
from app.ingest.rehoming import bring_home
from app.ingest.streams import has_arrivals
from app.settings import Settings, write_private


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done.

    Attributes
    ----------
    admin_password
        Of the account that was just made, where the password was generated; else None.
    sample_wanted
        Whether the archive is empty and sample frames are wanted.
    """

    admin_password: str | None
    sample_wanted: bool


async def prepare(settings: Settings) -> Prepared:
    """Bring the schema to head and make the first account; safe to be repeated.

    Parameters
    ----------
    settings
        With the URL of a database.

    Returns
    -------
    Prepared
        What the person at the terminal should know.

    Raises
    ------
    HalfRestoredError
        If a restore into the data folder was not finished.
    UnavailableError
        If the database cannot be reached.
    """  # the check raises the former
    check_not_half(settings)
    settings.make_folders()
    engine = make_engine(settings.require_database_url(), pool_size=1)
    try:
        await migrate(engine)
        sessions = make_sessions(engine)
        await bring_home(sessions, settings)
        accounts = AccountService(sessions, secret_key=settings.secret(), clock=system_clock)
        password = await _make_admin(settings, accounts)
        is_empty = not (await has_arrivals(sessions) or _holds_files(settings.archive_dir))
    finally:
        await engine.dispose()
    return Prepared(password, sample_wanted=is_empty and settings.sample_frames > 0)


def _holds_files(folder: Path) -> bool:
    """Tell whether files were archived before: the database may have been lost since."""
    return any(not path.name.startswith(".") for path in folder.iterdir())


async def _make_admin(settings: Settings, accounts: AccountService) -> str | None:
    """Make the first account; a generated password is kept before the account exists."""
    given = settings.admin_password
    if given is not None:
        await accounts.ensure_admin(settings.admin_username, given.get_secret_value())
        return None
    file = settings.admin_password_file
    is_kept = file.exists()
    if not is_kept:
        write_private(file, secrets.token_urlsafe(15))
    password = file.read_text(encoding="utf-8").strip()
    is_new = await accounts.ensure_admin(settings.admin_username, password)
    if not is_new and not is_kept:
        file.unlink()
    return password if is_new else None
