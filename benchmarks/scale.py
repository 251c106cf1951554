"""How much a run does."""

from dataclasses import dataclass

FRAME_SHAPE = (2048, 2048)
DOWNLOAD_SHAPE = (2048, 4096)
PREVIEW_SHAPE = (4096, 4096)
SMALL_SHAPE = (64, 64)
LIST_LENGTH = 100
PREVIEW_WIDTH_PX = 800


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts of everything that is repeated.

    Attributes
    ----------
    name
        Of the scale.
    first_starts, second_starts
        How often `skyshelf up` is started in an empty folder, and in one that has data.
    ingested
        Frames of 2k x 2k that are dropped into the inbox together.
    dropped_alone
        Frames of 2k x 2k that are dropped one after the other.
    rounds
        How often a measurement over HTTP is repeated, each time on new connections.
    requests
        Requests of all clients in a round, where the answers are small.
    downloads
        Requests of each client in a round, where they are files of 16 MB.
    zipped
        Frames of 2k x 2k in one zip.
    previewed
        Frames of 4k x 4k that are rendered.
    """

    name: str
    first_starts: int
    second_starts: int
    ingested: int
    dropped_alone: int
    rounds: int
    requests: int
    downloads: int
    zipped: int
    previewed: int


FULL = Scale(
    name="full",
    first_starts=3,
    second_starts=5,
    ingested=60,
    dropped_alone=20,
    rounds=5,
    requests=80,
    downloads=10,
    zipped=30,
    previewed=5,
)

QUICK = Scale(
    name="quick",
    first_starts=1,
    second_starts=1,
    ingested=4,
    dropped_alone=2,
    rounds=2,
    requests=8,
    downloads=2,
    zipped=3,
    previewed=1,
)
"""Does everything once, to see that it works; its figures say little."""
