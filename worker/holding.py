"""Holds jobs back that cannot succeed now, so that an outage costs a few attempts and not all."""

import time
from collections import Counter
from collections.abc import Collection, Iterable

import structlog

from app.core.errors import FullError
from app.jobs.models import Job
from app.storage.errors import StorageUnavailableError
from app.storage.volumes import Volumes
from worker.dispositions import retry_delay_s

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_FIRST_REST_S = 1.0
_LONGEST_REST_S = 60.0
_LONGEST_DELAY_S = 600.0
_DOUBTED_AGE_S = 0.0
_TRUSTED_AGE_S = 10.0


class Holding:
    """Knows which kinds of jobs are worth a try.

    Jobs that need the disks are held back while a volume is in trouble, which trying the volume
    tells. A kind whose jobs find a disk full all the same (a quota, a file larger than the rest)
    rests longer and longer until one succeeds. A file that alone is refused holds nobody up: its
    own job is tried again later and later.

    Parameters
    ----------
    volumes
        What the archive writes to.
    needing_room
        Kinds of jobs that fill the disks; all others are never held back by the volumes, for they
        read, or make room.
    """

    def __init__(self, volumes: Volumes, needing_room: Collection[str]) -> None:
        self._volumes = volumes
        self._needing_room = frozenset(needing_room)
        self._is_in_doubt = False
        self._rest_s: dict[str, float] = {}
        self._until_s: dict[str, float] = {}
        self._refusals: Counter[int] = Counter()
        self._told: frozenset[str] = frozenset()

    async def free(self, kinds: Iterable[str]) -> list[str]:
        """Tell which kinds of jobs may be taken now.

        Parameters
        ----------
        kinds
            All that the worker can do.

        Returns
        -------
        list of str
            Those that are not held back.
        """
        max_age_s = _DOUBTED_AGE_S if self._is_in_doubt else _TRUSTED_AGE_S
        report = await self._volumes.in_the_way(max_age_s=max_age_s)
        self._is_in_doubt = False
        now_s = time.monotonic()
        held = {kind for kind, until_s in self._until_s.items() if until_s > now_s}
        if report is not None:
            held |= self._needing_room
        self._tell(frozenset(held), "" if report is None else report.detail)
        return [kind for kind in kinds if kind not in held]

    def succeeded(self, job: Job) -> None:
        """Note that a job was done.

        Parameters
        ----------
        job
            Which.
        """
        self._refusals.pop(job.id, None)
        self._rest_s.pop(job.kind, None)
        self._until_s.pop(job.kind, None)

    def failed(self, job: Job, error: Exception) -> float:
        """Note that a job failed and is to be tried again.

        Parameters
        ----------
        job
            Which.
        error
            Why.

        Returns
        -------
        float
            How long it shall wait [s].
        """
        delay_s = retry_delay_s(error, job.attempts)
        if not isinstance(error, StorageUnavailableError):
            return delay_s
        self._is_in_doubt = True
        if isinstance(error, FullError):
            self._let_rest(job.kind)
        self._refusals[job.id] += 1
        return float(min(delay_s * 2 ** min(self._refusals[job.id] - 1, 20), _LONGEST_DELAY_S))

    def _let_rest(self, kind: str) -> None:
        rest_s = min(2 * self._rest_s.get(kind, _FIRST_REST_S / 2), _LONGEST_REST_S)
        self._rest_s[kind] = rest_s
        self._until_s[kind] = time.monotonic() + rest_s

    def _tell(self, held: frozenset[str], reason: str) -> None:
        """Log once that jobs are held back, and once that they go on."""
        if held and not self._told:
            why = reason or "their disk is full"
            _log.warning("jobs are held back", kinds=sorted(held), reason=why)
        elif self._told and not held:
            _log.info("jobs go on", kinds=sorted(self._told))
        self._told = held
