"""The progress bar of a command that goes through files."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from typing_extensions import override

from .bulk import Fate, Tally


class _Rate(ProgressColumn):
    """Files per second, of late."""

    @override
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or 0.0
        return Text(f"{speed:.1f} files/s")


class FilesBar:
    """Shows how far a command is, on standard error; nothing where that is no terminal.

    Parameters
    ----------
    total
        Number of files; None where it is not known yet.
    """

    def __init__(self, total: int | None) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, tally: Tally) -> None:
        """Show what became of the files so far.

        Parameters
        ----------
        tally
            All of them.
        """
        filed, duplicates = tally.counts[Fate.FILED], tally.counts[Fate.DUPLICATE]
        self.tell(tally.done, f"{filed} filed, {duplicates} duplicates, {tally.failed} failures")

    def tell(self, done: int, said: str) -> None:
        """Show how far it is.

        Parameters
        ----------
        done
            Number of files that came to an end.
        said
            What became of them.
        """
        self._progress.update(self._task, completed=done, description=said)

    def expect(self, total: int) -> None:
        """Say how many there will be.

        Parameters
        ----------
        total
            Number of files.
        """
        self._progress.update(self._task, total=total)
