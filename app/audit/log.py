"""Writes the audit, within the transaction of whoever does something."""

from collections.abc import Mapping
from typing import Any

import structlog

from app.audit.store import AuditStore
from app.core.identity import Caller
from app.db.engine import Transaction

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class AuditLog:
    """Adds lines that are kept if, and only if, what they tell of is.

    Parameters
    ----------
    session
        Within the transaction that does it.
    """

    def __init__(self, session: Transaction) -> None:
        self._store = AuditStore(session)

    async def add(
        self,
        *,
        who: Caller,
        action: str,
        subject: str,
        reason: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a line, also to the log of the process.

        Parameters
        ----------
        who
            Who does it; `SYSTEM` for the archive itself.
        action
            A verb and the kind of thing, such as ``remove frame``.
        subject
            The kind of thing and its name, such as ``frame tst-0001``.
        reason
            Why, in the words of whoever does it; None where none is given.
        details
            Numbers and names that belong to it, as JSON carries them; None for none, and those
            that are None are left out. Never a secret.
        """
        known = {name: value for name, value in (details or {}).items() if value is not None}
        await self._store.add(who, action, subject, reason, known)
        log.info(
            "audit", who=who.username, action=action, subject=subject, reason=reason, details=known
        )
