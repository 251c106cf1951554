"""What a verification looks at: put together in one place."""

from collections.abc import Sequence
from functools import partial

from app.core.clock import Clock
from app.db.engine import Sessions
from app.ingest.leftovers import Leftovers
from app.ingest.service import IngestService
from app.jobs.service import JobQueue
from app.previews.forgetting import forget_all
from app.settings import Settings
from app.storage.protocol import Store
from app.verification.audit import Audit
from app.verification.inbox import InboxCheck
from app.verification.keys import KeyCheck
from app.verification.models import Check
from app.verification.quarantine import ArrivalCheck, QuarantineCheck
from app.verification.repair import Mender
from app.verification.rows import RowCheck
from app.verification.spool import SpoolCheck, StagedCheck
from app.verification.stored import StoredCheck
from app.verification.trash import TrashCheck
from app.verification.twins import Twins


def make_checks(
    *,
    settings: Settings,
    sessions: Sessions,
    store: Store,
    queue: JobQueue,
    ingest: IngestService,
    clock: Clock,
) -> Sequence[Check]:
    """Make a check of each kind.

    Parameters
    ----------
    settings, sessions, store, queue, ingest, clock
        Of the process.

    Returns
    -------
    Sequence of Check
        In any order.
    """
    leftovers = Leftovers(sessions=sessions, queue=queue, clock=clock, spool=ingest.spool)
    twins = Twins(sessions=sessions, store=store)
    audit = Audit(sessions)
    mender = Mender(
        sessions=sessions,
        store=store,
        spool=ingest.spool,
        clock=clock,
        second=settings.second_store_dir,
        forget=partial(forget_all, settings.previews_dir),
    )
    return (
        StoredCheck(
            sessions=sessions,
            store=store,
            clock=clock,
            mender=mender,
            bytes_per_s=settings.verify_bytes_per_s,
        ),
        KeyCheck(sessions=sessions, store=store),
        StagedCheck(store=store, audit=audit),
        SpoolCheck(folder=settings.spool_dir, audit=audit, leftovers=leftovers, twins=twins),
        QuarantineCheck(
            folder=settings.quarantine_dir, audit=audit, leftovers=leftovers, twins=twins
        ),
        ArrivalCheck(audit=audit, leftovers=leftovers),
        InboxCheck(folder=settings.inbox, audit=audit, ingest=ingest),
        TrashCheck(sessions=sessions, store=store),
        RowCheck(sessions),
    )
