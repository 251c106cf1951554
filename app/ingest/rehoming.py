"""Files that arrivals need are found again after the data folder was moved or restored."""

import asyncio
from pathlib import Path

from app.db.engine import Sessions, transaction
from app.ingest.store import ArrivalStore
from app.settings import Settings


async def bring_home(sessions: Sessions, settings: Settings) -> int:
    """Let arrivals name the files in our spool and quarantine, not those of another data folder.

    Paths are absolute in the catalogue, so that whoever reads them needs no settings. A data folder
    that was moved, or restored elsewhere, has the same files by the same names; the one that it
    came from may be there still.

    Parameters
    ----------
    sessions
        Of the process.
    settings
        Say where the folders are now.

    Returns
    -------
    int
        How many arrivals were changed.
    """
    async with transaction(sessions) as session:
        arrivals = ArrivalStore(session)
        moved = await asyncio.to_thread(_moved, await arrivals.list_needed(), settings)
        for arrival_id, path in moved.items():
            await arrivals.change(arrival_id, held_path=path)
    return len(moved)


def _moved(needed: dict[int, Path], settings: Settings) -> dict[int, Path]:
    """Tell which files are named elsewhere, and lie in our folders."""
    folders = {"spool": settings.spool_dir, "quarantine": settings.quarantine_dir}
    found = {
        arrival_id: folders[path.parent.name] / path.name
        for arrival_id, path in needed.items()
        if path.parent.name in folders and path.parent != folders[path.parent.name]
    }
    return {arrival_id: path for arrival_id, path in found.items() if path.is_file()}
