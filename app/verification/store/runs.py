"""Runs of verifications, and what they found."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.paging import Page, Window
from app.db.tables import FindingRow, VerificationRow
from app.verification.models import Finding, FindingKind, Phase, Run, Step

_STREAMED_AT_ONCE = 1000


class RunStore:
    """Runs and their findings.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, *, mends: bool, now: datetime) -> Run:
        """Begin a run."""
        added = insert(VerificationRow).values(started_at=now, mends=mends, phase=Phase.FILES)
        row = (await self._session.execute(added.returning(VerificationRow))).scalar_one()
        return _run(row)

    async def find_last(self, *, lock: bool = False) -> Run | None:
        """Find the newest run; None: there was none. Locked: nobody else begins one meanwhile."""
        if lock:
            name = func.hashtextextended("verification", 0)
            await self._session.execute(select(func.pg_advisory_xact_lock(name)))
        selected = select(VerificationRow).order_by(VerificationRow.id.desc()).limit(1)
        row = (await self._session.execute(selected)).scalar_one_or_none()
        return None if row is None else _run(row)

    async def record(
        self, run: Run, step: Step, *, phase: Phase, finished_at: datetime | None
    ) -> Run | None:
        """Note what a step found and where the run goes on; None where somebody else went on."""
        changed = (
            update(VerificationRow)
            .where(
                VerificationRow.id == run.id,
                VerificationRow.phase == run.phase,
                VerificationRow.place.is_not_distinct_from(run.place),
                VerificationRow.finished_at.is_(None),
            )
            .values(
                phase=phase,
                place=step.place,
                finished_at=finished_at,
                files_read=VerificationRow.files_read + step.files_read,
                bytes_read=VerificationRow.bytes_read + step.bytes_read,
            )
            .returning(VerificationRow)
            .execution_options(populate_existing=True)
        )
        row = (await self._session.execute(changed)).scalar_one_or_none()
        if row is None:
            return None
        await self._put_findings(run.id, step.findings)
        return _run(row)

    async def list_findings(self, run_id: int, window: Window) -> Page[Finding]:
        """List what a run found, what is not mended first."""
        wanted = FindingRow.verification_id == run_id
        counted = select(func.count()).select_from(FindingRow).where(wanted)
        rows = (await self._session.execute(_listed(run_id, window))).scalars().all()
        count = (await self._session.execute(counted)).scalar_one()
        return Page(count=count, items=tuple(_finding(row) for row in rows))

    async def stream_findings(
        self, run_id: int, window: Window
    ) -> AsyncGenerator[tuple[Finding, ...], None]:
        """Go through what a run found, what is not mended first, without holding it all."""
        selected = _listed(run_id, window).execution_options(yield_per=_STREAMED_AT_ONCE)
        async for rows in (await self._session.stream_scalars(selected)).partitions():
            yield tuple(_finding(row) for row in rows)

    async def count_open(self, run_id: int) -> int:
        """Count what a run found and did not mend."""
        counted = select(func.count()).select_from(FindingRow)
        counted = counted.where(FindingRow.verification_id == run_id, FindingRow.mended.is_(None))
        return (await self._session.execute(counted)).scalar_one()

    async def _put_findings(self, run_id: int, findings: Sequence[Finding]) -> None:
        for finding in findings:
            values = {
                "frame_id": finding.frame_id,
                "detail": finding.detail,
                "mended": finding.mended,
            }
            await self._session.execute(
                insert(FindingRow)
                .values(verification_id=run_id, kind=finding.kind, name=finding.name, **values)
                .on_conflict_do_update(
                    index_elements=["verification_id", "kind", "name"], set_=values
                )
            )


def _listed(run_id: int, window: Window) -> Select[FindingRow]:
    return (
        select(FindingRow)
        .where(FindingRow.verification_id == run_id)
        .order_by(FindingRow.mended.is_not(None), FindingRow.id)
        .limit(window.limit)
        .offset(window.offset)
    )


def _run(row: VerificationRow) -> Run:
    return Run(
        id=row.id,
        started_at=row.started_at,
        finished_at=row.finished_at,
        mends=row.mends,
        phase=Phase(row.phase),
        place=row.place,
        files_read=row.files_read,
        bytes_read=row.bytes_read,
    )


def _finding(row: FindingRow) -> Finding:
    return Finding(
        kind=FindingKind(row.kind),
        name=row.name,
        detail=row.detail,
        frame_id=row.frame_id,
        mended=row.mended,
    )
