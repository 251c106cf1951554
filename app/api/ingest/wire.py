"""Shapes of the ingest area."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from app.ingest.models import Arrival, ArrivalState, Source


class ArrivalOut(BaseModel):
    """A file that came in, and what became of it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Number of the arrival."""

    state: ArrivalState
    """`waiting`, `running`, `filed`, `duplicate` (its bytes were in the archive), `quarantined`
    (see `reason`) or `discarded` (the file vanished before it was read)."""

    filename: str
    """Name as it came, without folders."""

    source: Source
    """The way by which it came."""

    size_bytes: int
    """Size when it was noticed [byte]."""

    reason: str | None
    """Why it is where it is, for a person who can act on it."""

    frame_id: int | None
    """The frame that it became, or is a duplicate of."""

    received_at: datetime
    """When it was noticed, UTC."""

    finished_at: datetime | None
    """When its state was decided, UTC."""

    @classmethod
    def of(cls, arrival: Arrival) -> Self:
        """Give the wire form."""
        return cls.model_validate(arrival, from_attributes=True)


class ArrivalsOut(BaseModel):
    """A page of arrivals, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    count: int
    """Exact number of matches."""

    next: str | None
    """URL of the next page."""

    previous: str | None
    """URL of the previous page."""

    results: list[ArrivalOut]
    """The arrivals of this page."""
