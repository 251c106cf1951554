"""Commands that take files in, or tell where they would go."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .session import quiet_settings

app = typer.Typer()


@app.command()
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Files and folders of FITS files.")
    ],
    *,
    report: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write a report as JSON.")
    ] = None,
) -> None:
    """Import files in bulk; they stay where they are.

    Folders are searched recursively. Ctrl-C stops after the files under way. A second run goes on
    where the first one stopped: files that came in before are passed over. Exit code 1 says that
    something could not be filed.
    """
    from .importing import run_import  # noqa: PLC0415  # slow to load: only when it runs

    sys.exit(run_import(quiet_settings("error"), paths, report))


@app.command()
def name(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="FITS files.")],
) -> None:
    """Tell where files would go in the archive, and why.

    Nothing is filed. Exit code 1 says that something could not be filed.
    """
    from .naming import explain  # noqa: PLC0415  # slow to load: only when it runs

    sys.exit(explain(quiet_settings(), files))
