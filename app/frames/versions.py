"""Choose one of the stored states of a frame."""

from app.core.errors import NotFoundError, UnavailableError
from app.frames.models import Frame, StoredFile, Version
from app.storage.errors import MissingFileError


class VersionNotFoundError(NotFoundError):
    """The frame has no such version, or no file at all."""

    title = "Version not found"


class DamagedFileError(UnavailableError):
    """Stored bytes are not what the catalogue says; they are not served until they are mended.

    Parameters
    ----------
    name
        Of the file, as clients see it.
    damage
        What a verification found wrong with it.
    """

    title = "File damaged"

    def __init__(self, name: str, damage: str) -> None:
        super().__init__(
            f"the stored file {name!r} is damaged ({damage}), and is not served until it is"
            " mended; the archive's operator knows",
            retry_after_s=_MENDED_WITHIN_S,
        )
        self.damage = damage


_MENDED_WITHIN_S = 3600.0
"""When to ask again for a damaged file [s]: a person, or the next verification, mends it."""


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
    """Give the file that holds a version, to be read or served.

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
    DamagedFileError
        If a verification found them damaged.
    """  # sound raises it
    if version.stored is None:
        raise MissingFileError(
            f"{version.name!r} was announced to this archive, and its bytes are not here",
            name=version.name,
        )
    return sound(version.stored)


def sound(stored: StoredFile) -> StoredFile:
    """Refuse a file that a verification found damaged.

    Parameters
    ----------
    stored
        Of a version or of a thumbnail.

    Returns
    -------
    StoredFile
        The same.

    Raises
    ------
    DamagedFileError
        If it is damaged.
    """
    if stored.damage is not None:
        raise DamagedFileError(stored.name, stored.damage)
    return stored
