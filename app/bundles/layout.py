"""Where every byte of a zip archive lies, before any of its files is read.

Members are stored, not deflated: FITS files are packed already, or are served as they are. With
size and CRC-32 known beforehand the archive has an exact length, needs no data descriptors, and
any range of it can be served. The same members always give the same bytes.

Source of the structures: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
"""

import struct
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate, chain
from typing import Final, NamedTuple

from app.core.errors import InvalidError
from app.fits.safe_names import MAX_PATH_BYTES, basename_of, is_printable

_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_CENTRAL_HEADER: Final = struct.Struct("<4s6H3L5H2L")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_END: Final = struct.Struct("<4s4H2LH")
_TIME_EXTRA: Final = struct.Struct("<2HBl")

_ZIP64_EXTRA_ID: Final = 0x0001
_TIME_EXTRA_ID: Final = 0x5455
_FULL_16: Final = 0xFFFF
_FULL_32: Final = 0xFFFFFFFF
_VERSION_PLAIN: Final = 20
_VERSION_64: Final = 45
_MADE_ON_UNIX: Final = 3 << 8
_FLAG_UTF8: Final = 1 << 11
_STORED: Final = 0
_MODE: Final = 0o100644 << 16
_DOS_MIN: Final = datetime(1980, 1, 1, tzinfo=UTC)
_DOS_MAX: Final = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)
_UNIX_32_MAX: Final = datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)


