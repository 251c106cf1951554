"""What a verification does to the archive is written down."""

from app.audit.log import AuditLog
from app.core.identity import SYSTEM
from app.db.engine import Sessions, transaction


class Audit:
    """Adds lines to the audit, each in a transaction of its own.

    Parameters
    ----------
    sessions
        Of the process.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def note(self, done: str, subject: str, reason: str) -> None:
        """Write down what was done with something that a crash left behind.

        Parameters
        ----------
        done
            What was done.
        subject
            Name of the file or row.
        reason
            Why it was done.
        """
        async with transaction(self._sessions) as session:
            await AuditLog(session).add(
                who=SYSTEM,
                action="clear leftover",
                subject=f"leftover {subject}",
                reason=reason,
                details={"done": done},
            )
