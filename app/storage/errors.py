"""What can go wrong with archived bytes, told without a path of the server."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import (
    ConflictError,
    FullError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE, errno.ENODEV}


class MissingFileError(NotFoundError):
    """There is no file of that name.

    Parameters
    ----------
    message
        What is missing.
    name
        The key in the archive, or the bare name of a file that was to be read.
    """

    title = "File missing"

    def __init__(self, message: str, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class OccupiedError(ConflictError):
    """A file of that name is stored already, and nothing is ever overwritten.

    Parameters
    ----------
    message
        What is occupied.
    key
        The key in the archive.
    """

    title = "Name taken"

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class InvalidKeyError(InvalidError):
    """A key cannot name a file inside the archive."""

    title = "Invalid storage key"


class NotAFileError(InvalidError):
    """Something that is not a regular file was to be read: a link, a folder, a pipe, a device."""

    title = "Not a file"


class StorageUnavailableError(UnavailableError):
    """The disk refuses: full, read-only, broken, away, or not permitted."""

    title = "Storage unavailable"


class StorageFullError(StorageUnavailableError, FullError):
    """A disk is full, or a quota is used up."""

    title = "Storage full"


def storage_error(error: OSError, what: str) -> StorageUnavailableError:
    """Tell of an error of the operating system as the archive's own.

    Parameters
    ----------
    error
        What the system said.
    what
        What was worked on: a key, a bare file name, or a volume.

    Returns
    -------
    StorageUnavailableError
        A `StorageFullError` where there is no room.
    """
    reason = os.strerror(error.errno) if error.errno else "unknown error"
    kind = StorageFullError if error.errno in _FULL else StorageUnavailableError
    return kind(f"the storage refused to work on {what}: {reason}; see to the disk, then try again")


def is_refusal(error: BaseException) -> bool:
    """Tell whether an error of the operating system says that a disk refuses, whatever was asked.

    Parameters
    ----------
    error
        Any error.

    Returns
    -------
    bool
        True where it is full, read-only, broken, away, or not permitted.
    """
    return isinstance(error, OSError) and error.errno in _FULL | _REFUSED


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn errors of the operating system, in the block that this guards, into the archive's own.

    Parameters
    ----------
    name
        The key, or the bare file name, that the message shall name.

    Raises
    ------
    MissingFileError
        If the file does not exist.
    OccupiedError
        If it exists and should not.
    InvalidKeyError
        If the name is too long for the file system.
    StorageUnavailableError
        If the system refuses for any other reason; a `StorageFullError` where there is no room.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise MissingFileError(f"there is no file {name!r}", name=name) from error
    except FileExistsError as error:
        raise OccupiedError(
            f"{name!r} is stored already; choose another name or add a version", key=name
        ) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InvalidKeyError(
                f"the name {name!r} is too long for the archive's file system"
            ) from error
        refused: StorageUnavailableError = storage_error(error, repr(name))
        raise refused from error
