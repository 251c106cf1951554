"""What must be true when all is over: every file once, with its bytes, and nothing half."""

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, update

from app.core.clock import system_clock
from app.db.engine import Sessions, transaction
from app.db.tables import ArrivalRow, FileRow, FrameRow, FrameVersionRow, JobRow
from app.ingest.models import REMOVE_JOB, ArrivalState, Source
from app.jobs.models import Priority
from tests.torture.killing.sent import Kind, Sent, Uploads

_OPEN = (ArrivalState.WAITING, ArrivalState.RUNNING)


async def is_at_rest(sessions: Sessions, inbox: Path) -> bool:
    """Tell whether nothing is left to be done; what is due in minutes is due at once."""
    if await asyncio.to_thread(_has_files, inbox):
        return False
    async with transaction(sessions) as session:
        later = update(JobRow).where(JobRow.kind == REMOVE_JOB, JobRow.leased_by.is_(None))
        await session.execute(later.values(run_at=system_clock()))
        waiting = select(func.count()).select_from(JobRow)
        jobs = await session.scalar(waiting.where(JobRow.priority < Priority.UPKEEP))
        selected = select(func.count()).select_from(ArrivalRow)
        arrivals = await session.scalar(selected.where(ArrivalRow.state.in_(_OPEN)))
    return not jobs and not arrivals


def _has_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))


@dataclass
class Catalogue:
    """What the archive has in the end."""

    root: Path
    versions: Counter[str]
    frames: int
    files: list[FileRow]
    arrivals: list[ArrivalRow]

    @property
    def quarantined(self) -> list[ArrivalRow]:
        return [each for each in self.arrivals if each.state == ArrivalState.QUARANTINED]

    def unknown_keys(self) -> list[str]:
        """List files at final paths that no row names."""
        known = {file.key for file in self.files}
        paths = (path for path in self.root.rglob("*") if path.is_file())
        keys = (path.relative_to(self.root) for path in paths)
        visible = (key for key in keys if not any(part.startswith(".") for part in key.parts))
        return sorted(key.as_posix() for key in visible if key.as_posix() not in known)


async def read_catalogue(sessions: Sessions, root: Path) -> Catalogue:
    """Read what the archive has."""
    async with transaction(sessions) as session:
        selected = select(FrameVersionRow.received_sha256, func.count()).group_by(
            FrameVersionRow.received_sha256
        )
        rows = (await session.execute(selected)).all()
        return Catalogue(
            root,
            Counter({row[0]: row[1] for row in rows if row[0] is not None}),
            await session.scalar(select(func.count()).select_from(FrameRow)) or 0,
            list(await session.scalars(select(FileRow))),
            list(await session.scalars(select(ArrivalRow))),
        )


def check_stored(catalogue: Catalogue) -> None:
    """See that each stored file has the bytes that the catalogue says."""
    assert len(catalogue.files) == sum(catalogue.versions.values())
    for file in catalogue.files:
        content = (catalogue.root / file.key).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256, file.key


def check_quarantine(catalogue: Catalogue) -> None:
    """See that each quarantined file is where its row says, with its bytes."""
    for arrival in catalogue.quarantined:
        assert arrival.held_path is not None
        content = Path(arrival.held_path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == arrival.sha256, arrival.filename


def check_dropped(catalogue: Catalogue, dropped: list[Sent]) -> int:
    """See that each file of the inbox is a frame or in quarantine, once; count sound ones there."""
    from_inbox = [each for each in catalogue.quarantined if each.source == Source.INBOX]
    aside = Counter(each.sha256 for each in from_inbox)
    for file in dropped:
        is_filed = catalogue.versions[file.sha256] == 1
        if file.kind is Kind.BROKEN:
            assert (is_filed, aside[file.sha256]) == (False, 1), file.name
        else:
            assert is_filed or aside[file.sha256], file.name
        assert catalogue.versions[file.sha256] <= 1
    sound = {file.sha256 for file in dropped if file.kind is not Kind.BROKEN}
    return sum(count for sha256, count in aside.items() if sha256 in sound)


def check_uploads(catalogue: Catalogue, uploads: Uploads) -> None:
    """See that what was answered is there, and nothing twice."""
    aside = Counter(each.sha256 for each in catalogue.quarantined)
    for file, state in uploads.answered:
        there = catalogue.versions[file.sha256], aside[file.sha256]
        if file.kind is Kind.BROKEN:
            assert there[0] == 0, file.name
            assert there[1] >= 1, file.name
        else:
            assert there[0] == 1 or (state == "quarantined" and there[1]), (file.name, state)
    for file in uploads.unanswered:
        assert catalogue.versions[file.sha256] <= 1, file.name


def check_unknown(catalogue: Catalogue, sent: list[Sent]) -> None:
    """See that what lies at a final path without a row is whole: what was sent, or packed."""
    whole = {file.sha256 for file in sent}
    for key in catalogue.unknown_keys():
        content = (catalogue.root / key).read_bytes()
        is_packed = key.endswith(".fz") and content and len(content) % 2880 == 0
        assert is_packed or hashlib.sha256(content).hexdigest() in whole, key
