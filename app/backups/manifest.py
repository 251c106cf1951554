"""The manifest: every stored file of an archive, a line of JSON each, compressed by gzip.

The first line is a header, the last one says how many there are, so that a manifest that was cut
off is not taken for a whole one. Whoever reads a line trusts nothing in it.
"""

import gzip
import json
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, BinaryIO, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.backups.models import BrokenBackupError
from app.storage.errors import InvalidKeyError, translated
from app.storage.protocol import check_key

FORMAT: Final = 1
"""Version of the manifest's form."""

SECRETS: Final = ("secret-key", "admin-password")
"""Files beside the archive that hold secrets; see `app.settings`."""

_EXTRA_FOLDERS: Final = (("quarantine",), ("spool",), ("archive", ".trash"))
_LONGEST_LINE_BYTES: Final = 1_000_000
_HEX: Final = "^[0-9a-f]+$"


def check_extra(path: str) -> str:
    """Refuse the path of a file beside the archive that could lead elsewhere.

    Parameters
    ----------
    path
        Relative POSIX path in the backup.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        If it is none of those that a backup has.
    """
    parts = PurePosixPath(path).parts
    is_plain = "/".join(parts) == path and ".." not in parts
    is_text = not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in path)
    is_ours = any(parts[: len(top)] == top and len(parts) > len(top) for top in _EXTRA_FOLDERS)
    if is_plain and is_text and (is_ours or path in SECRETS):
        return path
    raise ValueError(f"{path[:200]!a} is no path of a backup")


def _checked_key(key: str) -> str:
    """Refuse a key that leaves the archive, in a way that pydantic knows.

    Raises
    ------
    ValueError
        If it does.
    """
    try:
        return check_key(key)
    except InvalidKeyError as error:
        raise ValueError(error.message) from error


