"""What was imported from other archives, so that an import can go on and be run again."""

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class ImportedFrameRow(Base):
    """A frame or version of another archive that is in this one, or was.

    The row outlives the frame: what somebody removed here is not imported again.
    """

    __tablename__ = "imported_frames"

    source: Mapped[str] = mapped_column(primary_key=True)
    source_key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    frame_id: Mapped[int | None] = mapped_column(
        ForeignKey("frames.id", ondelete="SET NULL"), index=True
    )
    imported_at: Mapped[datetime] = mapped_column(server_default=func.now())
