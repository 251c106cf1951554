"""What lies on the disk and is in no row, and whether a verification names it."""

import asyncio
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import select

from app.context import Factory
from app.core.paging import Window
from app.db.engine import Sessions, transaction
from app.db.tables import ArrivalRow, FileRow
from app.ingest.models import ArrivalState
from app.ingest.spool import note_of
from app.verification.models import Finding, FindingKind, Wish

_HARMLESS = {
    FindingKind.UNKNOWN,
    FindingKind.STAGED,
    FindingKind.PRIVATE_COPY,
    FindingKind.UPLOAD,
    FindingKind.SETTLED_COPY,
    FindingKind.STRAY,
}
_AT_ONCE = Wish(grace_s=0, bytes_per_s=0, pause_s=0, is_fresh=True)


async def leftovers(archive: Factory) -> set[str]:
    """List files that no row names: key, name in the spool, or name in the quarantine."""
    known, kept = await _named(archive.sessions)
    return await asyncio.to_thread(_list, archive, known, kept)


def _list(archive: Factory, known: set[str], kept: set[str]) -> set[str]:
    root, settings = archive.settings.archive_dir, archive.settings
    stored = {path.relative_to(root).as_posix() for path in _files(root) if _is_of_frames(path)}
    spooled = {path.name for path in settings.spool_dir.iterdir()}
    aside = {path.name for path in settings.quarantine_dir.iterdir()} - kept
    notes = {note_of(Path(name)).name for name in aside}  # each goes with its file
    return (stored - known) | spooled | (aside - notes)


async def verified(archive: Factory) -> list[Finding]:
    """Verify the whole archive, and give what was found."""
    run = await archive.verification.run(_AT_ONCE)
    assert run.finished_at is not None
    return list((await archive.verification.findings(run.id, Window(limit=100_000))).items)


def check_findings(left: set[str], found: list[Finding]) -> Counter[str]:
    """See that everything that was left behind is named, and that nothing is damaged."""
    assert {each.kind for each in found} <= _HARMLESS, found
    assert left <= {each.name for each in found}, (left, found)
    return Counter(each.kind.value for each in found)


async def _named(sessions: Sessions) -> tuple[set[str], set[str]]:
    """List the keys of stored files, and the names of files in quarantine with their notes."""
    held = select(ArrivalRow.held_path).where(ArrivalRow.state == ArrivalState.QUARANTINED)
    async with transaction(sessions) as session:
        keys = set((await session.scalars(select(FileRow.key))).all())
        paths = [Path(unquote(path)) for path in await session.scalars(held) if path]
    return keys, {name for path in paths for name in (path.name, note_of(path).name)}


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def _is_of_frames(path: Path) -> bool:
    """Tell files of frames, placed or staged, from what else the archive keeps beside them."""
    return path.name.startswith(".staged-") or not any(
        part.startswith(".") for part in path.parts[-4:]
    )
