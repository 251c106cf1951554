"""Commands that take over what another archive holds."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .session import quiet_settings

app = typer.Typer(help="Take over what another archive holds.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
Report = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write a report as JSON.")
]


Database = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="PYOBS_DATABASE_URL",
        help="postgresql://user:password@host/name, or an SQLite file.",
    ),
]
Root = Annotated[Path, typer.Option(metavar="FOLDER", help="ARCHIVE_ROOT of the other one.")]
Link = Annotated[
    bool, typer.Option("--link", help="Hard-link files instead of copying; nobody may write there.")
]
ByProject = Annotated[
    bool, typer.Option("--by-project", help="Frames are seen by members of their project alone.")
]
ReplaceTokens = Annotated[
    bool, typer.Option("--replace-tokens", help="Tokens win over those of users who are here.")
]
Reserve = Annotated[
    int, typer.Option(min=0, metavar="N", help="Leave N numbers free for frames that come later.")
]
Users = Annotated[bool, typer.Option(help="Import users, tokens and projects.")]
Frames = Annotated[bool, typer.Option(help="Import frames.")]


@app.command("pyobs")
def import_pyobs(  # noqa: PLR0913  # options of a command
    *,
    database: Database,
    root: Root,
    link: Link = False,
    by_project: ByProject = False,
    replace_tokens: ReplaceTokens = False,
    reserve: Reserve = 0,
    users: Users = True,
    frames: Frames = True,
    dry_run: DryRun = False,
    report: Report = None,
) -> None:
    """Import a pyobs-archive: users with their tokens, frames with their numbers.

    Its database and its files are only read. Files are copied, or stay where they are if they lie
    below this archive's root already. A second run goes on where the first one stopped, and takes
    what is new. Exit code 1 says that something could not be imported.
    """
    from app.imports.pyobs import PyobsOptions, Transfer  # noqa: PLC0415  # slow to load
    from app.imports.pyobs_database import source_name  # noqa: PLC0415  # the same

    from .imports_run import run_pyobs  # noqa: PLC0415  # the same

    options = PyobsOptions(
        source=source_name(database),
        root=root.absolute(),
        transfer=Transfer.LINK if link else Transfer.COPY,
        by_project=by_project,
        replace_tokens=replace_tokens,
        reserve=reserve,
        dry=dry_run,
    )
    settings = quiet_settings("error")
    code = run_pyobs(settings, database, options, users=users, frames=frames, report=report)
    sys.exit(code)


@app.command("lco")
def import_lco(
    url: Annotated[str, typer.Argument(metavar="URL", help="Below which frames/ is.")],
    filters: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILTER", help="KEY=VALUE of the dialect: only these frames."),
    ] = None,
    *,
    token: Annotated[
        str | None,
        typer.Option(metavar="TEXT", envvar="ARCHIVE_TOKEN", help="For what is not public."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only frames observed since then, UTC.")
    ] = None,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Keep the numbers; for an archive that is empty.")
    ] = False,
    metadata_only: Annotated[
        bool, typer.Option("--metadata-only", help="Leave the files where they are.")
    ] = False,
    dry_run: DryRun = False,
    report: Report = None,
) -> None:
    """Import from an archive that speaks the LCO dialect: metadata and files.

    Broken downloads go on where they broke. A second run fetches what is missing: what is known by
    its MD5 is passed over. Exit code 1 says that something could not be imported.
    """
    from app.imports.lco import LcoOptions  # noqa: PLC0415  # slow to load: only when it runs

    from .imports_lco import chosen_filters, mount_of, run_lco  # noqa: PLC0415  # the same

    mount = mount_of(url)
    options = LcoOptions(
        source=f"lco:{mount.partition('://')[2]}",
        filters=chosen_filters(filters or [], since),
        keep_ids=keep_ids,
        metadata_only=metadata_only,
        dry=dry_run,
    )
    sys.exit(run_lco(quiet_settings("error"), mount, options, token=token, report=report))
