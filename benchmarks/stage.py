"""What the measurements share."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.frames import make_frames
from benchmarks.scale import Scale
from benchmarks.service import Service


@dataclass(frozen=True, slots=True)
class Stage:
    """An archive and a place to prepare what it is given.

    Attributes
    ----------
    scale
        How much to do.
    folder
        On the disk of the inbox.
    service
        The archive.
    """

    scale: Scale
    folder: Path
    service: Service

    def make(self, kind: str, count: int, shape: tuple[int, int]) -> list[Path]:
        """Make frames that are ready to be dropped.

        Parameters
        ----------
        kind
            By which they are found again.
        count
            How many.
        shape
            Height and width [pixel].

        Returns
        -------
        list of Path
            The files.
        """
        return make_frames(self.folder / "made", kind, count, shape)
