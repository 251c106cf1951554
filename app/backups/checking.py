"""Read a backup again, and take out of it what is no longer needed."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.backups.batches import at_once, in_batches
from app.backups.copying import Wanted, compare
from app.backups.folder import BackupFolder
from app.backups.ledger import Ledger, opened_ledger
from app.backups.manifest import ExtraLine, Line, read_lines
from app.backups.models import Flaw, Report, Watcher


async def check_backup(root: Path, *, watcher: Watcher) -> Report:
    """Read a backup again, and compare it with its manifest; needs no archive.

    What is wrong is brought anew by the next backup, unless the folder cannot be written to now.

    Parameters
    ----------
    root
        Folder of the backup.
    watcher
        Hears how far it is.

    Returns
    -------
    Report
        With what is wrong.

    Raises
    ------
    NoBackupError
        If there is no finished one.
    BrokenBackupError
        If dump or manifest are damaged.
    """  # the folder raises them
    folder, report = BackupFolder(root), Report()
    marker = folder.marker()
    with _held(folder) as ledger:
        await asyncio.to_thread(folder.check_parts, marker)
        watcher.expect(marker.counts.versions + marker.counts.thumbnails)

        def work(lines: Sequence[Line]) -> None:
            results = at_once(lambda line: compare(wanted_in(folder, line)), lines)
            flaws = [one for one in results if isinstance(one, Flaw)]
            ledger.forget([flaw.path for flaw in flaws])
            report.flaws.extend(flaws)
            report.kept += len(lines) - len(flaws)

        await in_batches(
            folder.manifest_file(marker.state),
            work,
            after_each=lambda: watcher.tell(report.done, report.said()),
        )
    return report


@contextmanager
def _held(folder: BackupFolder) -> Iterator[Ledger]:
    """Keep backups out meanwhile; in a folder that is mounted read-only there are none."""
    if os.access(folder.root, os.W_OK):
        with folder.held(), opened_ledger(folder.ledger_file) as ledger:
            yield ledger
    else:
        with opened_ledger(Path(":memory:")) as ledger:
            yield ledger


def wanted_in(folder: BackupFolder, line: Line) -> Wanted:
    """Say what a file of a backup must be.

    Parameters
    ----------
    folder
        The backup.
    line
        Of its manifest.

    Returns
    -------
    Wanted
        Its place, size and checksum.
    """
    path = line.path if isinstance(line, ExtraLine) else f"archive/{line.key}"
    target = folder.root / path
    return Wanted(path, target, target, line.size_bytes, line.sha256)


def prune(folder: BackupFolder, ledger: Ledger) -> int:
    """Remove what the newest state does not name, and older states. Blocks.

    Parameters
    ----------
    folder, ledger
        The backup.

    Returns
    -------
    int
        How many files were removed.
    """
    marker = folder.marker()
    named = {
        wanted_in(folder, line).path for line in read_lines(folder.manifest_file(marker.state))
    }
    return folder.prune(marker.state, named, ledger)
