"""``skyshelf status``: the archive in numbers."""

from typing import TYPE_CHECKING

import typer

from .output import show_table
from .session import in_archive

if TYPE_CHECKING:
    from app.context import Factory

app = typer.Typer()


@app.command()
def status() -> None:
    """Show what became of all files, and how much work waits."""
    show_table(("what", "count"), in_archive(_counts))


async def _counts(archive: "Factory") -> list[tuple[str, int]]:
    from app.core.identity import SYSTEM  # noqa: PLC0415  # slow to load: only when it runs
    from app.core.paging import Window  # noqa: PLC0415
    from app.frames.models import FrameQuery  # noqa: PLC0415
    from app.ingest.models import ArrivalState  # noqa: PLC0415

    counts = []
    for state in ArrivalState:
        arrivals = await archive.ingest.list(state, Window(limit=1))
        counts.append((f"files {state}", arrivals.count))
    frames = await archive.frames.search(FrameQuery(window=Window(limit=0)), SYSTEM)
    return [*counts, ("frames", frames.count), ("jobs", await archive.jobs.count())]