class UnsafeMemberError(InvalidError):
    """A member that must not or cannot be put into an archive."""

    title = "Unsafe archive member"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive.

    Attributes
    ----------
    name
        Relative path inside, slashes between directories.
    size_bytes
        Size of the file [byte].
    crc32
        CRC-32 of its bytes, as of ISO 3309, 0 to 2**32 - 1.
    modified
        Time of the last change, aware; times before 1980 are written as 1980, those after 2107
        as 2107.
    """

    name: str
    size_bytes: int
    crc32: int
    modified: datetime


class FileSlice(NamedTuple):
    """Bytes that come from a member's file.

    Attributes
    ----------
    member
        Index of the member, from 0.
    offset_bytes
        Where in its file to begin [byte].
    length_bytes
        How many bytes, at least 1 [byte].
    """

    member: int
    offset_bytes: int
    length_bytes: int


@dataclass(frozen=True, slots=True)
class ZipLayout:
    """The plan of an archive.

    Attributes
    ----------
    members
        The files, in order.
    size_bytes
        Exact size of the archive [byte].
    """

    members: tuple[Member, ...]
    size_bytes: int
    _starts: tuple[int, ...] = field(repr=False)
    _tail: bytes = field(repr=False)

    def segments(self, start: int = 0, stop: int | None = None) -> Iterator[bytes | FileSlice]:
        """Give the archive, or a range of it, piece by piece.

        Parameters
        ----------
        start
            First byte [byte].
        stop
            The byte after the last one [byte]; None is the end of the archive.

        Returns
        -------
        Iterator[bytes | FileSlice]
            Structure bytes as they are, and slices of files; none of them empty.

        Raises
        ------
        InvalidError
            If the range does not lie within the archive.
        """
        end = self.size_bytes if stop is None else stop
        if not 0 <= start <= end <= self.size_bytes:
            raise InvalidError(
                f"bytes {start} to {end} are not within the archive of {self.size_bytes} bytes"
            )
        return self._pieces(start, end)

    def _pieces(self, start: int, end: int) -> Iterator[bytes | FileSlice]:
        """Cut what each member and the tail contribute."""
        if start == end:
            return
        for index in range(max(bisect_right(self._starts, start) - 1, 0), len(self.members)):
            at = self._starts[index]
            if at >= end:
                return
            yield from self._member(index, max(start - at, 0), end - at)
        tail_at = self.size_bytes - len(self._tail)
        tail = self._tail[max(start - tail_at, 0) : max(end - tail_at, 0)]
        if tail:
            yield tail

    def _member(self, index: int, start: int, end: int) -> Iterator[bytes | FileSlice]:
        """Cut the header and the file of one member; the range counts from its header."""
        member = self.members[index]
        header = _local_header(member)
        if start < len(header):
            yield header[start:end]
        first = max(start - len(header), 0)
        last = min(end - len(header), member.size_bytes)
        if first < last:
            yield FileSlice(index, first, last - first)


def plan_zip(members: Sequence[Member]) -> ZipLayout:
    """Lay an archive out.

    Parameters
    ----------
    members
        The files, in the order in which they are stored.

    Returns
    -------
    ZipLayout
        The exact bytes of the archive, except those of the files.

    Raises
    ------
    UnsafeMemberError
        If a name occurs twice or would be extracted outside the target directory, or if size or
        CRC-32 cannot be.
    """
    for member in members:
        _check_member(member)
    for name, times in Counter(member.name for member in members).most_common(1):
        if times > 1:
            raise UnsafeMemberError(f"the name {name!r} occurs {times} times in the archive")
    sizes = (len(_local_header(member)) + member.size_bytes for member in members)
    *starts, central_at = accumulate(chain([0], sizes))
    tail = _tail(members, starts, central_at)
    return ZipLayout(tuple(members), central_at + len(tail), tuple(starts), tail)


def unique_names(names: Sequence[str]) -> list[str]:
    """Tell files of the same name apart: ``a.fits.fz`` a second time is ``a_2.fits.fz``.

    Names that differ in case or Unicode form alone count as the same, since many file systems
    take them so. The first file of a name keeps it, and no new name is that of another file.

    Parameters
    ----------
    names
        Relative paths, slashes between directories.

    Returns
    -------
    list[str]
        As many names, in the same order, no two the same.
    """
    taken = {_folded(name) for name in names}
    seen: set[str] = set()
    numbers: Counter[str] = Counter()
    unique = []
    for name in names:
        folded = _folded(name)
        if folded in seen:
            unique.append(_numbered(name, folded, taken, numbers))
        else:
            unique.append(name)
        seen.add(folded)
    return unique


def _numbered(name: str, folded: str, taken: set[str], numbers: Counter[str]) -> str:
    """Find the next free number for a name, and take it."""
    directory, slash, file_name = name.rpartition("/")
    basename, extension = basename_of(file_name)
    while True:
        numbers[folded] += 1
        candidate = f"{directory}{slash}{basename}_{numbers[folded] + 1}{extension}"
        if _folded(candidate) not in taken:
            taken.add(_folded(candidate))
            return candidate


def _folded(name: str) -> str:
    """Reduce a name to what a file system without case and Unicode forms sees."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_member(member: Member) -> None:
    """Demand that a member can be stored and extracted safely.

    Raises
    ------
    UnsafeMemberError
        If it cannot.
    """
    fault = _name_fault(member.name)
    if fault is not None:
        raise UnsafeMemberError(
            f"the name {member.name[:200]!r} is not safe in an archive: {fault}"
        )
    if not (0 <= member.size_bytes < 2**63 and 0 <= member.crc32 <= _FULL_32):
        raise UnsafeMemberError(
            f"{member.name!r} has size {member.size_bytes} and CRC-32 {member.crc32}: both must be"
            " known and fit their fields"
        )


def _name_fault(name: str) -> str | None:
    """Say why a name must not stand in an archive, or None."""
    components = name.split("/")
    if "" in components or "." in components or ".." in components:
        return "it must be relative, without empty components, '.' and '..'"
    if not all(map(is_printable, name)) or ":" in components[0]:
        return "it holds a control character, a backslash or a drive"
    if len(name.encode()) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    return None


def _dos_time(modified: datetime) -> tuple[int, int]:
    """Give time and date in MS-DOS form, UTC, resolution 2 s (section 4.4.6)."""
    at = min(max(modified.astimezone(UTC), _DOS_MIN), _DOS_MAX)
    time = at.hour << 11 | at.minute << 5 | at.second // 2
    return time, (at.year - 1980) << 9 | at.month << 5 | at.day


