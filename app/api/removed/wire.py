"""Shapes of the area of deleted frames."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from app.frames.trash import RemovedFrame, RemovedState


class RemovedFrameOut(BaseModel):
    """A deletion of a frame."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Number of the deletion."""

    frame_id: int
    """Number that the frame had, and has again when it is brought back."""

    basename: str
    """Name of the frame."""

    removed_at: datetime
    """When it was deleted, UTC."""

    removed_by: str
    """Who deleted it."""

    reason: str | None
    """Why; null where no reason was given."""

    expires_at: datetime
    """Until when it can be brought back, UTC."""

    size_bytes: int
    """Size of its files together [byte]."""

    state: RemovedState
    """`kept` (can be brought back), `expired` (its files go with the next daily job), `restored` or
    `purged` (its files are gone for ever)."""

    @classmethod
    def of(cls, removed: RemovedFrame) -> Self:
        """Give the wire form."""
        return cls.model_validate(removed, from_attributes=True)


class RemovedFramesOut(BaseModel):
    """A page of deletions, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    count: int
    """Exact number of matches."""

    next: str | None
    """URL of the next page."""

    previous: str | None
    """URL of the previous page."""

    results: list[RemovedFrameOut]
    """The deletions of this page."""
