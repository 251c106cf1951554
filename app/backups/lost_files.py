"""Stored files without a row, sorted into the frames that they belong to."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.backups.manifest import (
    ExtraLine,
    StoredLine,
    ThumbnailLine,
    VersionLine,
    encoded,
    parsed_line,
    read_lines,
)
from app.ingest.naming import PACKED_EXTENSION

_MARKED_STEM = re.compile(r"(.+)\.v([1-9][0-9]{0,8})")
_MARKED_REST = re.compile(r"\.v([1-9][0-9]{0,8})(\..*)")
_TABLE = "CREATE TABLE lines (key TEXT PRIMARY KEY, packed TEXT, raw BLOB) WITHOUT ROWID"

Cut = Callable[[str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LostFile:
    """A stored file without a row.

    Attributes
    ----------
    key
        Where it lies.
    basename, extension
        Of the frame that it belongs to, by the manifest or by its name.
    number
        Which version of the frame its name says that it is.
    line
        What the manifest says of it; None for nothing.
    """

    key: str
    basename: str
    extension: str
    number: int
    line: StoredLine | None = None


class KnownLines:
    """The lines of a manifest, found by the key of the file or of its packed form.

    Parameters
    ----------
    connection
        Of a database that is thrown away afterwards.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.greatest_number = 0
        self.greatest_of = {"frame_versions": 0, "stored_thumbnails": 0}

    def read(self, manifest: Path) -> None:
        """Take all lines of a manifest. Blocks.

        Parameters
        ----------
        manifest
            Where to read; of two lines of one key, the later one counts.
        """
        with self._connection:
            for line in read_lines(manifest):
                if isinstance(line, ExtraLine):
                    continue
                self.greatest_number = max(self.greatest_number, line.file_id, line.frame_id)
                packed = None
                self._count(line)
                if isinstance(line, VersionLine):
                    packed = line.key.removesuffix(line.extension) + PACKED_EXTENSION
                self._connection.execute(
                    "INSERT OR REPLACE INTO lines VALUES (?, ?, ?)",
                    (line.key, packed, encoded(line)),
                )
            self._connection.execute("CREATE INDEX packed_forms ON lines (packed)")

    def _count(self, line: StoredLine) -> None:
        if isinstance(line, VersionLine):
            table, number = "frame_versions", line.version_id
        else:
            table, number = "stored_thumbnails", line.thumbnail_id
        self.greatest_of[table] = max(self.greatest_of[table], number)

    def find(self, key: str) -> StoredLine | None:
        """Find what a manifest says of a file.

        Parameters
        ----------
        key
            Where the file lies.

        Returns
        -------
        VersionLine or ThumbnailLine or None
            None where it says nothing of it.
        """
        found = self._connection.execute(
            "SELECT raw FROM lines WHERE key = ? OR packed = ? ORDER BY key = ? DESC LIMIT 1",
            (key, key, key),
        ).fetchone()
        return None if found is None else parsed_line(found[0])


@contextmanager
def no_lines() -> Iterator[KnownLines]:
    """Make a place for lines, on the disk, since there may be many millions.

    Yields
    ------
    KnownLines
        Empty; gone afterwards.
    """
    with closing(
        sqlite3.connect("", check_same_thread=False)
    ) as connection:  # "": a temporary file
        connection.execute(_TABLE)
        yield KnownLines(connection)


def lost_files(keys: Iterable[str], lines: KnownLines, cut: Cut) -> list[LostFile]:
    """Tell what files are, by a manifest or by their names. Blocks.

    Parameters
    ----------
    keys
        Of files without a row.
    lines
        What a manifest says.
    cut
        Splits a file name into basename and extension.

    Returns
    -------
    list of LostFile
        In the same order.
    """
    return [_file_of(key, lines.find(key), cut) for key in keys]


def named_files(keys: Iterable[str], cut: Cut) -> list[LostFile]:
    """Tell what files are by their names alone.

    Parameters
    ----------
    keys
        Of files.
    cut
        Splits a file name into basename and extension.

    Returns
    -------
    list of LostFile
        In the same order.
    """
    return [_file_of(key, None, cut) for key in keys]


def doubtful_names(files: Sequence[LostFile]) -> list[str]:
    """Tell of which frames only later versions were found, by their names.

    ``name.v2.fits`` is the second version of ``name`` where there is a ``name``; else it is a
    frame that is called so.

    Parameters
    ----------
    files
        All that were found.

    Returns
    -------
    list of str
        Basenames that may be frames of the catalogue, or no frames at all.
    """
    firsts = {file.basename for file in files if file.number == 1 or file.line is not None}
    return sorted({one.basename for one in files if _is_marked(one)} - firsts)


def frames_of(
    files: Sequence[LostFile], no_frames: AbstractSet[str], cut: Cut
) -> dict[str, list[LostFile]]:
    """Sort files into frames, the versions of each in order, thumbnails last.

    Parameters
    ----------
    files
        All that were found.
    no_frames
        Basenames that turned out to be no frames.
    cut
        Splits a file name into basename and extension.

    Returns
    -------
    dict
        Basename -> its files.
    """
    frames: dict[str, list[LostFile]] = defaultdict(list)
    for file in files:
        is_alone = _is_marked(file) and file.basename in no_frames
        settled = _as_named(file, cut) if is_alone else file
        frames[settled.basename].append(settled)
    for some in frames.values():
        some.sort(key=_place_of)
    return dict(frames)


def _is_marked(file: LostFile) -> bool:
    return file.line is None and file.number > 1


def _file_of(key: str, line: StoredLine | None, cut: Cut) -> LostFile:
    basename, number, extension = _split(PurePosixPath(key).name, cut)
    if line is None:
        return LostFile(key, basename, extension, number)
    if isinstance(line, VersionLine) and line.key != key:
        return LostFile(key, line.basename, PACKED_EXTENSION, number, line)
    return LostFile(key, line.basename, line.extension, number, line)


def _split(name: str, cut: Cut) -> tuple[str, int, str]:
    """Split the name of a stored file into basename, number of the version, and extension."""
    stem, rest = cut(name)
    if marked := _MARKED_REST.fullmatch(rest):
        return stem, int(marked[1]), marked[2]
    if marked := _MARKED_STEM.fullmatch(stem):
        return marked[1], int(marked[2]), rest
    return stem, 1, rest


def _as_named(file: LostFile, cut: Cut) -> LostFile:
    basename, extension = cut(PurePosixPath(file.key).name)
    return LostFile(file.key, basename, extension, 1)


def _place_of(file: LostFile) -> tuple[int, int, str]:
    """Order the versions of a frame: as the manifest numbers them, else as their names do."""
    match file.line:
        case VersionLine(version_id=version):
            return 0, version, file.key
        case ThumbnailLine(thumbnail_id=thumbnail):
            return 2, thumbnail, file.key
        case _:
            return 1, file.number, file.key
