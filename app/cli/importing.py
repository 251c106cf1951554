"""One run of a bulk import: find, file, and say what became of it."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from app.settings import Settings

from .bulk import Fate, Result, Tally, import_files
from .finding import Found, find_files
from .output import check_report, say, show_table, shown, write_report
from .progress import FilesBar
from .session import opened
from .signals import stop_on_signals

_SHOWN = 10
_DONE, _WITH_FAILURES, _INTERRUPTED = 0, 1, 130


@dataclass
class Run:
    """A run, as far as it came.

    Attributes
    ----------
    found
        What was to be imported.
    tally
        What became of it.
    began_s
        When it began to import, on the monotonic clock [s]; None if it never came to that.
    """

    found: Found
    tally: Tally = field(default_factory=Tally)
    began_s: float | None = None

    @property
    def total(self) -> int:
        """Number of files, and of folders that cannot be read."""
        return len(self.found.files) + len(self.found.unreadable)

    @property
    def interrupted(self) -> bool:
        """Whether it stopped before the end."""
        return self.tally.done < self.total

    @property
    def exit_code(self) -> int:
        """0 done, 1 done with failures, 130 stopped before the end."""
        if self.interrupted:
            return _INTERRUPTED
        return _WITH_FAILURES if self.tally.failed else _DONE


def run_import(settings: Settings, paths: Sequence[Path], report: Path | None) -> int:
    """Import files and say what became of them; a second signal gives up files under way.

    Parameters
    ----------
    settings
        Of this process.
    paths
        Files and folders.
    report
        Where to write a JSON report; None for none.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    InvalidError
        If there is no such path, or the report cannot be written where it is wanted.
    """
    if report is not None:
        check_report(report)
    own = (settings.data_dir, settings.archive_dir, settings.inbox)
    run = Run(find_files(paths, own))
    try:
        asyncio.run(_import(settings, run))
    except asyncio.CancelledError:
        return run.exit_code
    finally:
        if run.began_s is not None:
            _finish(run, time.monotonic() - run.began_s, report)
    return run.exit_code


async def _import(settings: Settings, run: Run) -> None:
    for folder, why in run.found.unreadable.items():
        run.tally.add(Result(folder, Fate.FAILED, "Folder unreadable", why))
    with FilesBar(run.total) as bar, stop_on_signals() as stop:

        def tell(result: Result) -> None:
            run.tally.add(result)
            bar.show(run.tally)

        async with opened(settings) as archive:
            run.began_s = time.monotonic()
            await import_files(
                archive.ingest,
                run.found.files,
                concurrency=settings.ingest_workers,
                stop=stop,
                tell=tell,
                volumes=archive.volumes,
            )


def _finish(run: Run, took_s: float, report: Path | None) -> None:
    """Say what became of the files, and write the report."""
    _say_results(run, took_s)
    if report is not None:
        write_report(report, _report(run, took_s))


def _say_results(run: Run, took_s: float) -> None:
    """Say what became of the files, and which ones a person should look at."""
    tally, total = run.tally, run.total
    _say_passed_over(run.found.passed_over)
    counts = ", ".join(f"{tally.counts[fate]} {fate}" for fate in Fate if tally.counts[fate])
    rate = f"{took_s:.1f} s ({tally.done / took_s:.1f} files/s)"
    say(f"{tally.done} of {total} files in {rate}: {counts or 'nothing found'}")
    if total and tally.counts[Fate.SETTLED_BEFORE] == total:
        say("Nothing to do: all of them came in before.")
    if run.interrupted:
        say("Stopped before the end; call the same command again to go on.")
    if tally.failures:
        rows = [
            (title, count, f"{shown(one.path)}: {one.reason}")
            for title, count, one in tally.by_title()
        ]
        show_table(("reason", "files", "for example"), rows)


def _say_passed_over(passed_over: Mapping[Path, str]) -> None:
    for path, why in islice(passed_over.items(), _SHOWN):
        say(f"passed over: {shown(path)}: {why}")
    if len(passed_over) > _SHOWN:
        say(f"passed over: {len(passed_over) - _SHOWN} more; --json names them")


def _report(run: Run, took_s: float) -> dict[str, Any]:
    """Give the run as JSON."""
    return {
        "found": len(run.found.files),
        **{fate.replace(" ", "_"): run.tally.counts[fate] for fate in Fate},
        "interrupted": run.interrupted,
        "took_s": round(took_s, 3),
        "reasons": [
            {"reason": title, "count": count, "example": shown(one.path), "message": one.reason}
            for title, count, one in run.tally.by_title()
        ],
        "failures": [
            {"path": shown(one.path), "fate": one.fate, "reason": one.title, "message": one.reason}
            for one in run.tally.failures
        ],
        "passed_over": [
            {"path": shown(path), "why": why} for path, why in run.found.passed_over.items()
        ],
    }
