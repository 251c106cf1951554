"""The command that takes frames out of the archive."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .output import show_table
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
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; it is kept for the audit.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete frames with all their versions and files, after asking.

    They go to the trash: `skyshelf trash restore` brings them back until they expire. Nothing is
    deleted if one of the names is not known. What came in remains listed, without its frame; the
    same bytes may come in again.
    """
    names = list(dict.fromkeys(basenames))
    sys.exit(in_archive(lambda archive: _delete(archive, names, reason, yes)))


async def _delete(archive: "Factory", basenames: list[str], reason: str | None, yes: bool) -> int:  # noqa: FBT001  # an option
    from app.core.identity import SYSTEM  # noqa: PLC0415  # slow to load: only when it runs

    from .person import at_terminal  # noqa: PLC0415  # likewise

    frames = [await archive.frames.get_by_name(name, SYSTEM) for name in basenames]
    _show(frames)
    if not yes and not typer.confirm(f"Delete {_count(frames)}?"):
        typer.echo("Nothing was deleted.")
        return 1
    numbers = [await archive.removal.remove(frame.id, at_terminal(), reason) for frame in frames]
    typer.echo(f"Deleted {_count(frames)}. {_undo(archive, numbers)}")
    return 0


def _undo(archive: "Factory", numbers: list[int]) -> str:
    days = archive.settings.trash_days
    if days == 0:
        return "The next daily job removes the files for ever."
    them = "it" if len(numbers) == 1 else "them"
    command = " ".join(["skyshelf trash restore", *map(str, numbers)])
    return f"Within {days} day{'' if days == 1 else 's'}, `{command}` brings {them} back."


def _count(frames: "list[Frame]") -> str:
    return f"{len(frames)} frame" + ("s" if len(frames) > 1 else "")


def _show(frames: "list[Frame]") -> None:
    """List what is about to be deleted."""
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
