"""Plan a zip of frames: everything that can fail, fails before the first byte."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from app.bundles.layout import Member, plan_zip, unique_names
from app.bundles.models import (
    Bundle,
    NothingSelectedError,
    TooManyFramesError,
    UnknownFramesError,
)
from app.core.identity import Caller
from app.core.paging import Window
from app.frames.models import Frame, FrameQuery, StoredFile, Version
from app.frames.service import FrameService
from app.storage.protocol import Store


class BundleService:
    """Plans zips.

    Parameters
    ----------
    frames
        The catalogue.
    store
        The archived bytes.
    limit
        Most frames in one zip.
    """

    def __init__(self, frames: FrameService, store: Store, *, limit: int) -> None:
        self._frames = frames
        self._store = store
        self._limit = limit

    async def of_frames(self, frame_ids: frozenset[int], caller: Caller, *, name: str) -> Bundle:
        """Plan a zip of named frames.

        Parameters
        ----------
        frame_ids
            Their numbers.
        caller
            Who asks.
        name
            Folder in the zip, and name of the zip without extension.

        Returns
        -------
        Bundle
            Newest versions, ordered by frame number.

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
        return await self._plan(page.items, name)

    async def of_query(self, query: FrameQuery, caller: Caller, *, name: str) -> Bundle:
        """Plan a zip of the frames that match a query, within its window.

        Parameters
        ----------
        query
            What is wanted.
        caller
            Who asks.
        name
            Folder in the zip, and name of the zip without extension.

        Returns
        -------
        Bundle
            Newest versions, in the query's order.

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
        return await self._plan(page.items, name)

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

    async def _plan(self, frames: Sequence[Frame], name: str) -> Bundle:
        current = [frame.current for frame in frames if frame.current is not None]
        files = [(each, each.stored) for each in current if each.stored is not None]
        if not files:
            raise NothingSelectedError("none of the frames has a file", field="frame_ids")
        return await asyncio.to_thread(self._laid_out, files, name)

    def _laid_out(self, files: Sequence[tuple[Version, StoredFile]], name: str) -> Bundle:
        """Find the files and lay the zip out; blocks for a second where they are ten thousand."""
        names = unique_names([f"{name}/{file.name}" for _, file in files])
        members = [
            Member(member, file.size_bytes, file.crc32, version.created_at)
            for member, (version, file) in zip(names, files, strict=True)
        ]
        return Bundle(
            name=f"{name}.zip",
            layout=plan_zip(members),
            files=tuple(self._store.path(file.key) for _, file in files),
            etag=_etag(members, files),
            modified_at=max(version.created_at for version, _ in files),
        )


def _etag(members: Sequence[Member], files: Sequence[tuple[Version, StoredFile]]) -> str:
    """Hash what determines every byte of the zip."""
    digest = hashlib.sha256()
    for member, (version, file) in zip(members, files, strict=True):
        digest.update(f"{member.name}\0{file.sha256}\0{version.created_at}\0".encode())
    return digest.hexdigest()[:32]
