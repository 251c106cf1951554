"""Records files of the inbox, some at once: a hundred thousand may be dropped together."""

from collections.abc import Sequence

from app.core.clock import Clock
from app.db.engine import Transaction
from app.ingest.models import INGEST_JOB, ArrivalState, NewArrival
from app.ingest.store import ArrivalStore
from app.jobs.models import Priority
from app.jobs.service import JobQueue


class Admission:
    """Lets workers file what came in, within one transaction.

    Parameters
    ----------
    session
        Within a transaction.
    queue, clock
        Of the process.
    """

    def __init__(self, session: Transaction, queue: JobQueue, clock: Clock) -> None:
        self._session = session
        self._arrivals = ArrivalStore(session)
        self._queue = queue
        self._clock = clock

    async def admit(self, new: Sequence[NewArrival]) -> Sequence[NewArrival]:
        """Record files that are waiting; the newest file of a path counts.

        Parameters
        ----------
        new
            Files of the inbox, each at another path.

        Returns
        -------
        sequence of NewArrival
            Those at whose path another file is being filed just now.
        """
        # In order, so that two workers at one inbox never wait for each other.
        ordered = sorted(new, key=lambda each: str(each.source_path))
        added = await self._arrivals.add_all(ordered, ArrivalState.WAITING, self._clock())
        payloads = [{"arrival_id": arrival.id} for arrival in added]
        await self._queue.enqueue_all(self._session, INGEST_JOB, payloads, priority=Priority.INGEST)
        paths = {arrival.source_path for arrival in added}
        there = [each for each in ordered if each.source_path not in paths]
        return [each for each in there if not await self._replace(each)]

    async def _replace(self, new: NewArrival) -> bool:
        """Let a file take over the arrival of its path; False while another is being filed."""
        there = await self._arrivals.get_open(new)
        if there.source_identity == new.source_identity:
            return True
        if there.state is ArrivalState.RUNNING:
            return False
        await self._arrivals.change(
            there.id, source_identity=new.source_identity, size_bytes=new.size_bytes
        )
        return True
