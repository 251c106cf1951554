"""One verification at a terminal."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from app.core.paging import Window
from app.settings import Settings
from app.verification.models import Finding, Phase, Run, Wish

from .output import say, show_table
from .session import opened
from .signals import stop_on_signals

if TYPE_CHECKING:
    from app.verification.service import VerificationService

_DONE, _FINDINGS, _INTERRUPTED = 0, 1, 130
_AT_ONCE = 1000
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What the person wants.

    Attributes
    ----------
    repair
        Whether to mend.
    report
        Where the JSON goes; None: nowhere.
    rate_mb_per_s
        How fast to read [MB/s]; 0 for no limit, None for what the settings say.
    fresh
        Whether to begin anew.
    older_than_h
        How old what a crash left must be [h].
    """

    repair: bool
    report: Path | None
    rate_mb_per_s: float | None
    fresh: bool
    older_than_h: float

    @property
    def wish(self) -> Wish:
        """What the verification shall do."""
        rate = self.rate_mb_per_s
        return Wish(
            mends=self.repair,
            is_fresh=self.fresh,
            grace_s=self.older_than_h * 3600,
            bytes_per_s=None if rate is None else round(rate * 1e6),
        )


class _Bar:
    """Shows how far a verification is, on standard error; nothing where that is no terminal."""

    def __init__(self, files: int) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files, {task.fields[read]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(Phase.FILES.value, total=files, read="0 MB")

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

    def show(self, run: Run) -> None:
        """Show how far a run is."""
        self._progress.update(
            self._task,
            completed=run.files_read,
            description=run.phase.value,
            read=f"{run.bytes_read / 1e6:.0f} MB",
        )


async def verify_archive(settings: Settings, options: VerifyOptions) -> int:
    """Verify the archive that the settings name, and print what is wrong.

    Parameters
    ----------
    settings
        Of this process.
    options
        What the person wants.

    Returns
    -------
    int
        Exit code: 0 all is well or mended, 1 something is still wrong, 130 stopped before the end.
    """
    async with opened(settings) as archive:
        verification = archive.verification
        with stop_on_signals() as stop, _Bar(await verification.count_files()) as bar:
            run = await verification.run(options.wish, stop=stop, tell=bar.show)
        findings = await _all_findings(verification, run)
    if options.report is not None:
        document = json.dumps(_document(run, findings), indent=2, ensure_ascii=False)
        options.report.write_text(document + "\n", encoding="utf-8")
    _show(run, findings)
    if run.finished_at is None:
        say("Stopped before the end; the same command goes on from here.")
        return _INTERRUPTED
    return _FINDINGS if any(each.mended is None for each in findings) else _DONE


async def _all_findings(verification: "VerificationService", run: Run) -> list[Finding]:
    findings: list[Finding] = []
    while True:
        window = Window(limit=_AT_ONCE, offset=len(findings))
        page = await verification.findings(run.id, window)
        findings.extend(page.items)
        if len(page.items) < _AT_ONCE:
            return findings


def _show(run: Run, findings: list[Finding]) -> None:
    """Print what is wrong, and what was read."""
    if findings:
        rows = [
            (each.kind.value, each.name, each.frame_id, each.detail, each.mended)
            for each in findings[:_SHOWN]
        ]
        show_table(("finding", "name", "frame", "what", "mended"), rows)
    if len(findings) > _SHOWN:
        say(f"… and {len(findings) - _SHOWN} more; --report writes them all.")
    left = sum(each.mended is None for each in findings)
    say(
        f"Read {run.files_read} files ({run.bytes_read / 1e6:.1f} MB): {len(findings)} findings,"
        f" {left} not mended."
    )


def _document(run: Run, findings: list[Finding]) -> dict[str, Any]:
    """Make the report."""
    return {
        "run": run.id,
        "started": run.started_at.isoformat(),
        "finished": run.finished_at and run.finished_at.isoformat(),
        "mends": run.mends,
        "files_read": run.files_read,
        "bytes_read": run.bytes_read,
        "findings": [
            {
                "kind": each.kind.value,
                "name": each.name,
                "frame_id": each.frame_id,
                "detail": each.detail,
                "mended": each.mended,
            }
            for each in findings
        ],
    }
