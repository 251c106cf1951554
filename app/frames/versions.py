"""Choose one of the stored states of a frame."""

from app.core.errors import NotFoundError
from app.frames.models import Frame, StoredFile, Version
from app.storage.errors import MissingFileError


class VersionNotFoundError(NotFoundError):
    """The frame has no such version, or no file at all."""

    title = "Version not found"


def choose_version(frame: Frame, key: str | None = None) -> Version:
    """Choose a version.

    Parameters
    ----------
    frame
        One that the caller sees.
    key
        Of a version; None for the newest.

    Returns
    -------
    Version
        Of this frame.

    Raises
    ------
    VersionNotFoundError
        If the frame has none of this key, or none at all.
    """
    for version in frame.versions:
        if key is None or version.key == key:
            return version
    if key is None:
        raise VersionNotFoundError(f"frame {frame.id} has no file")
    raise VersionNotFoundError(f"frame {frame.id} has no version {key[:40]!r}; see version_set")


def stored_file(version: Version) -> StoredFile:
    """Give the file that holds a version.

    Parameters
    ----------
    version
        Of a frame that the caller sees.

    Returns
    -------
    StoredFile
        In the store.

    Raises
    ------
    MissingFileError
        If the version was announced, and its bytes are not here.
    """
    if version.stored is None:
        raise MissingFileError(
            f"{version.name!r} was announced to this archive, and its bytes are not here",
            name=version.name,
        )
    return version.stored
