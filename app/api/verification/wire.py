"""Shapes of the verification area."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from app.verification.models import Finding, FindingKind, Phase, Run


class RunOut(BaseModel):
    """One verification of the whole archive."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Number of the run."""
    started_at: datetime
    """When it began, UTC."""
    finished_at: datetime | None
    """When it came to its end, UTC; null: not yet."""
    mends: bool
    """Whether it mends what it can."""
    phase: Phase
    """What it looks at, or looked at last."""
    files_read: int
    """Stored files that were read again."""
    bytes_read: int
    """Their size [byte]."""
    findings_left: int
    """Findings that are not mended."""

    @classmethod
    def of(cls, run: Run, findings_left: int) -> Self:
        """Give the wire form."""
        return cls(
            id=run.id,
            started_at=run.started_at,
            finished_at=run.finished_at,
            mends=run.mends,
            phase=run.phase,
            files_read=run.files_read,
            bytes_read=run.bytes_read,
            findings_left=findings_left,
        )


class FindingOut(BaseModel):
    """Something that is, or was, wrong."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: FindingKind
    """What it is."""
    name: str
    """Key of the store, or name of the file or row."""
    frame_id: int | None
    """The frame that it is about."""
    detail: str
    """One sentence for a person."""
    mended: str | None
    """What was done about it; null: it is still so."""

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Give the wire form."""
        return cls.model_validate(finding, from_attributes=True)


class VerificationOut(BaseModel):
    """The newest verification, and a page of what it found."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run: RunOut | None
    """Null where the archive was never verified."""
    count: int
    """Exact number of findings."""
    next: str | None
    """URL of the next page."""
    previous: str | None
    """URL of the previous page."""
    results: list[FindingOut]
    """The findings of this page."""
