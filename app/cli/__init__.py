"""The ``skyshelf`` command: everything that is done at a terminal.

Commands import what they need when they run, so that ``skyshelf --help`` and the start of each
process stay quick. The docstring of a command is its help.
"""

import sys

import typer

from app.core.errors import ArchiveError

from . import (
    accounts,
    audit,
    backups,
    deletion,
    docs,
    imports,
    ingest,
    run,
    status,
    trash,
    verification,
)

__all__ = ["app", "main"]

app = typer.Typer(
    help="An observatory's FITS archive: inbox, catalogue, search, previews, downloads.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (run, ingest, backups, deletion, verification, audit, status, docs):
    app.add_typer(commands.app)
for name, group in (*accounts.GROUPS.items(), ("import", imports.app), ("trash", trash.app)):
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command that the process was called with, and end the process.

    Exit codes: 0 done, 1 done with failures, 2 not done, 130 stopped by Ctrl-C. Whatever the
    archive foresaw, and a file that the system refuses, ends in one line on standard error.

    Raises
    ------
    OSError
        If the system refuses something else: a fault of this program.
    """
    try:
        app(prog_name="skyshelf")
    except ArchiveError as error:
        message = error.told_to_operator()
    except OSError as error:
        if error.filename is None:
            raise
        message = f"{error.filename}: {error.strerror}"
    else:
        return
    sys.stderr.write(f"skyshelf: {' '.join(message.split())}\n")
    sys.exit(2)
