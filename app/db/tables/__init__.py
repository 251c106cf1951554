"""One file an area; foreign keys cross features, so the schema stands in one place."""

from app.db.tables.accounts import (
    CredentialRow,
    ProposalMembershipRow,
    ProposalRow,
    ThrottleCounterRow,
    UserRow,
)
from app.db.tables.base import Base, archive_ids
from app.db.tables.durability import (
    AuditLineRow,
    FindingRow,
    RemovedFrameRow,
    VerificationRow,
)
from app.db.tables.frames import (
    FileRow,
    FrameHeaderRow,
    FrameLinkRow,
    FrameRow,
    FrameVersionRow,
    StoredThumbnailRow,
)
from app.db.tables.headers import HeaderValueRow
from app.db.tables.imports import ImportedFrameRow
from app.db.tables.ingest import ArrivalRow, JobRow

__all__ = [
    "ArrivalRow",
    "AuditLineRow",
    "Base",
    "CredentialRow",
    "FileRow",
    "FindingRow",
    "FrameHeaderRow",
    "FrameLinkRow",
    "FrameRow",
    "FrameVersionRow",
    "HeaderValueRow",
    "ImportedFrameRow",
    "JobRow",
    "ProposalMembershipRow",
    "ProposalRow",
    "RemovedFrameRow",
    "StoredThumbnailRow",
    "ThrottleCounterRow",
    "UserRow",
    "VerificationRow",
    "archive_ids",
]
