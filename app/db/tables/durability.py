"""What keeps the archive honest: verifications, removed frames, and who did what."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class VerificationRow(Base):
    """One run over the whole archive; its place is where it goes on after a stop."""

    __tablename__ = "verifications"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    mends: Mapped[bool] = mapped_column(server_default=text("false"))
    phase: Mapped[str]
    place: Mapped[str | None]
    files_read: Mapped[int] = mapped_column(server_default=text("0"))
    bytes_read: Mapped[int] = mapped_column(server_default=text("0"))


class FindingRow(Base):
    """Something that a verification found wrong, and what was done about it."""

    __tablename__ = "verification_findings"
    __table_args__ = (
        Index("uq_verification_findings_thing", "verification_id", "kind", "name", unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    verification_id: Mapped[int] = mapped_column(ForeignKey("verifications.id", ondelete="CASCADE"))
    kind: Mapped[str]
    name: Mapped[str]
    frame_id: Mapped[int | None]
    detail: Mapped[str]
    mended: Mapped[str | None]
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RemovedFrameRow(Base):
    """A deleted frame: its rows as they were, and which files of it lie in the trash.

    Who sees it stands beside the rows, which may be large and go when the frame comes back or is
    purged.
    """

    __tablename__ = "removed_frames"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    frame_id: Mapped[int] = mapped_column(index=True)
    basename: Mapped[str] = mapped_column(index=True)
    removed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    removed_by: Mapped[str]
    reason: Mapped[str | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    size_bytes: Mapped[int]
    public_at: Mapped[datetime | None]
    is_internal: Mapped[bool]
    proposal: Mapped[str | None]
    owner_id: Mapped[int | None]
    table_rows: Mapped[dict[str, Any]]
    keys: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    restored_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]


class AuditLineRow(Base):
    """Who did what to the archive, when and why; lines are only ever added.

    The user's number outlives the user; NULL for the archive itself and for commands.
    """

    __tablename__ = "audit_lines"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    who: Mapped[str]
    user_id: Mapped[int | None]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
