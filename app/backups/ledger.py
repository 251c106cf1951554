"""What lies in a backup folder and was read there once, so that no later backup reads it again."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.storage.errors import StorageUnavailableError

_TABLE = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    source_mtime_ns INTEGER
) WITHOUT ROWID
"""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the backup whose bytes are known.

    Attributes
    ----------
    path
        In the backup.
    size_bytes, sha256
        Of its bytes.
    source_mtime_ns
        When the file that it is a copy of was changed last [ns since 1970]; None for files of the
        archive, which never change.
    """

    path: str
    size_bytes: int
    sha256: str
    source_mtime_ns: int | None = None


class Ledger:
    """Remembers files of a backup folder. It may be lost: then everything is read once more.

    Parameters
    ----------
    connection
        Of the database in a file beside the backup.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, paths: Sequence[str]) -> dict[str, Entry]:
        """Find what is known of files.

        Parameters
        ----------
        paths
            In the backup.

        Returns
        -------
        dict
            Path -> what is known; without the unknown ones.
        """
        found: dict[str, Entry] = {}
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(
                f"SELECT path, size_bytes, sha256, source_mtime_ns FROM files WHERE path IN ({marks})",  # noqa: E501, S608  # question marks
                some,
            )
            found |= {row[0]: Entry(*row) for row in rows}
        return found

    def keep(self, entries: Sequence[Entry]) -> None:
        """Remember files, durably.

        Parameters
        ----------
        entries
            What is known of them now.
        """
        rows = [(one.path, one.size_bytes, one.sha256, one.source_mtime_ns) for one in entries]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)

    def forget(self, paths: Sequence[str]) -> None:
        """Forget files, so that the next backup brings them again.

        Parameters
        ----------
        paths
            In the backup.
        """
        with self._connection:
            self._connection.executemany(
                "DELETE FROM files WHERE path = ?", [(path,) for path in paths]
            )


@contextmanager
def opened_ledger(file: Path) -> Iterator[Ledger]:
    """Open a ledger; one that cannot be read is begun anew.

    Parameters
    ----------
    file
        Where it is.

    Yields
    ------
    Ledger
        To be used by one thread at a time.

    Raises
    ------
    StorageUnavailableError
        If the disk refuses.
    """
    connection = _connected(file)
    with contextlib.closing(connection):
        try:
            yield Ledger(connection)
        except sqlite3.Error as error:
            raise StorageUnavailableError(
                f"nothing more can be written to {file}: make room there, or see to its disk, then"
                " call the same command again"
            ) from error


def _connected(file: Path) -> sqlite3.Connection:
    for _ in range(2):
        connection = sqlite3.connect(file, check_same_thread=False)
        try:
            connection.execute(_TABLE)
            connection.execute("PRAGMA quick_check").fetchone()
        except sqlite3.DatabaseError:
            connection.close()
            file.unlink()
        else:
            return connection
    return sqlite3.connect(":memory:", check_same_thread=False)
