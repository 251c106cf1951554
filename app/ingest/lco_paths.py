"""Where the file store of the LCO archive puts files, below its root (ARC-87)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.storage.errors import InvalidKeyError
from app.storage.protocol import check_key

_BAD_PIXEL_MASK: Final = "bpm"
_THUMBNAILS: Final = "thumbnails"


@dataclass(frozen=True, slots=True)
class LcoPlace:
    """What decides where a file lies.

    Attributes
    ----------
    site, instrument
        As the client writes them.
    day_text
        The day of observation as the client writes it, which is how the folder is called.
    day
        The same day, whose compact form is tried, too; None if there is none.
    is_raw
        Whether the reduction level is 0.
    configuration_type
        Upper case.
    """

    site: str
    instrument: str
    day_text: str
    day: date | None
    is_raw: bool
    configuration_type: str

    def frame_keys(self, basename: str, extension: str) -> tuple[str, ...]:
        """Give the paths at which a frame may lie.

        Parameters
        ----------
        basename, extension
            The parts of the file name.

        Returns
        -------
        tuple of str
            Safe keys of the store, best first.
        """
        file = basename + extension
        level = "raw" if self.is_raw else "processed"
        paths = [f"{self.site}/{self.instrument}/{day}/{level}/{file}" for day in self._days()]
        if self._is_mask(basename):
            paths.insert(0, f"{self.site}/{self.instrument}/{_BAD_PIXEL_MASK}/{file}")
        return _safe(paths)

    def thumbnail_keys(self, basename: str, extension: str) -> tuple[str, ...]:
        """Give the paths at which a thumbnail may lie.

        Parameters
        ----------
        basename, extension
            The parts of the file name.

        Returns
        -------
        tuple of str
            Safe keys of the store, best first.
        """
        folder = f"{self.site}/{self.instrument}"
        file = basename + extension
        return _safe(f"{folder}/{day}/{_THUMBNAILS}/{file}" for day in self._days())

    def _days(self) -> dict[str, None]:
        compact = "" if self.day is None else f"{self.day:%Y%m%d}"
        return dict.fromkeys((self.day_text, compact))

    def _is_mask(self, basename: str) -> bool:
        words = basename.lower().replace("_", "-").split("-")
        return _BAD_PIXEL_MASK in (self.configuration_type.lower(), *words)


def _safe(paths: Iterable[str]) -> tuple[str, ...]:
    """Leave out what cannot be a path in the archive: nobody can have put a file there."""
    return tuple(path for path in paths if _is_safe(path))


def _is_safe(path: str) -> bool:
    try:
        check_key(path)
    except InvalidKeyError:
        return False
    return True
