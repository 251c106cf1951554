"""Every file that ever came in, and the work that waits."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class ArrivalRow(Base):
    """A file that came in, by whichever way, and what became of it."""

    __tablename__ = "arrivals"
    __table_args__ = (
        Index(
            "uq_arrivals_open_source",
            "source",
            "source_path",
            unique=True,
            postgresql_where=text("source_path IS NOT NULL AND state IN ('waiting', 'running')"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    state: Mapped[str] = mapped_column(index=True)
    source: Mapped[str]
    filename: Mapped[str]
    source_path: Mapped[str | None] = mapped_column(index=True)
    source_identity: Mapped[str | None]
    held_path: Mapped[str | None]
    size_bytes: Mapped[int]
    sha256: Mapped[str | None]
    reason: Mapped[str | None]
    frame_id: Mapped[int | None] = mapped_column(
        ForeignKey("frames.id", ondelete="SET NULL"), index=True
    )
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class JobRow(Base):
    """Work that waits. A worker holds it by a lease, which lapses if the worker dies."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_queue", "priority", "run_at", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    priority: Mapped[int] = mapped_column(Integer())
    run_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(Integer(), server_default=text("0"))
    leased_by: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
