"""What wraps a file is told by its content, and read as a stream in bounded memory."""

import bz2
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip, isal_zlib

from app.core.errors import UnavailableError
from app.fits.errors import NotFitsError, UnreadableError
from app.fits.models import Container

START_BYTES = 512
"""Enough to know every format of `FOREIGN`; tar has its mark at byte 257."""

CHUNK_BYTES = 1 << 20

ISAL_ERROR: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]  # isal stubs

MAX_UNPACKED_BYTES = 64 << 30
"""A compressed file may unpack to this much [byte]: more takes minutes and is not a frame."""

FITS_START = re.compile(rb"SIMPLE *=", re.IGNORECASE)
HTML_START = re.compile(rb"\s*<(!doctype\s+html|html)", re.IGNORECASE)

UNPACK_FIRST = "is not supported; unpack it first"
FOREIGN = (
    (b"\x1f\x9d", f"the file is compressed by LZW (.Z), which {UNPACK_FIRST}"),
    (b"\x1f\xa0", f"the file is compressed by LZH (.Z), which {UNPACK_FIRST}"),
    (b"PK\x03\x04", f"the file is a zip archive, which {UNPACK_FIRST}"),
    (b"\xfd7zXZ\x00", f"the file is compressed by xz, which {UNPACK_FIRST}"),
    (b"\x28\xb5\x2f\xfd", f"the file is compressed by zstd, which {UNPACK_FIRST}"),
    (b"7z\xbc\xaf\x27\x1c", f"the file is a 7z archive, which {UNPACK_FIRST}"),
    (b"Rar!", f"the file is a rar archive, which {UNPACK_FIRST}"),
    (b"\x89HDF", "this is an HDF5 file, not a FITS file"),
    (b"#ASDF", "this is an ASDF file, not a FITS file"),
    (b"\x89PNG", "this is a PNG picture, not a FITS file"),
    (b"\xff\xd8\xff", "this is a JPEG picture, not a FITS file"),
    (b"II*\x00", "this is a TIFF picture, not a FITS file"),
    (b"MM\x00*", "this is a TIFF picture, not a FITS file"),
    (b"%PDF", "this is a PDF document, not a FITS file"),
    (b"<?xml", "this is an XML document, not a FITS file"),
)


class ByteSource:
    """Bytes of a FITS file in order, whatever wraps it.

    Parameters
    ----------
    file
        Where the unpacked bytes come from.
    size_bytes
        Size of a plain file [byte], over whose data is jumped; None for a stream.
    """

    def __init__(self, file: BinaryIO, size_bytes: int | None) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self._pushed = b""
        self._taken_bytes = 0

    def read(self, count: int) -> bytes:
        """Return the next bytes.

        Parameters
        ----------
        count
            How many [byte].

        Returns
        -------
        bytes
            Fewer than `count` only at the end.

        Raises
        ------
        UnreadableError
            If the compressed stream is damaged or unpacks to more than `MAX_UNPACKED_BYTES`.
        """
        pushed, self._pushed = self._pushed[:count], self._pushed[count:]
        return pushed + self._take(count - len(pushed))

    def unread(self, data: bytes) -> None:
        """Put bytes back, to be read again.

        Parameters
        ----------
        data
            The bytes that were read last.
        """
        self._pushed = data + self._pushed

    def skip(self, count: int, seen: Callable[[bytes], None] | None = None) -> int:
        """Pass over bytes without keeping them.

        Parameters
        ----------
        count
            How many [byte]; may be any lie of a header.
        seen
            Called with the bytes, piece by piece. None: a plain file need not be read for them.

        Returns
        -------
        int
            How many there were.

        Raises
        ------
        UnreadableError
            If the compressed stream is damaged or unpacks to more than `MAX_UNPACKED_BYTES`.
        """
        pushed = self.read(min(count, len(self._pushed)))
        passed = len(pushed)
        if seen is not None:
            seen(pushed)
        elif self._size_bytes is not None:
            step = min(count - passed, max(0, self._size_bytes - self._file.tell()))
            self._file.seek(step, 1)
            return passed + step
        while passed < count:
            chunk = self._take(min(CHUNK_BYTES, count - passed))
            if not chunk:
                break
            if seen is not None:
                seen(chunk)
            passed += len(chunk)
        return passed

    def drain(self) -> int:
        """Pass over all that is left; only the end of a gzip stream holds its checksum.

        Returns
        -------
        int
            How many bytes there were.

        Raises
        ------
        UnreadableError
            If the compressed stream is damaged or unpacks to more than `MAX_UNPACKED_BYTES`.
        """
        return self.skip(MAX_UNPACKED_BYTES if self._size_bytes is None else self._size_bytes)

    def _take(self, count: int) -> bytes:
        try:
            data = self._file.read(count)
        except (OSError, EOFError, ISAL_ERROR) as error:
            if self._size_bytes is not None:
                raise UnavailableError(f"the file could not be read: {error}") from error
            raise UnreadableError(
                f"the compressed file is damaged or cut off ({error}); its bytes cannot be trusted:"
                " send it again"
            ) from error
        self._taken_bytes += len(data)
        if self._size_bytes is None and self._taken_bytes > MAX_UNPACKED_BYTES:
            raise UnreadableError(
                f"the compressed file unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB;"
                " unpack it first"
            )
        return data