Key = Annotated[str, AfterValidator(_checked_key)]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
Size = Annotated[int, Field(ge=0, le=2**63 - 1)]
Md5 = Annotated[str, Field(min_length=32, max_length=32, pattern=_HEX)]
Sha256 = Annotated[str, Field(min_length=64, max_length=64, pattern=_HEX)]
Name = Annotated[str, Field(min_length=1, max_length=1000)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Counts(_Line):
    """How many things an archive has.

    Attributes
    ----------
    frames, versions, thumbnails
        Rows of the catalogue; versions and thumbnails with bytes alone.
    size_bytes
        Of all their files [byte].
    """

    frames: Size
    versions: Size
    thumbnails: Size
    size_bytes: Size


class Header(_Line):
    """The first line.

    Attributes
    ----------
    format
        Version of the form.
    revision
        Of the database's schema.
    made_at
        When, UTC.
    counts
        Of the archive then.
    """

    kind: Literal["header"] = "header"
    format: int
    revision: str
    made_at: datetime
    counts: Counts


class _StoredLine(_Line):
    """A file of the archive, and the frame that it belongs to.

    Attributes
    ----------
    key, name, size_bytes, md5, sha256, crc32, content_type
        Of the stored file.
    file_id, frame_id
        Numbers of the file and of the frame.
    basename
        Of the frame.
    frame_created_at, created_at
        When the frame and the version came, UTC.
    proposal, public_at, is_internal, owner
        Who may see the frame, and the name of who sent it.
    """

    key: Key
    name: Name
    size_bytes: Size
    md5: Md5
    sha256: Sha256
    crc32: Size
    content_type: str
    file_id: Number
    frame_id: Number
    basename: Name
    frame_created_at: datetime
    created_at: datetime
    proposal: str | None
    public_at: datetime | None
    is_internal: bool
    owner: str | None
    extension: str


class VersionLine(_StoredLine):
    """A version of a frame.

    Attributes
    ----------
    version_id, version_key
        Number and unique key of the version.
    received_name, received_size_bytes, received_md5, received_sha256
        The file as it came.
    """

    kind: Literal["version"] = "version"
    version_id: Number
    version_key: Name
    received_name: Name
    received_size_bytes: Size
    received_md5: Md5
    received_sha256: Sha256


class ThumbnailLine(_StoredLine):
    """A picture of a frame that a client made.

    Attributes
    ----------
    thumbnail_id, thumbnail_size, thumbnail_basename, thumbnail_key, thumbnail_md5
        As announced.
    """

    kind: Literal["thumbnail"] = "thumbnail"
    thumbnail_id: Number
    thumbnail_size: str
    thumbnail_basename: Name
    thumbnail_key: Name
    thumbnail_md5: Md5


class ExtraLine(_Line):
    """A file beside the archive: of the quarantine, of the trash, or a secret.

    Attributes
    ----------
    path
        In the backup.
    size_bytes, sha256
        Of its bytes.
    """

    kind: Literal["extra"] = "extra"
    path: Annotated[str, AfterValidator(check_extra)]
    size_bytes: Size
    sha256: Sha256


class _End(_Line):
    """The last line: how many there are before it, the header left out."""

    kind: Literal["end"] = "end"
    lines: Size


StoredLine = VersionLine | ThumbnailLine
Line = StoredLine | ExtraLine

_LINES: TypeAdapter[Header | Line | _End] = TypeAdapter(
    Annotated[Header | VersionLine | ThumbnailLine | ExtraLine | _End, Field(discriminator="kind")]
)


def encoded(line: BaseModel) -> bytes:
    """Write a line: header, file or end.

    Returns
    -------
    bytes
        JSON, with its line end.
    """
    return line.model_dump_json().encode() + b"\n"


def end_line(lines: int) -> bytes:
    """Write the last line.

    Parameters
    ----------
    lines
        How many there are before it, the header left out.

    Returns
    -------
    bytes
        JSON, with its line end.
    """
    return encoded(_End(lines=lines))


@contextmanager
def new_manifest(file: Path) -> Iterator[BinaryIO]:
    """Open a manifest to be written.

    Parameters
    ----------
    file
        Where; it must not exist.

    Yields
    ------
    BinaryIO
        Takes encoded lines.
    """
    with translated(file.name), gzip.open(file, "xb", compresslevel=6) as stream:
        yield stream  # type: ignore[misc]  # GzipFile is one in all that counts


def read_header(file: Path) -> Header:
    """Read the first line of a manifest.

    Parameters
    ----------
    file
        The manifest.

    Returns
    -------
    Header
        Of a form that this program knows.

    Raises
    ------
    BrokenBackupError
        If it is no manifest, or one of another form.
    """
    with _decompressed(file) as stream:
        header = _parsed(stream.readline(_LONGEST_LINE_BYTES), 1)
    if not isinstance(header, Header):
        raise BrokenBackupError(f"{file.name} does not begin with the header of a manifest")
    if header.format != FORMAT:
        raise BrokenBackupError(
            f"{file.name} has the form {header.format}, and this Skyshelf knows {FORMAT}: use the"
            " Skyshelf that made it, or a newer one"
        )
    return header


def read_lines(file: Path) -> Iterator[Line]:
    """Read the files of a manifest one by one.

    Parameters
    ----------
    file
        The manifest.

    Yields
    ------
    Line
        A file; its paths are safe.

    Raises
    ------
    BrokenBackupError
        If the manifest is cut off, or a line is wrong.
    """
    read_header(file)
    with _decompressed(file) as stream:
        stream.readline(_LONGEST_LINE_BYTES)
        number = 1
        while raw := stream.readline(_LONGEST_LINE_BYTES):
            number += 1
            line = _parsed(raw, number)
            if isinstance(line, _End):
                is_end = not stream.read(1)  # reading on compares the checksum of gzip, too
                if is_end and line.lines == number - 2:
                    return
                break
            if not isinstance(line, Header):
                yield line
    raise BrokenBackupError(f"{file.name} is cut off: it ends after {number} lines")


def parsed_line(raw: bytes) -> StoredLine:
    """Read a line that was checked before.

    Parameters
    ----------
    raw
        As `encoded` wrote it.

    Returns
    -------
    VersionLine or ThumbnailLine
        The file.

    Raises
    ------
    BrokenBackupError
        If it is something else.
    """
    line = _parsed(raw, 0)
    if isinstance(line, VersionLine | ThumbnailLine):
        return line
    raise BrokenBackupError("a line is no file of the archive")


@contextmanager
def _decompressed(file: Path) -> Iterator[BinaryIO]:
    """Open a manifest to be read.

    Raises
    ------
    BrokenBackupError
        If it is not compressed as it should be.
    """
    try:
        with gzip.open(file, "rb") as stream:
            yield stream  # type: ignore[misc]  # GzipFile is one in all that counts
    except FileNotFoundError as error:
        raise BrokenBackupError(f"there is no manifest {file.name!r}") from error
    except (gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise BrokenBackupError(f"{file.name} is damaged: {error}") from error


def _parsed(raw: bytes, number: int) -> Header | Line | _End:
    """Read a line.

    Raises
    ------
    BrokenBackupError
        If it is wrong.
    """
    try:
        return _LINES.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenBackupError(
            f"line {number} of the manifest is wrong: {json.dumps(where)}: {first['msg']}"
        ) from None  # the rest of what pydantic says is for programmers
