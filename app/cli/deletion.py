"""The command that takes frames out of the archive."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .session import in_archive

if TYPE_CHECKING:
    from app.context import Factory
    from app.frames.models import Frame

app = typer.Typer()


@app.command()
def delete(
    basenames: Annotated[
        list[str], typer.Argument(metavar="BASENAME", help="Names of frames, without extension.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete frames with all their versions and files, after asking.

    Nothing is deleted if one of the names is not known. What came in remains listed, without its
    frame; the same bytes may come in again.
    """
    sys.exit(in_archive(lambda archive: _delete(archive, list(dict.fromkeys(basenames)), yes)))


async def _delete(archive: "Factory", basenames: list[str], yes: bool) -> int:  # noqa: FBT001  # an option
    from app.core.identity import SYSTEM  # noqa: PLC0415  # slow to load: only when it runs

    frames = [await archive.frames.get_by_name(name, SYSTEM) for name in basenames]
    _show(frames)
    if not yes and not typer.confirm(f"Delete {_count(frames)} for ever?"):
        typer.echo("Nothing was deleted.")
        return 1
    for frame in frames:
        await archive.removal.remove(frame.id, SYSTEM)
    typer.echo(f"Deleted {_count(frames)}.")
    return 0


def _count(frames: "list[Frame]") -> str:
    return f"{len(frames)} frame" + ("s" if len(frames) > 1 else "")


def _show(frames: "list[Frame]") -> None:
    """List what is about to be deleted."""
    from .output import show_table  # noqa: PLC0415  # slow to load: only when it runs

    rows = [
        (
            frame.basename,
            len(frame.versions),
            sum(version.stored.size_bytes for version in frame.versions if version.stored),
            frame.facts.night or "",
        )
        for frame in frames
    ]
    show_table(("frame", "versions", "bytes", "night"), rows)
