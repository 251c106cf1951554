"""What can be asked of the catalogue, and how it is added to."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.identity import Caller
from app.core.paging import Page
from app.db.engine import Sessions, transaction
from app.frames.models import (
    Facets,
    Frame,
    FrameNotFoundError,
    FrameQuery,
    HeaderOfHdu,
    NewVersion,
    Registered,
    Replacement,
    Version,
)
from app.frames.store import FrameReader, FrameWriter, Sight
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
            items = await reader.list(query) if query.window.limit else ()
            return Page(count=await reader.count(query), items=items)

    async def facets(self, query: FrameQuery, caller: Caller) -> Facets:
        """List the distinct values within a selection.

        Parameters
        ----------
        query
            The selection; order and window do not matter.
        caller
            Who asks.

        Returns
        -------
        Facets
            Sorted values.
        """
        async with transaction(self._sessions) as session:
            return await self._reader(session, caller).facets(query)

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
            reader = FrameReader(session, self._sight(Caller(is_superuser=True)))
            return await reader.list_headers(version.id)

    def _sight(self, caller: Caller) -> Sight:
        return Sight(caller=caller, now=self._clock(), internal=self._internal)

    def _reader(self, session: AsyncSession, caller: Caller) -> FrameReader:
        return FrameReader(session, self._sight(caller))


class FrameRegistry:
    """Adds to the catalogue, within the transaction of whoever places the bytes.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._writer = FrameWriter(session)

    async def reserve(self, basename: str, sha256: str) -> int | None:
        """Let nobody else file this basename or these bytes until the transaction ends.

        Parameters
        ----------
        basename
            Of the frame to be filed.
        sha256
            Of the bytes as received.

        Returns
        -------
        int or None
            The frame that was received with the same bytes before, or None.
        """
        await self._writer.lock(basename, sha256)
        return await self._writer.find_received(sha256)

    async def find_received(self, sha256: str) -> int | None:
        """Find the frame that was received with these bytes.

        Parameters
        ----------
        sha256
            Of the bytes as received.

        Returns
        -------
        int or None
            Its number.
        """
        return await self._writer.find_received(sha256)

    async def find_number(self, basename: str) -> int | None:
        """Find the number of a frame, whoever may see it.

        Parameters
        ----------
        basename
            Of the frame.

        Returns
        -------
        int or None
            None where there is no such frame.
        """
        return await self._writer.find_number(basename)

    async def find_holder(self, number: int) -> str | None:
        """Find which frame or file has a number; both share one number space.

        Parameters
        ----------
        number
            Of a frame, or of a file.

        Returns
        -------
        str or None
            Its name; None where the number is free.
        """
        return await self._writer.find_holder(number)

    async def pass_over(self, number: int) -> None:
        """Give no number up to this one to a new frame or file, so that an import can use them.

        Parameters
        ----------
        number
            The greatest number that is wanted.
        """
        await self._writer.pass_over(number)

    async def count_versions(self, basename: str) -> int:
        """Count the versions that a frame has.

        Parameters
        ----------
        basename
            Of the frame.

        Returns
        -------
        int
            0 where there is no such frame.
        """
        return await self._writer.count_versions(basename)

    async def register(self, new: NewVersion, now: datetime) -> Registered:
        """Add a version, and its frame where it is the first.

        Parameters
        ----------
        new
            Bytes, facts and headers.
        now
            When, UTC.

        Returns
        -------
        Registered
            Numbers of frame and version.

        Raises
        ------
        ConflictError
            If bytes or path are in the archive already.
        """
        return await self._writer.add(new, now)

    async def version(self, version_id: int) -> Version:
        """Get a version.

        Parameters
        ----------
        version_id
            Its number.

        Returns
        -------
        Version
            As stored now.

        Raises
        ------
        FrameNotFoundError
            If it is gone.
        """
        found = await self._writer.find_version(version_id)
        if found is None:
            raise FrameNotFoundError(f"there is no version {version_id}")
        return found

    async def is_stored(self, key: str) -> bool:
        """Tell whether a version is stored under a key.

        Parameters
        ----------
        key
            Of the store.

        Returns
        -------
        bool
            False for bytes that nobody needs any more.
        """
        return await self._writer.is_stored(key)

    async def replace_file(self, version_id: int, new: Replacement, now: datetime) -> None:
        """Let a version be stored in another file; what was received stays known.

        Parameters
        ----------
        version_id
            The version.
        new
            The file that takes the place of the one so far.
        now
            When, UTC.
        """
        await self._writer.replace_file(version_id, new, now)
