"""A piece of work that waits in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

Payload = Mapping[str, Any]
"""What a job is about: names and numbers that JSON can carry, never bytes."""

CHANNEL = "skyshelf_jobs"
"""Name under which PostgreSQL tells of new jobs."""


class Priority(IntEnum):
    """Which job goes first: the lower number."""

    INGEST = 10
    PACK = 50
    UPKEEP = 90


@dataclass(frozen=True, slots=True)
class Job:
    """A job that a worker holds.

    Attributes
    ----------
    id
        Number of the job.
    kind
        Which handler it is for.
    payload
        What it is about.
    attempts
        How often it has been taken, this time included; times that were not its fault left out.
    lease
        Unique to this taking of the job. Whoever took it before cannot finish or postpone it.
    last_error
        Why it was postponed; None where it never was.
    """

    id: int
    kind: str
    payload: Payload
    attempts: int
    lease: str
    last_error: str | None = None
