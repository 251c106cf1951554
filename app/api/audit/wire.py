"""Shapes of the audit."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from app.audit.models import AuditLine


class AuditLineOut(BaseModel):
    """One thing that was done on purpose."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Number of the line."""

    at: datetime
    """When, UTC."""

    who: str
    """Name of the user, as it was then; `system` for the archive itself."""

    action: str
    """What was done, such as `remove frame`."""

    subject: str
    """To what, such as `frame tst-0001`."""

    reason: str | None
    """Why; null where no reason was given."""

    details: dict[str, Any]
    """Numbers and names that belong to it."""

    @classmethod
    def of(cls, line: AuditLine) -> Self:
        """Give the wire form."""
        return cls.model_validate(line, from_attributes=True)


class AuditLinesOut(BaseModel):
    """A page of the audit, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    count: int
    """Exact number of matches."""

    next: str | None
    """URL of the next page."""

    previous: str | None
    """URL of the previous page."""

    results: list[AuditLineOut]
    """The lines of this page."""
