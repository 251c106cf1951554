"""Adds what clients announce to the catalogue, and lists versions by their MD5."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

from app.core.paging import Page, Window
from app.db.engine import Sessions, Transaction, transaction
from app.frames.announced import (
    AnnouncedThumbnail,
    AnnouncedVersion,
    Announcement,
    Deposit,
    KnownVersionError,
    PutThumbnail,
    StoredThumbnail,
)
from app.frames.models import StoredFile, Version
from app.frames.store import AnnouncementWriter, FrameWriter
from app.frames.store.thumbnails import ThumbnailWriter
from app.frames.store.version_list import count_versions, list_versions, stream_versions


class AnnouncementRegistry:
    """Adds to the catalogue within the transaction of whoever looked for the bytes.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: Transaction) -> None:
        self._session = session
        self._writer = AnnouncementWriter(session)

    async def announce(self, announcement: Announcement, now: datetime) -> int:
        """Add a frame, or change what is known of it (ARC-71), and add its versions.

        Parameters
        ----------
        announcement
            What the client says, and what was found of its bytes.
        now
            When, UTC.

        Returns
        -------
        int
            Number of the frame.

        Raises
        ------
        KnownVersionError
            If one of the versions is in the archive already.
        """
        versions = [version for version, _ in announcement.versions]
        digests = sorted({each.md5 for each in versions} | {each.key for each in versions})
        await FrameWriter(self._session).lock(announcement.basename, *digests)
        await self.refuse_known(versions)
        return await self._writer.put(announcement, now)

    async def refuse_known(self, versions: Sequence[AnnouncedVersion]) -> None:
        """Refuse versions that are in the archive already.

        Parameters
        ----------
        versions
            That are announced.

        Raises
        ------
        KnownVersionError
            If there is one.
        """
        flaws = await self._writer.list_flaws(versions)
        if any(flaws):
            raise KnownVersionError(tuple(flaws))

    async def announce_thumbnail(
        self, thumbnail: AnnouncedThumbnail, frame: Announcement, now: datetime
    ) -> PutThumbnail:
        """Add a thumbnail, or replace the one of its basename; add its frame if that is not known.

        Parameters
        ----------
        thumbnail
            What the client says of the picture.
        frame
            What it says of the frame; counts only where no more than its name is known.
        now
            When, UTC.

        Returns
        -------
        PutThumbnail
            What became of it.
        """
        await FrameWriter(self._session).lock(frame.basename, thumbnail.basename)
        if await self._writer.is_name_only(frame.basename):
            frame_id = await self._writer.put(frame, now)
        else:
            frame_id = await self._writer.get_number(frame.basename)
        return await ThumbnailWriter(self._session).put(frame_id, thumbnail, now)

    async def attach(self, version_id: int, basename: str, deposit: Deposit, now: datetime) -> bool:
        """Let a version that was announced be stored in a file.

        Parameters
        ----------
        version_id
            The version.
        basename
            Of its frame.
        deposit
            The file.
        now
            When, UTC.

        Returns
        -------
        bool
            False where its bytes are here by now, or it is gone: the file is not needed.
        """
        await FrameWriter(self._session).lock(basename, deposit.received.md5)
        return await self._writer.attach(version_id, deposit, now)

    async def attach_thumbnail(
        self, thumbnail: StoredThumbnail, stored: StoredFile, now: datetime
    ) -> bool:
        """Let a thumbnail that was announced be stored in a file.

        Parameters
        ----------
        thumbnail
            The thumbnail, as it was when the file was looked for.
        stored
            The file.
        now
            When, UTC.

        Returns
        -------
        bool
            False where its bytes are here by now, or it is another picture, or gone.
        """
        await FrameWriter(self._session).lock(thumbnail.basename)
        return await ThumbnailWriter(self._session).attach(thumbnail, stored, now)

    async def knows_bytes(self, sha256: str) -> bool:
        """Tell whether bytes are here already, as a version, a picture, or packed since.

        Parameters
        ----------
        sha256
            Of the bytes.

        Returns
        -------
        bool
            False for bytes that nobody knows.
        """
        return await self._writer.knows_bytes(sha256)


class VersionService:
    """Lists the versions of all frames, whoever may see those.

    Parameters
    ----------
    sessions
        Of the process.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def search(
        self, window: Window, *, md5: str | None = None, version_id: int | None = None
    ) -> Page[Version]:
        """Find versions (ARC-74); what was committed a moment ago is seen.

        Parameters
        ----------
        window
            Which part of the list is wanted.
        md5
            Of the bytes as announced, received or stored, lower case; None: any.
        version_id
            Number of the version; None: any.

        Returns
        -------
        Page
            By number, with the exact count.
        """
        async with transaction(self._sessions) as session:
            return Page(
                count=await count_versions(session, md5, version_id),
                items=await list_versions(session, window, md5, version_id),
            )

    async def stream(
        self, window: Window, *, md5: str | None = None
    ) -> AsyncGenerator[tuple[Version, ...], None]:
        """Go through versions in constant memory, as they were at the beginning.

        Parameters
        ----------
        window, md5
            As of `search`.

        Yields
        ------
        tuple of Version
            The next ones. Close the iterator: it holds a connection.
        """
        async with (
            transaction(self._sessions) as session,
            aclosing(stream_versions(session, window, md5)) as batches,
        ):
            async for versions in batches:
                yield versions