def _time_extra(modified: datetime) -> bytes:
    """Give the time as seconds since 1970, UTC, which MS-DOS times cannot say (section 4.6.1).

    Left out where it does not fit, before 1970 and after 2038.
    """
    at = modified.astimezone(UTC)
    if not datetime.fromtimestamp(0, UTC) <= at <= _UNIX_32_MAX:
        return b""
    return _TIME_EXTRA.pack(_TIME_EXTRA_ID, 5, 1, int(at.timestamp()))


def _zip64_extra(*values: int) -> bytes:
    """Give the field with the values that do not fit their 32 bits (section 4.5.3)."""
    if not values:
        return b""
    return struct.pack(f"<2H{len(values)}Q", _ZIP64_EXTRA_ID, 8 * len(values), *values)


def _local_header(member: Member) -> bytes:
    """Give the header in front of a file (section 4.3.7)."""
    large = member.size_bytes >= _FULL_32
    name = member.name.encode()
    sizes = (member.size_bytes, member.size_bytes) if large else ()
    extra = _zip64_extra(*sizes) + _time_extra(member.modified)
    size_field = _FULL_32 if large else member.size_bytes
    header = _LOCAL_HEADER.pack(
        b"PK\x03\x04",
        _VERSION_64 if large else _VERSION_PLAIN,
        _FLAG_UTF8,
        _STORED,
        *_dos_time(member.modified),
        member.crc32,
        size_field,
        size_field,
        len(name),
        len(extra),
    )
    return header + name + extra


def _central_header(member: Member, offset_bytes: int) -> bytes:
    """Give the entry of a file in the central directory (section 4.3.12)."""
    large = member.size_bytes >= _FULL_32
    far = offset_bytes >= _FULL_32
    name = member.name.encode()
    sizes = (member.size_bytes, member.size_bytes) if large else ()
    offsets = (offset_bytes,) if far else ()
    extra = _zip64_extra(*sizes, *offsets) + _time_extra(member.modified)
    version = _VERSION_64 if large or far else _VERSION_PLAIN
    size_field = _FULL_32 if large else member.size_bytes
    header = _CENTRAL_HEADER.pack(
        b"PK\x01\x02",
        _MADE_ON_UNIX | version,
        version,
        _FLAG_UTF8,
        _STORED,
        *_dos_time(member.modified),
        member.crc32,
        size_field,
        size_field,
        len(name),
        len(extra),
        0,  # no comment
        0,  # first disk
        0,  # binary
        _MODE,
        _FULL_32 if far else offset_bytes,
    )
    return header + name + extra


def _tail(members: Sequence[Member], starts: Sequence[int], central_at: int) -> bytes:
    """Give what follows the last file: the central directory and the records that end it."""
    central = b"".join(map(_central_header, members, starts))
    count, size_bytes = len(members), len(central)
    end_64 = b""
    if count >= _FULL_16 or size_bytes >= _FULL_32 or central_at >= _FULL_32:
        end_64 = _end_64(count, size_bytes, central_at)
    end = _END.pack(
        b"PK\x05\x06",
        0,
        0,
        min(count, _FULL_16),
        min(count, _FULL_16),
        min(size_bytes, _FULL_32),
        min(central_at, _FULL_32),
        0,
    )
    return central + end_64 + end


def _end_64(count: int, size_bytes: int, central_at: int) -> bytes:
    """Give the ZIP64 end record and its locator (sections 4.3.14 and 4.3.15)."""
    record = _END_64.pack(
        b"PK\x06\x06",
        _END_64.size - 12,  # without the leading 12 bytes
        _MADE_ON_UNIX | _VERSION_64,
        _VERSION_64,
        0,
        0,
        count,
        count,
        size_bytes,
        central_at,
    )
    return record + _LOCATOR_64.pack(b"PK\x06\x07", 0, central_at + size_bytes, 1)
