"""Checksums of files, each in one pass over the bytes."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from isal import isal_zlib

from app.core.faults import FaultPoint, reach
from app.storage.errors import NotAFileError, translated

BLOCK_BYTES = 1024 * 1024
"""How much is read at once [byte]."""


@dataclass(frozen=True)
class Digests:
    """Size and checksums of one file.

    Attributes
    ----------
    size_bytes
        Its size [byte].
    md5
        MD5 (RFC 1321), 32 lower-case hexadecimal digits.
    sha256
        SHA-256 (FIPS 180-4), 64 lower-case hexadecimal digits.
    crc32
        CRC-32 of zip and gzip (ISO 3309), unsigned.
    """

    size_bytes: int
    md5: str
    sha256: str
    crc32: int


class Digester:
    """Checksums of bytes that come in blocks."""

    def __init__(self) -> None:
        self._size_bytes = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._crc32 = 0

    def update(self, block: bytes | memoryview) -> None:
        """Take the next block.

        Parameters
        ----------
        block
            The bytes that follow those before.
        """
        self._size_bytes += len(block)
        self._md5.update(block)
        self._sha256.update(block)
        self._crc32 = isal_zlib.crc32(block, self._crc32)

    def digests(self) -> Digests:
        """Give the checksums of all blocks so far.

        Returns
        -------
        Digests
            Size and checksums.
        """
        return Digests(
            self._size_bytes, self._md5.hexdigest(), self._sha256.hexdigest(), self._crc32
        )


class DigestingWriter:
    """Writes a new file block by block and knows its checksums at the end.

    Used as a context manager. Unless `finish` was called, the file is removed on the way out. The
    calls block: run them in a thread.

    Parameters
    ----------
    target
        The file to make. It must not exist, its folder must.

    Raises
    ------
    OccupiedError
        If the file exists.
    MissingFileError
        If its folder does not exist.
    StorageUnavailableError
        If the disk refuses.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._digester = Digester()
        self._finished = False
        with translated(target.name):
            self._file = target.open("xb")

    def update(self, block: bytes | memoryview) -> None:
        """Write the next block.

        Parameters
        ----------
        block
            The bytes that follow those before.
        """
        with translated(self._target.name):
            self._file.write(block)
        reach(FaultPoint.WRITING)
        self._digester.update(block)

    def finish(self) -> Digests:
        """Make the file durable and close it.

        Returns
        -------
        Digests
            Size and checksums of what was written.
        """
        with translated(self._target.name):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self._finished = True
        return self._digester.digests()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._finished:
            return
        with translated(self._target.name):
            self._target.unlink(missing_ok=True)
            # Close flushes what is buffered: on a full disk it fails, after the file is gone.
            self._file.close()


@contextmanager
def open_source(source: Path) -> Iterator[BinaryIO]:
    """Open a file that somebody else put there, to read it.

    A link is not followed and a pipe does not block, even if the file was exchanged for one just
    now.

    Parameters
    ----------
    source
        The file.

    Yields
    ------
    BinaryIO
        The open file, unbuffered.

    Raises
    ------
    NotAFileError
        If it is not a regular file.
    """
    # Looked at twice: opening a device may have effects, and the name may change hands in between.
    if stat.S_ISREG(source.lstat().st_mode):
        with open(source, "rb", buffering=0, opener=_open) as file:  # no opener there
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                yield file
                return
    raise NotAFileError(f"{source.name!r} is not a regular file; give the file itself")


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def blocks(file: BinaryIO) -> Iterator[memoryview]:
    """Read a file to its end, into one buffer.

    Parameters
    ----------
    file
        An open file.

    Yields
    ------
    memoryview
        The next bytes, valid until the next step.
    """
    view = memoryview(bytearray(BLOCK_BYTES))
    while size_bytes := file.readinto(view):  # type: ignore[attr-defined]  # not in BinaryIO
        yield view[:size_bytes]


def digest_file(path: Path) -> Digests:
    """Read a file once and give its checksums. Blocks: run it in a thread or a child process.

    Parameters
    ----------
    path
        A regular file.

    Returns
    -------
    Digests
        Size and checksums.
    """
    digester = Digester()
    with translated(path.name), open_source(path) as file:
        for block in blocks(file):
            digester.update(block)
    return digester.digests()


def copy_with_digests(source: Path, target: Path) -> Digests:
    """Copy a file durably and give the checksums of what was copied. Blocks like `digest_file`.

    Parameters
    ----------
    source
        A regular file.
    target
        The file to make; it must not exist. Nothing is left of it after an error.

    Returns
    -------
    Digests
        Size and checksums.
    """
    with (
        translated(source.name),
        open_source(source) as file,
        DigestingWriter(target) as writer,
    ):
        for block in blocks(file):
            writer.update(block)
        return writer.finish()
