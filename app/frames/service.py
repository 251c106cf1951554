"""What can be asked of the catalogue, and how it is added to."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.identity import SYSTEM, Caller
from app.core.paging import Page
from app.db.engine import Sessions, bound_statements, transaction
from app.frames.models import Facets, Frame, FrameNotFoundError, FrameQuery, HeaderOfHdu, Version
from app.frames.places import Place, Stretch
from app.frames.store import FrameReader, Sight, narrowed
from app.settings import InternalFrames


class FrameService:
    """Search and detail, each for a caller who sees only what he may.

    Parameters
    ----------
    sessions
        Of the process.
    clock
        Decides what is public now.
    internal
        Who sees frames without a proposal and a public date.
    """

    def __init__(self, sessions: Sessions, clock: Clock, internal: InternalFrames) -> None:
        self._sessions = sessions
        self._clock = clock
        self._internal = internal

    async def search(self, query: FrameQuery, caller: Caller) -> Page[Frame]:
        """Find frames.

        Parameters
        ----------
        query
            What is wanted, in which order, which part of it.
        caller
            Who asks.

        Returns
        -------
        Page
            The frames of the query's window, and the exact number of matches.

        Raises
        ------
        UnknownColumnError
            If frames cannot be ordered as asked.
        """
        async with transaction(self._sessions) as session:
            reader = self._reader(session, caller)
            narrow = await narrowed(session, query)
            items = await reader.list(narrow) if query.window.limit else ()
            return Page(count=await reader.count(narrow), items=items)

    async def stretch(self, query: FrameQuery, caller: Caller, place: Place | None) -> Stretch:
        """Find frames from a place on: pages that stay joined while frames arrive.

        Parameters
        ----------
        query
            What is wanted, in which order, and how many; its offset does not matter.
        caller
            Who asks.
        place
            Where to go on, from the stretch before; None: at the beginning.

        Returns
        -------
        Stretch
            Frames, and the places from which the list goes on.

        Raises
        ------
        UnknownColumnError
            If frames cannot be ordered as asked.
        InvalidPlaceError
            If the place is of another order.
        """
        async with transaction(self._sessions) as session:
            narrow = await narrowed(session, query)
            return await self._reader(session, caller).list_beyond(narrow, place)

    async def facets(
        self, query: FrameQuery, caller: Caller, *, statement_s: float | None = None
    ) -> Facets:
        """List the distinct values within a selection.

        Parameters
        ----------
        query
            The selection; order and window do not matter.
        caller
            Who asks.
        statement_s
            How long the database may search for the values of one list [s]; None: for ever.

        Returns
        -------
        Facets
            Sorted values.

        Raises
        ------
        UnavailableError
            If the database took longer.
        """
        async with transaction(self._sessions) as session:
            if statement_s is not None:
                await bound_statements(session, statement_s)
            narrow = await narrowed(session, query)
            return await self._reader(session, caller).facets(narrow)

    async def get(self, frame_id: int, caller: Caller) -> Frame:
        """Get one frame.

        Parameters
        ----------
        frame_id
            Its number.
        caller
            Who asks.

        Returns
        -------
        Frame
            With versions and relations.

        Raises
        ------
        FrameNotFoundError
            If the caller sees no such frame.
        """
        async with transaction(self._sessions) as session:
            return await self._reader(session, caller).get(frame_id)

    async def get_any(self, frame_id: int, caller: Caller) -> Frame:
        """Get one frame, also one of which only the name is known.

        Parameters
        ----------
        frame_id
            Its number.
        caller
            Who asks.

        Returns
        -------
        Frame
            With versions and relations.

        Raises
        ------
        FrameNotFoundError
            If the caller sees no such frame.
        """
        async with transaction(self._sessions) as session:
            found = await self._reader(session, caller).list_among([frame_id])
        if not found:
            raise FrameNotFoundError(f"there is no frame {frame_id}")
        return found[0]

    async def get_by_name(self, basename: str, caller: Caller) -> Frame:
        """Get one frame by its name.

        Parameters
        ----------
        basename
            Exactly.
        caller
            Who asks.

        Returns
        -------
        Frame
            With versions and relations.

        Raises
        ------
        FrameNotFoundError
            If the caller sees no such frame.
        """
        async with transaction(self._sessions) as session:
            return await self._reader(session, caller).get_by_name(basename)

    async def hides(self, basename: str, caller: Caller) -> bool:
        """Tell whether a name belongs to a frame that the caller may not see.

        Parameters
        ----------
        basename
            Exactly.
        caller
            Who asks.

        Returns
        -------
        bool
            False also where there is no such frame.
        """
        async with transaction(self._sessions) as session:
            return await self._reader(session, caller).hides(basename)

    async def related(self, frame_id: int, caller: Caller) -> tuple[Frame, ...]:
        """List the frames that a frame names or that name it (ARC-11).

        Parameters
        ----------
        frame_id
            The frame's number.
        caller
            Who asks.

        Returns
        -------
        tuple of Frame
            Those that the caller sees, by id; also such as are known by name only.

        Raises
        ------
        FrameNotFoundError
            If the caller does not see the frame itself.
        """
        async with transaction(self._sessions) as session:
            reader = self._reader(session, caller)
            return await reader.list_among((await reader.get(frame_id)).related)

    async def named(self, frame_id: int, caller: Caller) -> tuple[Frame, ...]:
        """List the frames that a frame names in its header, and not those that name it.

        Parameters
        ----------
        frame_id
            The frame's number.
        caller
            Who asks.

        Returns
        -------
        tuple of Frame
            Those that the caller sees, by id; also such as are known by name only.

        Raises
        ------
        FrameNotFoundError
            If the caller does not see the frame itself.
        """
        async with transaction(self._sessions) as session:
            reader = self._reader(session, caller)
            return await reader.list_among((await reader.get(frame_id)).named)

    async def headers(self, version: Version) -> tuple[HeaderOfHdu, ...]:
        """List the header cards of a version that the caller was allowed to get.

        Parameters
        ----------
        version
            Of a frame that `get` returned.

        Returns
        -------
        tuple of HeaderOfHdu
            Every HDU.
        """
        async with transaction(self._sessions) as session:
            reader = FrameReader(session, self._sight(SYSTEM))
            return await reader.list_headers(version.id)

    async def posted_header(self, frame_id: int) -> tuple[HeaderOfHdu, ...]:
        """List the header cards of a frame without versions that the caller was allowed to get.

        Parameters
        ----------
        frame_id
            Of a frame that `get` returned.

        Returns
        -------
        tuple of HeaderOfHdu
            One HDU, as a client posted it (ARC-70); none where none did.
        """
        async with transaction(self._sessions) as session:
            reader = FrameReader(session, self._sight(SYSTEM))
            return await reader.list_posted_header(frame_id)

    def _sight(self, caller: Caller) -> Sight:
        return Sight(caller=caller, now=self._clock(), internal=self._internal)

    def _reader(self, session: AsyncSession, caller: Caller) -> FrameReader:
        return FrameReader(session, self._sight(caller))
