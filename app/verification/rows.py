"""Rows of the catalogue that contradict each other."""

from app.db.engine import Sessions, transaction
from app.verification.models import Finding, FindingKind, Phase, Step, Wish
from app.verification.store import RowStore


class RowCheck:
    """Asks the catalogue what must never be; see `Check`.

    Parameters
    ----------
    sessions
        Of the process.
    """

    phase = Phase.ROWS

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Ask everything at once; see `Check.step`."""
        del place, wish  # nothing is mended: such rows are a fault of the program
        async with transaction(self._sessions) as session:
            rows = RowStore(session)
            flaws = [
                *await rows.list_unused_files(),
                *await rows.list_wrong_frames(),
                *await rows.list_headless_versions(),
            ]
        return Step(
            tuple(Finding(FindingKind.ROW, flaw.name, flaw.detail, flaw.frame_id) for flaw in flaws)
        )
