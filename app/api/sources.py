"""Where the bytes of a download come from: a stored file, or a bundle of them.

Methods block and are called in a thread. A source is opened before the first byte is sent; what
goes wrong after that can only break the connection, so that a client never takes wrong bytes for
right ones.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Protocol

from app.api.conditional import Span
from app.bundles.layout import FileSlice, ZipLayout
from app.core.errors import ArchiveError, UnavailableError
from app.storage.errors import translated

CHUNK_BYTES = 1024**2
"""How much is read and sent at once [byte]."""


class BrokenStreamError(UnavailableError):
    """Stored bytes are not what the catalogue says, or cannot be read to their end."""

    title = "Download failed"


class Source(Protocol):
    """Bytes that can be read in pieces."""

    def open(self) -> None:
        """Get ready to read.

        Raises
        ------
        ArchiveError
            If there is nothing to read, or not what was planned.
        """

    def read(self, span: Span) -> Iterator[bytes]:
        """Read a piece.

        Parameters
        ----------
        span
            The piece.

        Yields
        ------
        bytes
            Its next part.

        Raises
        ------
        BrokenStreamError
            If a byte of it cannot be read.
        """

    def close(self) -> None:
        """Let go of what is open; no-op if nothing is."""


class FileSource:
    """One stored file; see `Source`.

    Parameters
    ----------
    path
        The file.
    name
        What it is called in messages.
    size_bytes
        Its length by the catalogue [byte].
    """

    def __init__(self, path: Path, name: str, size_bytes: int) -> None:
        self._path = path
        self._name = name
        self._size_bytes = size_bytes
        self._opened = ExitStack()
        self._descriptor = -1

    def open(self) -> None:
        """Open the file and compare its length with the catalogue's.

        Raises
        ------
        MissingFileError
            If it is not there.
        BrokenStreamError
            If it has another length.
        StorageUnavailableError
            If the disk refuses.
        """
        with translated(self._name):
            file = self._opened.enter_context(self._path.open("rb", buffering=0))
            self._descriptor = file.fileno()
            found_bytes = os.fstat(self._descriptor).st_size
        if found_bytes != self._size_bytes:
            raise BrokenStreamError(
                f"the stored file {self._name!r} has {found_bytes} bytes where the catalogue says"
                f" {self._size_bytes}; try again, or tell the archive's operator"
            )

    def read(self, span: Span) -> Iterator[bytes]:
        """Read a piece, chunk by chunk; see `Source.read`."""
        offset = span.start
        while offset < span.stop:
            chunk = self._chunk(min(CHUNK_BYTES, span.stop - offset), offset)
            yield chunk
            offset += len(chunk)

    def _chunk(self, size_bytes: int, offset: int) -> bytes:
        """Read once.

        Raises
        ------
        BrokenStreamError
            If nothing comes.
        """
        try:
            chunk = os.pread(self._descriptor, size_bytes, offset)
        except OSError as error:
            raise BrokenStreamError(f"{self._name!r} failed at byte {offset}: {error}") from error
        if not chunk:
            raise BrokenStreamError(f"the stored file {self._name!r} ends at byte {offset}")
        return chunk

    def close(self) -> None:
        """Close the file."""
        self._opened.close()


class BundleSource:
    """A zip archive that exists only as its layout and its members; see `Source`.

    One member is open at a time.

    Parameters
    ----------
    layout
        Where every byte lies.
    open_member
        Opens the file of a member, by its index in the layout.
    """

    def __init__(self, layout: ZipLayout, open_member: Callable[[int], BinaryIO]) -> None:
        self._layout = layout
        self._open_member = open_member
        self._opened = ExitStack()

    def open(self) -> None:
        """Do nothing: members are opened in their turn."""

    def read(self, span: Span) -> Iterator[bytes]:
        """Read a piece, member by member; see `Source.read`."""
        for segment in self._layout.segments(span.start, span.stop):
            if isinstance(segment, FileSlice):
                yield from self._member(segment)
            else:
                yield segment

    def _member(self, wanted: FileSlice) -> Iterator[bytes]:
        """Read a piece of a member.

        Raises
        ------
        BrokenStreamError
            If it is gone, has another length than planned, or cannot be read.
        """
        member = self._layout.members[wanted.member]
        try:
            file = self._opened.enter_context(self._open_member(wanted.member))
            if file.seek(0, os.SEEK_END) != member.size_bytes:
                raise BrokenStreamError(f"{member.name!r} has no longer {member.size_bytes} bytes")
            file.seek(wanted.offset_bytes)
            yield from _read(file, wanted.length_bytes)
        except (OSError, EOFError, ArchiveError) as error:
            raise BrokenStreamError(f"{member.name!r} cannot be read on: {error}") from error
        finally:
            self._opened.close()

    def close(self) -> None:
        """Close the member that is open."""
        self._opened.close()


def _read(file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    """Read so many bytes, chunk by chunk.

    Raises
    ------
    EOFError
        If there are not so many.
    """
    while size_bytes > 0:
        chunk = file.read(min(CHUNK_BYTES, size_bytes))
        if not chunk:
            raise EOFError(f"it ends {size_bytes} bytes early")
        yield chunk
        size_bytes -= len(chunk)
