"""How many connections an installation may open, and whether PostgreSQL allows so many."""

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.engine import connected
from app.settings import PREFIX, Settings

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def check_capacity(engine: AsyncEngine, settings: Settings) -> None:
    """Warn where PostgreSQL allows fewer connections than may be wanted.

    Parameters
    ----------
    engine
        Of the process.
    settings
        Of the installation.

    Raises
    ------
    UnavailableError
        If the database cannot be reached.
    """
    async with connected(engine) as connection:
        allowed = await connection.scalar(
            text(
                "SELECT current_setting('max_connections')::int"
                " - current_setting('superuser_reserved_connections')::int"
            )
        )
    needed = settings.connections_needed
    if allowed is not None and allowed < needed:
        _log.warning(
            "PostgreSQL allows too few connections",
            allowed=allowed,
            needed=needed,
            remedy=f"raise max_connections, or lower {PREFIX}DATABASE_POOL or {PREFIX}API_WORKERS",
        )
