"""Commands that copy the whole archive away, bring it back, and find it again in its files."""

import asyncio
import os
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.settings import Settings

from .output import say, shown
from .session import in_archive, opened, quiet_settings, reached

if TYPE_CHECKING:
    from app.backups.models import Flaw, Report
    from app.backups.restoring import Restorer
    from app.context import Factory

    from .progress import FilesBar

app = typer.Typer()

_SHOWN = 50
_DONE, _WITH_FLAWS = 0, 1

_Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the backup.")]


@app.command()
def backup(
    folder: _Folder,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Read the backup again and compare it; add nothing.")
    ] = False,
    link: Annotated[
        bool,
        typer.Option("--link", help="Share bytes with the archive where both are on one disk."),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove files of frames that are gone, and older states."),
    ] = False,
    no_secrets: Annotated[
        bool,
        typer.Option("--no-secrets", help="Leave the secret key out, to be kept elsewhere."),
    ] = False,
) -> None:
    """Copy the whole archive into a folder: catalogue, files, quarantine, trash, and secrets.

    The archive may run meanwhile. Only what is new is copied; a call that was interrupted goes on.
    The folder holds the secret key of all tokens and links: keep it as safe as the archive. Exit
    code 1: done, and some files are damaged or missing.
    """
    settings = quiet_settings()
    if check:
        sys.exit(asyncio.run(_check(folder)))
    work = _backup(settings, folder, link=link, prune=prune, secrets=not no_secrets)
    sys.exit(asyncio.run(work))


@app.command()
def restore(folder: _Folder) -> None:
    """Bring an archive back from a backup, into an empty data folder and an empty database.

    A call that was interrupted goes on. Exit code 1: done, and some files are damaged or missing.
    """
    sys.exit(asyncio.run(_restore(quiet_settings(), folder)))


@app.command()
def reindex(
    *,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Manifest that gives numbers, dates and names back; default: the newest one that"
            " the archive keeps beside its files.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is there to be done, and do nothing.")
    ] = False,
) -> None:
    """Rebuild the catalogue from the archived files: register those without a row, where they lie.

    Users, tokens and the list of what came in are not in the files: a backup has them. Exit code
    1: done, and some files were left.
    """
    sys.exit(in_archive(lambda archive: _reindex(archive, manifest, dry_run)))


async def _reindex(archive: "Factory", manifest: Path | None, dry_run: bool) -> int:  # noqa: FBT001  # an option
    """Reindex, and say what became of it."""
    from app.backups.daily import newest_manifest  # noqa: PLC0415  # slow to load

    chosen = manifest or newest_manifest(archive.settings.archive_dir)
    say(f"Manifest: {shown(chosen) if chosen else 'none, so that all numbers are new'}.")
    with _bar() as bar:
        plan, report = await archive.reindexing.run(chosen, watcher=bar, dry_run=dry_run)
    files = list(plan.files)
    by_line = sum(file.line is not None for file in files)
    say(
        f"{plan.known} stored files are in the catalogue, {len(files)} are not: {by_line} named by"
        f" the manifest, {len(files) - by_line} not."
    )
    if dry_run:
        for file in islice(files, _SHOWN):
            say(f"{file.key}: {file.basename}")
        return _DONE
    say(
        f"Registered: {report.copied}; bytes known already: {report.kept}; left:"
        f" {len(report.flaws)}."
    )
    return _finished(report)


async def _backup(
    settings: Settings, folder: Path, *, link: bool, prune: bool, secrets: bool
) -> int:
    with _bar() as bar:
        async with opened(settings) as archive:
            report = await archive.backups.make(
                folder, watcher=bar, link=link, prune=prune, secrets=secrets
            )
    say(f"Backup: {report.said()}.")
    if report.removed:
        say(f"{report.removed} files were removed from the backup.")
    if secrets:
        say("It holds the secret key, which tokens and links depend on: let nobody else read it.")
    else:
        say("It holds no secret key: keep that elsewhere, for signed links depend on it.")
    return _finished(report)


async def _check(folder: Path) -> int:
    from app.backups.checking import check_backup  # noqa: PLC0415  # slow to load: only when it runs

    with _bar() as bar:
        report = await check_backup(folder, watcher=bar)
    say(f"Checked: {report.kept} files are whole, {len(report.flaws)} are not.")
    if report.flaws and os.access(folder, os.W_OK):
        say("The next backup brings these files anew.")
    elif report.flaws:
        say("Check it again where it can be written to: the next backup then brings them anew.")
    return _finished(report)


async def _restore(settings: Settings, folder: Path) -> int:
    from app.backups.restoring import Restorer  # noqa: PLC0415  # slow to load: only when it runs

    restorer = Restorer(settings, folder)
    with _bar() as bar:
        report = await _brought_back(settings, restorer, bar)
    say(f"Restored: {report.said()}.")
    say("Files that waited in the inbox are in no backup: drop them in again.")
    return _finished(report)


async def _brought_back(settings: Settings, restorer: "Restorer", bar: "FilesBar") -> "Report":
    marker = await restorer.begin()
    counts = marker.counts
    say(
        f"Backup of {marker.made_at:%Y-%m-%d %H:%M} UTC: {counts.frames} frames,"
        f" {counts.versions} versions, {counts.size_bytes / 1e6:,.1f} MB."
    )
    async with reached(settings, make=True) as found:
        return await restorer.bring_back(marker, found.require_database_url(), watcher=bar)


def _bar() -> "FilesBar":
    """Make the progress bar."""
    from .progress import FilesBar  # noqa: PLC0415  # slow to load: only when it runs

    return FilesBar(None)


def _finished(report: "Report") -> int:
    """Name what a person should look at, and give the exit code."""
    _show_flaws(report.flaws)
    return _WITH_FLAWS if report.flaws else _DONE


def _show_flaws(flaws: "list[Flaw]") -> None:
    """Name files that a person should look at, the first of them."""
    for flaw in islice(flaws, _SHOWN):
        say(f"{flaw.trouble}: {flaw.path}: {flaw.detail}")
    if len(flaws) > _SHOWN:
        say(f"… and {len(flaws) - _SHOWN} more")
