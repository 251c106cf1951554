"""Commands for the trash, where deleted frames lie until they expire."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .output import say, show_table
from .session import in_archive

if TYPE_CHECKING:
    from app.context import Factory
    from app.frames.trash import RemovedFrame

app = typer.Typer(help="Look into the trash, bring deleted frames back, or empty it.")

Numbers = Annotated[
    list[int],
    typer.Argument(metavar="NUMBER", min=1, max=2**63 - 1, help="As `skyshelf trash list` says."),
]


@app.command(name="list")
def list_removed(
    *,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was brought back or is gone for ever.")
    ] = False,
) -> None:
    """List deleted frames, newest first, with the number by which they are brought back."""
    in_archive(lambda archive: _list(archive, last, everything))


@app.command()
def restore(numbers: Numbers) -> None:
    """Bring deleted frames back as they were.

    Exit code 2 says that one could not be brought back, and why; those before it are back.
    """
    in_archive(lambda archive: _restore(archive, list(dict.fromkeys(numbers))))


@app.command()
def empty(
    *,
    expired: Annotated[bool, typer.Option("--expired", help="Only what has expired.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove deleted frames for ever, after asking.

    The worker does so every day with those that have expired. Who deleted what, when and why
    stays known.
    """
    if not yes and not typer.confirm(_question(only_expired=expired)):
        typer.echo("Nothing was removed.")
        sys.exit(1)
    in_archive(lambda archive: _empty(archive, expired))


async def _list(archive: "Factory", last: int, everything: bool) -> None:  # noqa: FBT001  # an option
    from app.core.identity import SYSTEM  # noqa: PLC0415  # slow to load: only when it runs
    from app.core.paging import Window  # noqa: PLC0415  # likewise
    from app.frames.trash import RemovedState  # noqa: PLC0415  # likewise

    window = Window(limit=last)
    states = (None,) if everything else (RemovedState.KEPT, RemovedState.EXPIRED)
    pages = [await archive.restoration.list(SYSTEM, window, state) for state in states]
    found = sorted((each for page in pages for each in page.items), key=lambda each: -each.id)
    columns = ("number", "frame", "bytes", "state", "deleted", "by", "until", "why")
    show_table(columns, [_row(each) for each in found[:last]])


def _row(removed: "RemovedFrame") -> tuple[object, ...]:
    return (
        removed.id,
        removed.basename,
        removed.size_bytes,
        removed.state,
        f"{removed.removed_at:%Y-%m-%d %H:%M}",
        removed.removed_by,
        f"{removed.expires_at:%Y-%m-%d %H:%M}",
        removed.reason,
    )


async def _restore(archive: "Factory", numbers: list[int]) -> None:
    from .person import at_terminal  # noqa: PLC0415  # likewise

    for number in numbers:
        removed = await archive.restoration.restore(number, at_terminal())
        say(f"{removed.basename} is back, as frame {removed.frame_id}.")


def _question(*, only_expired: bool) -> str:
    what = "what has expired" if only_expired else "everything in the trash"
    return f"Remove {what} for ever?"


async def _empty(archive: "Factory", only_expired: bool) -> None:  # noqa: FBT001  # an option
    from .person import at_terminal  # noqa: PLC0415  # slow to load: only when it runs

    count = await archive.purging.empty(at_terminal(), only_expired=only_expired)
    typer.echo(f"Removed {count} frame{'' if count == 1 else 's'} for ever.")