def container_of(start: bytes) -> Container:
    """Tell the wrapping from the first bytes of a file.

    Parameters
    ----------
    start
        The first `START_BYTES` of the file, or all of a shorter one.

    Returns
    -------
    Container
        How it is wrapped; what is inside is not looked at.

    Raises
    ------
    NotFitsError
        If it is neither FITS nor a supported wrapping; says what it is instead.
    """
    if start.startswith(b"\x1f\x8b"):
        return Container.GZIP
    if start.startswith(b"BZh"):
        return Container.BZIP2
    if FITS_START.match(start):
        return Container.PLAIN
    raise NotFitsError(_what_instead(start))


@contextmanager
def opened(path: Path) -> Iterator[tuple[Container, ByteSource]]:
    """Open a file at the first byte of its FITS content.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    tuple
        Its container, and its unpacked bytes.

    Raises
    ------
    NotFitsError
        If the file, or what is inside the wrapping, is not FITS.
    UnavailableError
        If it cannot be opened or read.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UnavailableError(f"the file could not be opened: {error.strerror}") from error
    with raw:
        container = container_of(raw.read(START_BYTES))
        raw.seek(0)
        with _unpacked(raw, container) as source:
            start = source.read(START_BYTES)
            source.unread(start)
            if container is not Container.PLAIN and not FITS_START.match(start):
                raise NotFitsError(f"{_what_instead(start)} (inside {container})")
            yield container, source


@contextmanager
def _unpacked(raw: BinaryIO, container: Container) -> Iterator[ByteSource]:
    """Unwrap a file; the source of a plain one can jump."""
    if container is Container.PLAIN:
        size_bytes = raw.seek(0, 2)
        raw.seek(0)
        yield ByteSource(raw, size_bytes)
        return
    unpack = igzip.open if container is Container.GZIP else bz2.open
    with unpack(raw, "rb") as file:
        yield ByteSource(cast("BinaryIO", file), None)


def _what_instead(start: bytes) -> str:
    """Say what a file is that does not begin as FITS."""
    if not start:
        return "the file is empty"
    if HTML_START.match(start):
        return "this is an HTML page, not a FITS file"
    if start[257:262] == b"ustar":
        return f"the file is a tar archive, which {UNPACK_FIRST}"
    for magic, sentence in FOREIGN:
        if start.startswith(magic):
            return sentence
    return f"this is not a FITS file: it begins with {start[:16]!r} instead of 'SIMPLE  ='"
