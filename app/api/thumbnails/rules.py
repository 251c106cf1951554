"""Which frames the LCO thumbnail service makes pictures of (THU §5)."""

from typing import Final

from app.core.errors import InvalidError
from app.frames.models import Frame

SHOWN_TYPES: Final = frozenset(
    {
        "ARC", "BIAS", "BPM", "DARK", "DOUBLE", "EXPERIMENTAL", "EXPOSE", "GUIDE", "LAMPFLAT",
        "SKYFLAT", "SPECTRUM", "STANDARD", "TARGET", "TRAILED",
    }
)  # fmt: skip
COLOR_TYPES: Final = frozenset({"EXPOSE", "STANDARD"})
FITS_ENDINGS: Final = (".fits", ".fits.fz")
GIVEN_FRAME: Final = "Cannot generate thumbnail for given frame"


class NoThumbnailError(InvalidError):
    """The service makes no such picture of this frame."""

    title = "No thumbnail"


def check(frame: Frame, *, color: bool) -> None:
    """Refuse a frame, for the first reason of the contract's table.

    Parameters
    ----------
    frame
        One that the caller sees.
    color
        Whether the picture shall be in colour.

    Raises
    ------
    NoThumbnailError
        With the text that clients know.
    """
    current, kind = frame.current, (frame.facts.observation_type or "").upper()
    if current is None or not kind:
        raise NoThumbnailError(GIVEN_FRAME)
    if kind not in SHOWN_TYPES:
        raise NoThumbnailError(f"Cannot generate thumbnail for configuration_type={kind}")
    if color:
        _check_color(frame, kind)
    if not current.name.lower().endswith(FITS_ENDINGS):
        raise NoThumbnailError("Cannot generate thumbnail for non FITS-type frame")


def _check_color(frame: Frame, kind: str) -> None:
    """Refuse a frame that has no companions in other filters.

    Raises
    ------
    NoThumbnailError
        With the text that clients know.
    """
    if not frame.facts.request_id:
        raise NoThumbnailError(
            "Cannot generate color thumbnail for a frame that does not have a request"
        )
    if kind not in COLOR_TYPES:
        raise NoThumbnailError(f"Cannot generate color thumbnail for configuration_type={kind}")
