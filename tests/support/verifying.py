"""Verifications, for tests."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from app.context import Factory
from app.core.paging import Window
from app.db.engine import transaction
from app.db.tables import AuditLineRow, FileRow
from app.verification.models import Finding, Run, Wish

AT_ONCE = Wish(grace_s=0, pause_s=0, bytes_per_s=0)
MENDING = replace(AT_ONCE, mends=True)


async def verified(archive: Factory, wish: Wish = AT_ONCE) -> tuple[Run, tuple[Finding, ...]]:
    """Verify a whole archive; give the run and all that it found."""
    run = await archive.verification.run(wish)
    assert run.finished_at is not None
    return run, (await archive.verification.findings(run.id, Window(limit=100_000))).items


async def found_by(archive: Factory, wish: Wish = AT_ONCE) -> tuple[Finding, ...]:
    """Give what a verification of a whole archive finds."""
    _, findings = await verified(archive, wish)
    return findings


async def stored_rows(archive: Factory) -> Sequence[FileRow]:
    """Give the rows of all stored files by number."""
    async with transaction(archive.sessions) as session:
        return (await session.execute(select(FileRow).order_by(FileRow.id))).scalars().all()


async def the_file(archive: Factory) -> FileRow:
    """Give the row of the only stored file."""
    (row,) = await stored_rows(archive)
    return row


async def audit_lines(archive: Factory) -> list[tuple[str, str, str | None]]:
    """Give what the audit says: action, subject, reason."""
    async with transaction(archive.sessions) as session:
        rows = (await session.execute(select(AuditLineRow).order_by(AuditLineRow.id))).scalars()
        return [(row.action, row.subject, row.reason) for row in rows]


def flip_a_bit(path: Path, byte: int = -1) -> None:
    """Let a bit rot."""
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(bytes(content))


def put(path: Path, content: bytes) -> Path:
    """Write a file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
