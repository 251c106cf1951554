"""The command that proves what is stored, and mends what is not."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from .session import quiet_settings

app = typer.Typer()


@app.command()
def verify(
    *,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Take good copies from SKYSHELF_SECOND_STORE_DIR, and clear away what crashes"
            " left.",
        ),
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a report as JSON.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="MB/s",
            help="How fast to read; 0 for no limit. Default: SKYSHELF_VERIFY_BYTES_PER_S.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew; do not go on where a run stopped.")
    ] = False,
    older_than: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="HOURS",
            help="How old what a crash left must be: younger files may be in use.",
        ),
    ] = 24.0,
) -> None:
    """Read every stored file again and compare it with the catalogue.

    Missing, altered and unknown files are listed, and what crashes left behind. A damaged file is
    marked, with and without --repair, and is not served until it is mended. Ctrl-C stops after the
    file at hand; the same command goes on there. Exit code 1 says that something is still wrong.
    """
    from .verification_run import VerifyOptions, verify_archive  # noqa: PLC0415  # slow to load

    options = VerifyOptions(repair, report, rate, fresh, older_than)
    sys.exit(asyncio.run(verify_archive(quiet_settings("error"), options)))
