"""Adds to the catalogue."""

from datetime import datetime

from app.db.engine import Transaction
from app.frames.models import FrameNotFoundError, ReceivedFile, Version
from app.frames.registration import NewVersion, Registered, Replacement
from app.frames.store import FrameWriter


class FrameRegistry:
    """Adds to the catalogue, within the transaction of whoever places the bytes.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: Transaction) -> None:
        self._writer = FrameWriter(session)

    async def reserve(self, basename: str, received: ReceivedFile) -> int | None:
        """Let nobody else file or announce this basename or these bytes until the end.

        Parameters
        ----------
        basename
            Of the frame to be filed.
        received
            The file as it came.

        Returns
        -------
        int or None
            The frame that was received with the same bytes before, or None.
        """
        await self._writer.lock(basename, received.sha256, received.md5)
        return await self._writer.find_received(received.sha256)

    async def lock_key(self, key: str) -> None:
        """Let nobody else store or remove a file under a key until the transaction ends.

        Parameters
        ----------
        key
            Of the store.
        """
        await self._writer.lock(key)

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

    async def find_kept(self, sha256: str) -> Version | None:
        """Find the version that was received with these bytes, or is stored in them.

        Parameters
        ----------
        sha256
            Of the bytes.

        Returns
        -------
        Version or None
            With a file, which may be missing or damaged; None where there is none.
        """
        return await self._writer.find_kept(sha256)

    async def mend_file(self, version_id: int, now: datetime) -> None:
        """Note that the stored file of a version is whole again.

        Parameters
        ----------
        version_id
            The version.
        now
            When, UTC.
        """
        await self._writer.mend_file(version_id, now)

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

    async def number_of(self, basename: str, md5: str) -> int:
        """Tell which version bytes are that were announced, or which one they will be.

        Parameters
        ----------
        basename
            Of the frame; where the bytes were announced, those of that frame are counted.
        md5
            Of the bytes as received.

        Returns
        -------
        int
            1 for the first version.
        """
        return await self._writer.number_of(basename, md5)

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

    async def version(self, version_id: int, *, lock: bool = False) -> Version:
        """Get a version.

        Parameters
        ----------
        version_id
            Its number.
        lock
            Whether nobody else may change or delete it until the transaction ends.

        Returns
        -------
        Version
            As stored now.

        Raises
        ------
        FrameNotFoundError
            If it is gone.
        """
        found = await self._writer.find_version(version_id, lock=lock)
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
