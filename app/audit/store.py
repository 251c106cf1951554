"""The audit's SQL: lines are added and read, never changed."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditLine, AuditQuery
from app.core.identity import Caller
from app.core.paging import Page, Window
from app.db.tables import AuditLineRow

_STREAMED_AT_ONCE = 1000


class AuditStore:
    """Lines of the audit within one session.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, who: Caller, action: str, subject: str, reason: str | None, details: Mapping[str, Any]
    ) -> None:
        """Add a line."""
        values = {
            "who": who.username,
            "user_id": who.user_id,
            "action": action,
            "subject": subject,
            "reason": reason,
            "details": dict(details),
        }
        await self._session.execute(insert(AuditLineRow).values(**values))

    async def list(self, query: AuditQuery, caller: Caller, window: Window) -> Page[AuditLine]:
        """List lines that the caller may read, newest first."""
        wanted = tuple(_conditions(query, caller))
        counted = select(func.count()).select_from(AuditLineRow).where(*wanted)
        rows = (await self._session.execute(_listed(query, caller, window))).scalars()
        items = tuple(_line(row) for row in rows)
        return Page(count=(await self._session.execute(counted)).scalar_one(), items=items)

    async def stream(
        self, query: AuditQuery, caller: Caller, window: Window
    ) -> AsyncGenerator[tuple[AuditLine, ...], None]:
        """Go through lines that the caller may read, newest first, without holding them all."""
        selected = _listed(query, caller, window).execution_options(yield_per=_STREAMED_AT_ONCE)
        async for rows in (await self._session.stream_scalars(selected)).partitions():
            yield tuple(_line(row) for row in rows)


def _listed(query: AuditQuery, caller: Caller, window: Window) -> Select[AuditLineRow]:
    return (
        select(AuditLineRow)
        .where(*_conditions(query, caller))
        .order_by(AuditLineRow.id.desc())
        .limit(window.limit)
        .offset(window.offset)
    )


def _conditions(query: AuditQuery, caller: Caller) -> Iterator[ColumnElement[bool]]:
    if not caller.sees_everything:
        yield AuditLineRow.user_id == caller.user_id
    if query.subject is not None:
        yield AuditLineRow.subject.icontains(query.subject, autoescape=True)
    if query.who is not None:
        yield AuditLineRow.who == query.who
    if query.action is not None:
        yield AuditLineRow.action == query.action


def _line(row: AuditLineRow) -> AuditLine:
    return AuditLine(row.id, row.at, row.who, row.action, row.subject, row.reason, row.details)
