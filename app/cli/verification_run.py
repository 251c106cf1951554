"""One verification at a terminal."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.paging import Window
from app.settings import Settings
from app.verification.models import Finding, Run, Wish

from .output import check_report, say, show_table, write_report
from .progress import FilesBar
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
    if options.report is not None:
        check_report(options.report)
    async with opened(settings) as archive:
        verification = archive.verification
        with stop_on_signals() as stop, FilesBar(await verification.count_files()) as bar:

            def tell(run: Run) -> None:
                bar.tell(run.files_read, f"{run.phase.value}, {run.bytes_read / 1e6:.0f} MB")

            run = await verification.run(options.wish, stop=stop, tell=tell)
        findings = await _all_findings(verification, run)
    _show(run, findings)
    if options.report is not None:
        write_report(options.report, _document(run, findings))
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
    found = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
    read = f"{run.files_read} file{'' if run.files_read == 1 else 's'}"
    say(f"Read {read} ({run.bytes_read / 1e6:.1f} MB): {found}, {left} not mended.")


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
