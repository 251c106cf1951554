"""Plan a zip of frames: everything that can fail, fails before the first byte."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from app.bundles.layout import Member, plan_zip, unique_names
from app.bundles.models import (
    Bundle,
    BundleFile,
    FileChoice,
    NothingSelectedError,
    NothingVisibleError,
    TooManyFramesError,
    UnknownFramesError,
)
from app.core.identity import Caller
from app.core.paging import Window
from app.frames.models import Frame, FrameQuery
from app.frames.service import FrameService
from app.frames.versions import sound
from app.storage.protocol import Store

WithBytes = Callable[[Frame], Awaitable[Frame]]


class BundleService:
    """Plans zips.

    Parameters
    ----------
    frames
        The catalogue.
    store
        The archived bytes.
    with_bytes
        Looks once more for bytes of a frame that were announced and are not here yet.
    limit
        Most frames in one zip.
    """

    def __init__(
        self, frames: FrameService, store: Store, *, with_bytes: WithBytes, limit: int
    ) -> None:
        self._frames = frames
        self._store = store
        self._with_bytes = with_bytes
        self._limit = limit

    async def of_frames(
        self,
        frame_ids: frozenset[int],
        caller: Caller,
        *,
        name: str,
        choose: FileChoice | None = None,
    ) -> Bundle:
        """Plan a zip of named frames.

        Parameters
        ----------
        frame_ids
            Their numbers.
        caller
            Who asks.
        name
            Folder in the zip, and name of the zip without extension.
        choose
            Chooses the files; None for the newest versions as they are stored.

        Returns
        -------
        Bundle
            Ordered by frame number.

        Raises
        ------
        NothingSelectedError
            If no frame is named.
        TooManyFramesError
            If there are too many.
        UnknownFramesError
            If the caller does not see one of them.
        MissingFileError
            If the bytes of one are gone.
        """
        self._check_count(len(frame_ids))
        query = FrameQuery(frame_ids=frame_ids, order=(), window=Window(limit=len(frame_ids)))
        page = await self._frames.search(query, caller)
        unknown = frame_ids - {frame.id for frame in page.items}
        if unknown:
            raise UnknownFramesError(unknown)
        return await self._plan(page.items, name, choose)

    async def of_visible(
        self,
        frame_ids: frozenset[int],
        caller: Caller,
        *,
        stem: str,
        choose: FileChoice | None = None,
    ) -> Bundle:
        """Plan a zip of those among some frames that the caller sees.

        Parameters
        ----------
        frame_ids
            Their numbers.
        caller
            Who asks.
        stem
            Name of the folder in the zip and of the zip, up to the number of files.
        choose
            Chooses the files; None for the newest versions as they are stored.

        Returns
        -------
        Bundle
            Ordered by frame number.

        Raises
        ------
        TooManyFramesError
            If there are too many.
        NothingVisibleError
            If the caller sees none that has a file.
        MissingFileError
            If the bytes of one are gone.
        """
        if frame_ids:
            self._check_count(len(frame_ids))
        query = FrameQuery(frame_ids=frame_ids, order=(), window=Window(limit=len(frame_ids)))
        page = await self._frames.search(query, caller)
        files = await self._files(page.items, choose)
        if not files:
            raise NothingVisibleError("none of these frames exists: see their numbers in the list")
        return await asyncio.to_thread(_laid_out, files, f"{stem}-{len(files)}")

    async def of_query(
        self,
        query: FrameQuery,
        caller: Caller,
        *,
        name: str,
        choose: FileChoice | None = None,
    ) -> Bundle:
        """Plan a zip of the frames that match a query, within its window.

        Parameters
        ----------
        query
            What is wanted.
        caller
            Who asks.
        name
            Folder in the zip, and name of the zip without extension.
        choose
            Chooses the files; None for the newest versions as they are stored.

        Returns
        -------
        Bundle
            In the query's order.

        Raises
        ------
        NothingSelectedError
            If nothing matches.
        TooManyFramesError
            If too many frames match.
        MissingFileError
            If the bytes of one are gone.
        """
        window = query.window
        matches = await self._frames.search(replace(query, window=Window(limit=0)), caller)
        count = min(max(matches.count - window.offset, 0), window.limit)
        self._check_count(count)
        window = replace(window, limit=count)
        page = await self._frames.search(replace(query, window=window), caller)
        return await self._plan(page.items, name, choose)

    def _check_count(self, count: int) -> None:
        """Refuse empty and oversized selections.

        Raises
        ------
        NothingSelectedError
            If there is nothing.
        TooManyFramesError
            If there is too much.
        """
        if count == 0:
            raise NothingSelectedError("no frames are selected", field="frame_ids")
        if count > self._limit:
            raise TooManyFramesError(
                f"{count} frames are selected, at most {self._limit} fit into one zip: ask for"
                " several",
                field="frame_ids",
            )

    async def _plan(self, frames: Sequence[Frame], name: str, choose: FileChoice | None) -> Bundle:
        files = await self._files(frames, choose)
        if not files:
            raise NothingSelectedError("none of the frames has a file", field="frame_ids")
        return await asyncio.to_thread(_laid_out, files, name)

    async def _files(
        self, frames: Sequence[Frame], choose: FileChoice | None
    ) -> Sequence[BundleFile]:
        frames = [await self._with_bytes(frame) for frame in frames]
        if choose is None:
            return await asyncio.to_thread(self._as_stored, frames)
        return await choose(frames)

    def _as_stored(self, frames: Sequence[Frame]) -> list[BundleFile]:
        """Find the stored files; blocks for a second where they are ten thousand."""
        current = [frame.current for frame in frames if frame.current is not None]
        here = [(version, version.stored) for version in current if version.stored is not None]
        return [
            BundleFile(
                name=stored.name,
                path=self._store.path(sound(stored).key),
                size_bytes=stored.size_bytes,
                crc32=stored.crc32,
                etag=stored.sha256,
                modified_at=version.created_at,
            )
            for version, stored in here
        ]


def _laid_out(files: Sequence[BundleFile], name: str) -> Bundle:
    """Lay the zip out."""
    names = unique_names([f"{name}/{file.name}" for file in files])
    members = [
        Member(member, file.size_bytes, file.crc32, file.modified_at)
        for member, file in zip(names, files, strict=True)
    ]
    return Bundle(
        name=f"{name}.zip",
        layout=plan_zip(members),
        files=tuple(file.path for file in files),
        etag=_etag(members, files),
        modified_at=max(file.modified_at for file in files),
    )


def _etag(members: Sequence[Member], files: Sequence[BundleFile]) -> str:
    """Hash what determines every byte of the zip."""
    digest = hashlib.sha256()
    for member, file in zip(members, files, strict=True):
        digest.update(f"{member.name}\0{file.etag}\0{file.modified_at}\0".encode())
    return digest.hexdigest()[:32]
