"""Selects on the versions of all frames."""

from collections.abc import AsyncGenerator, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.paging import Window
from app.db.tables import FileRow, FrameVersionRow
from app.frames.models import Version
from app.frames.store.rows import VERSIONS, version_of

_STREAMED_AT_ONCE = 1000


async def count_versions(session: AsyncSession, md5: str | None, version_id: int | None) -> int:
    """Count the versions of an MD5, of a number, or all."""
    counted = select(func.count()).select_from(FrameVersionRow)
    if md5 is not None:
        counted = counted.outerjoin(FileRow, FileRow.id == FrameVersionRow.file_id)
    found = await session.execute(counted.where(*_conditions(md5, version_id)))
    return found.scalar_one()


async def list_versions(
    session: AsyncSession, window: Window, md5: str | None, version_id: int | None
) -> tuple[Version, ...]:
    """List the same, by number."""
    selected = _listed(window, md5, version_id)
    return tuple(version_of(*row) for row in await session.execute(selected))


async def stream_versions(
    session: AsyncSession, window: Window, md5: str | None
) -> AsyncGenerator[tuple[Version, ...], None]:
    """Go through the same without holding them all."""
    selected = _listed(window, md5, None).execution_options(yield_per=_STREAMED_AT_ONCE)
    async for rows in (await session.stream(selected)).partitions():
        yield tuple(version_of(*row) for row in rows)


def _listed(window: Window, md5: str | None, version_id: int | None) -> Select[Any]:
    return (
        VERSIONS.where(*_conditions(md5, version_id))
        .order_by(FrameVersionRow.id)
        .limit(window.limit)
        .offset(window.offset)
    )


def _conditions(md5: str | None, version_id: int | None) -> Iterator[ColumnElement[bool]]:
    if md5 is not None:
        yield or_(FrameVersionRow.received_md5 == md5, FileRow.md5 == md5)
    if version_id is not None:
        yield FrameVersionRow.id == version_id
