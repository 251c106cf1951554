"""Lines of the audit, as the services speak of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One thing that was done on purpose.

    Attributes
    ----------
    id
        Number of the line; later ones are greater.
    at
        When, UTC.
    who
        Name of the user, as it was then; of the archive itself or of a command: what it is.
    action
        What was done: a verb and the kind of thing, such as ``remove frame``.
    subject
        To what: the kind of thing and its name, such as ``frame tst-0001``.
    reason
        Why, in the words of whoever did it; None where no reason was given.
    details
        Numbers and names that belong to it.
    """

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    reason: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which lines are wanted; what is None does not matter.

    Attributes
    ----------
    subject
        Part of the subject, whatever its case.
    who, action
        Exactly.
    """

    subject: str | None = None
    who: str | None = None
    action: str | None = None
