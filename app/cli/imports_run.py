"""One run of an import from another archive, and what became of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.accounts.adoption import AccountAdopter
from app.imports.models import Fate, Result, Tally
from app.imports.pyobs import PyobsImport, PyobsOptions
from app.imports.pyobs_database import opened_tables
from app.imports.pyobs_rows import count_frames
from app.ingest.adopting import Adopter
from app.settings import Settings

from .output import check_report, say, show_table, write_report
from .progress import FilesBar
from .session import opened
from .signals import stop_on_signals

if TYPE_CHECKING:
    from app.context import Factory

_SHOWN = 20
_DONE, _WITH_FAILURES, _INTERRUPTED = 0, 1, 130


@dataclass
class Run:
    """A run, as far as it came.

    Attributes
    ----------
    bar
        Shows the progress.
    tally
        What became of users and frames.
    remarks
        What a person may want to know, of those that did not fail.
    is_stopped
        Whether it stopped before the end.
    began_s
        When it began, on the monotonic clock [s].
    """

    bar: FilesBar = field(default_factory=lambda: FilesBar(None))
    tally: Tally = field(default_factory=Tally)
    remarks: list[Result] = field(default_factory=list)
    is_stopped: bool = True
    began_s: float = field(default_factory=time.monotonic)

    @property
    def exit_code(self) -> int:
        """0 done, 1 done with failures, 130 stopped before the end."""
        if self.is_stopped:
            return _INTERRUPTED
        return _WITH_FAILURES if self.tally.failures else _DONE

    def tell(self, result: Result) -> None:
        """Take note of one.

        Parameters
        ----------
        result
            What became of it.
        """
        self.tally.add(result)
        if result.reason and result.fate is not Fate.FAILED:
            self.remarks.append(result)
        self.bar.tell(self.tally.done, self.tally.said())


Work = Callable[["Factory", Run, asyncio.Event], Awaitable[None]]
"""What a run does."""


def run_pyobs(
    settings: Settings,
    database: str,
    options: PyobsOptions,
    *,
    users: bool,
    frames: bool,
    report: Path | None,
) -> int:
    """Import a pyobs-archive and say what became of it.

    Parameters
    ----------
    settings
        Of this process.
    database
        URL of its database.
    options
        What to do.
    users, frames
        Which of them.
    report
        Where to write a JSON report; None for none.

    Returns
    -------
    int
        Exit code.
    """

    async def work(archive: "Factory", run: Run, stop: asyncio.Event) -> None:
        importer = pyobs_import(archive)
        async with opened_tables(database) as tables:
            run.bar.expect((await count_frames(tables))[0])
            if users:
                await importer.import_users(tables, options, run.tell)
            if frames:
                await importer.import_frames(
                    tables,
                    options,
                    concurrency=archive.settings.ingest_workers,
                    stop=stop,
                    tell=run.tell,
                )

    return run_import(settings, work, report)


def pyobs_import(archive: "Factory") -> PyobsImport:
    """Make the import of a pyobs-archive.

    Parameters
    ----------
    archive
        The archive that it goes into.

    Returns
    -------
    PyobsImport
        Ready.
    """
    return PyobsImport(
        sessions=archive.sessions,
        clock=archive.clock,
        adopter=adopter(archive),
        proposals=archive.proposals,
        users=AccountAdopter(
            archive.sessions, secret_key=archive.settings.secret(), clock=archive.clock
        ),
        spool=archive.spool,
        archive_root=archive.settings.archive_dir,
    )


def adopter(archive: "Factory") -> Adopter:
    """Make what files frames as they were elsewhere.

    Parameters
    ----------
    archive
        The archive that they go into.

    Returns
    -------
    Adopter
        Ready.
    """
    return Adopter(
        sessions=archive.sessions,
        store=archive.store,
        offload=archive.offload,
        queue=archive.jobs,
        clock=archive.clock,
        rules=archive.rules,
    )


def run_import(settings: Settings, work: Work, report: Path | None) -> int:
    """Do the work of an import; a second signal gives up what is under way.

    Parameters
    ----------
    settings
        Of this process.
    work
        What to do.
    report
        Where to write a JSON report; None for none.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    InvalidError
        If the report cannot be written where it is wanted.
    """
    if report is not None:
        check_report(report)
    run = Run()
    try:
        asyncio.run(_work(settings, work, run))
    except asyncio.CancelledError:
        return run.exit_code
    finally:
        if run.tally.done:
            _finish(run, time.monotonic() - run.began_s, report)
    return run.exit_code


async def _work(settings: Settings, work: Work, run: Run) -> None:
    with run.bar, stop_on_signals() as stop:
        async with opened(settings) as archive:
            await work(archive, run, stop)
        run.is_stopped = stop.is_set()


def _finish(run: Run, took_s: float, report: Path | None) -> None:
    """Say what became of all, and write the report."""
    for remark in run.remarks:
        say(f"{remark.what}: {remark.reason}")
    say(f"{run.tally.done} in {took_s:.1f} s: {run.tally.said()}")
    if run.is_stopped:
        say("Stopped before the end; call the same command again to go on.")
    failures = run.tally.failures
    for one in islice(failures, _SHOWN):
        say(f"failed: {one.what}: {one.reason}")
    if len(failures) > _SHOWN:
        say(f"failed: {len(failures) - _SHOWN} more; --json names them")
    if failures:
        titles = Counter(one.title for one in failures)
        show_table(("reason", "number"), titles.most_common())
    if report is not None:
        write_report(report, _report(run, took_s))


def _report(run: Run, took_s: float) -> dict[str, Any]:
    """Give the run as JSON."""
    return {
        **{fate.replace(" ", "_"): run.tally.counts[fate] for fate in Fate},
        "interrupted": run.is_stopped,
        "took_s": round(took_s, 3),
        "failures": [
            {"what": one.what, "reason": one.title, "message": one.reason}
            for one in run.tally.failures
        ],
        "remarks": [{"what": one.what, "message": one.reason} for one in run.remarks],
    }
