"""Selects on the catalogue, each narrowed to what the caller sees."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.db.tables import FrameHeaderRow, FrameLinkRow, FrameRow, FrameVersionRow
from app.frames.models import (
    Facets,
    Frame,
    FrameNotFoundError,
    FrameQuery,
    HeaderOfHdu,
    Version,
)
from app.frames.places import Place, Stretch
from app.frames.store.filters import among, conditions, ordering
from app.frames.store.keyset import beyond, stretch_of, turned
from app.frames.store.rows import (
    FRAMES,
    VERSIONS,
    facts_of,
    headers_of,
    version_of,
)
from app.frames.store.visibility import Sight

STREAMED_AT_ONCE = 500
"""Frames that are held while a long list is gone through."""

_Links = defaultdict[int, set[int]]

_NAMED = select(FrameLinkRow.frame_id, FrameRow.id, literal(0)).join(
    FrameRow, FrameRow.basename == FrameLinkRow.basename
)
"""Frames, and those that they name."""

_OTHER = aliased(FrameRow)
_NAMING = (
    select(_OTHER.id, FrameRow.id, literal(1))
    .join(FrameLinkRow, FrameLinkRow.basename == _OTHER.basename)
    .join(FrameRow, FrameRow.id == FrameLinkRow.frame_id)
)
"""Frames, and those that name them."""


class FrameReader:
    """Reads the catalogue within one session.

    Parameters
    ----------
    session
        An open one.
    sight
        What the caller sees.
    """

    def __init__(self, session: AsyncSession, sight: Sight) -> None:
        self._session = session
        self._sight = sight

    async def count(self, query: FrameQuery) -> int:
        """Count the matches, exactly."""
        counted = select(func.count()).select_from(FrameRow).where(*self._wanted(query))
        return (await self._session.execute(counted)).scalar_one()

    async def list(self, query: FrameQuery) -> tuple[Frame, ...]:
        """List the matches of the query's window, in its order."""
        return await self._complete(self._selected(query), brief=query.brief)

    async def stream(self, query: FrameQuery) -> AsyncGenerator[tuple[Frame, ...], None]:
        """Go through the matches of the query's window in its order, without holding them all."""
        selected = self._selected(query).execution_options(yield_per=STREAMED_AT_ONCE)
        result = await self._session.stream(selected)
        async for rows in result.partitions():
            yield await self._frames_of(rows, brief=query.brief)

    async def list_beyond(self, query: FrameQuery, place: Place | None) -> Stretch:
        """List the matches behind a place, or before it; None: from the beginning.

        Raises
        ------
        InvalidPlaceError
            If the place is none of the query's order.
        """
        keys = ordering(query.order)
        selected = FRAMES.where(*self._wanted(query))
        if place is not None:
            selected = selected.where(beyond(query, place))
            keys = turned(query) if place.backward else keys
        limit = query.window.limit
        found = await self._complete(selected.order_by(*keys).limit(limit + 1))
        return stretch_of(found[:limit], query, place, goes_on=len(found) > limit)

    async def get(self, frame_id: int) -> Frame:
        """Get a frame.

        Raises
        ------
        FrameNotFoundError
            If the caller sees none of this id, or nothing but its name is known.
        """
        return await self._get(FrameRow.id == frame_id, f"there is no frame {frame_id}")

    async def hides(self, basename: str) -> bool:
        """Tell whether a frame has a name, and a version, and is out of sight.

        Parameters
        ----------
        basename
            Exactly.

        Returns
        -------
        bool
            False also where there is no such frame.
        """
        hidden = FrameRow.has_versions, self._sight.sees().is_not(True)
        found = exists().where(FrameRow.basename == basename, *hidden)
        return bool(await self._session.scalar(select(found)))

    async def get_by_name(self, basename: str) -> Frame:
        """Get a frame by its exact basename.

        Raises
        ------
        FrameNotFoundError
            If the caller sees none of this name, or nothing but the name is known.
        """
        missing = f"there is no frame {basename[:80]!r}"
        return await self._get(FrameRow.basename == basename, missing)

    async def list_among(self, ids: Collection[int]) -> tuple[Frame, ...]:
        """List the visible ones of some frames, also where only the name is known, by id."""
        selected = FRAMES.where(among(FrameRow.id, ids), self._sight.sees()).order_by(FrameRow.id)
        return await self._complete(selected)

    async def list_headers(self, version_id: int) -> tuple[HeaderOfHdu, ...]:
        """List the header cards of every HDU of a version."""
        selected = select(FrameHeaderRow.hdus).where(FrameHeaderRow.version_id == version_id)
        return headers_of((await self._session.execute(selected)).scalar_one())

    async def list_posted_header(self, frame_id: int) -> tuple[HeaderOfHdu, ...]:
        """List the header cards that a client posted of a frame when it had no version."""
        selected = select(FrameRow.posted_header).where(FrameRow.id == frame_id)
        return headers_of((await self._session.execute(selected)).scalar_one_or_none() or [])

    async def facets(self, query: FrameQuery) -> Facets:
        """List the distinct values among the matches."""
        wanted = self._wanted(query)
        return Facets(
            sites=await self._distinct(FrameRow.site, wanted),
            telescopes=await self._distinct(FrameRow.telescope, wanted),
            instruments=await self._distinct(FrameRow.instrument, wanted),
            filters=await self._distinct(FrameRow.filter_name, wanted),
            observation_types=await self._distinct(FrameRow.observation_type, wanted),
            image_types=await self._distinct(FrameRow.image_type_raw, wanted),
            proposals=await self._distinct(FrameRow.proposal, wanted),
            binnings=await self._binnings(wanted),
        )

    async def _get(self, condition: ColumnElement[bool], missing: str) -> Frame:
        """Get the frame of a condition.

        Raises
        ------
        FrameNotFoundError
            If the caller sees none.
        """
        is_known = or_(FrameRow.has_versions.is_(True), FrameRow.observed_at.is_not(None))
        frames = await self._complete(FRAMES.where(condition, is_known, self._sight.sees()))
        if not frames:
            raise FrameNotFoundError(missing)
        return frames[0]

    def _selected(self, query: FrameQuery) -> Select[Any]:
        return (
            FRAMES.where(*self._wanted(query))
            .order_by(*ordering(query.order))
            .limit(query.window.limit)
            .offset(query.window.offset)
        )

    def _wanted(self, query: FrameQuery) -> Sequence[ColumnElement[bool]]:
        return [self._sight.selects(query.publicity), *conditions(query)]

    async def _distinct(
        self, column: InstrumentedAttribute[str | None], wanted: Sequence[ColumnElement[bool]]
    ) -> tuple[str, ...]:
        selected = select(column).where(*wanted, column.is_not(None)).distinct()
        return tuple(sorted(v for v in (await self._session.execute(selected)).scalars() if v))

    async def _binnings(self, wanted: Sequence[ColumnElement[bool]]) -> tuple[str, ...]:
        pair = (FrameRow.x_binning, FrameRow.y_binning)
        selected = select(*pair).where(*wanted).distinct()
        found = await self._session.execute(selected)
        pairs = sorted({(x or 1, y or 1) for x, y in found})
        return tuple(f"{x}x{y}" for x, y in pairs)

    async def _complete(self, selected: Select[Any], *, brief: bool = False) -> tuple[Frame, ...]:
        """Fetch frames together with their versions and relations, in three queries."""
        return await self._frames_of((await self._session.execute(selected)).all(), brief=brief)

    async def _frames_of(
        self, rows: Sequence[Row[Any]], *, brief: bool = False
    ) -> tuple[Frame, ...]:
        ids = [row.id for row in rows]
        versions = {} if brief else await self._versions(ids)
        named, naming = await self._links(ids, both_ways=not brief)
        return tuple(
            Frame(
                id=row.id,
                basename=row.basename,
                facts=facts_of(row),
                versions=tuple(versions.get(row.id, ())),
                related=tuple(sorted(named[row.id] | naming[row.id])),
                named=tuple(sorted(named[row.id])),
            )
            for row in rows
        )

    async def _versions(self, ids: Sequence[int]) -> dict[int, Sequence[Version]]:
        if not ids:
            return {}
        selected = VERSIONS.where(among(FrameVersionRow.frame_id, ids)).order_by(
            FrameVersionRow.id.desc()
        )
        found: dict[int, list[Version]] = defaultdict(list)
        for row, file in await self._session.execute(selected):
            found[row.frame_id].append(version_of(row, file))
        return dict(found)

    async def _links(self, ids: Sequence[int], *, both_ways: bool) -> tuple[_Links, _Links]:
        """Resolve links, among the frames that the caller sees: those named, and those naming."""
        found: tuple[_Links, _Links] = (defaultdict(set), defaultdict(set))
        if not ids:
            return found
        named = _NAMED.where(among(FrameLinkRow.frame_id, ids), self._sight.sees())
        naming = _NAMING.where(among(_OTHER.id, ids), self._sight.sees())
        wanted = union_all(named, naming) if both_ways else named
        for frame_id, other_id, way in await self._session.execute(wanted):
            if frame_id != other_id:
                found[way][frame_id].add(other_id)
        return found
