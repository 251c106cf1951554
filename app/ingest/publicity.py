"""From when on a frame is public: the LCO rules (ARC-84), first one that applies."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.fits.models import Metadata, ObservationType

_CALIBRATIONS = frozenset(
    {
        ObservationType.BIAS,
        ObservationType.DARK,
        ObservationType.SKYFLAT,
        ObservationType.LAMPFLAT,
        ObservationType.EXPERIMENTAL,
    }
)
_OPEN_PROPOSALS = ("EPO", "calib", "standard", "pointing")
_NEVER_PUBLIC = timedelta(days=365 * 999)


@dataclass(frozen=True, slots=True)
class Publicity:
    """Who may see a new frame.

    Attributes
    ----------
    public_at
        From when on everybody, UTC; None: never by itself.
    is_internal
        The frame names neither a proposal nor a public date.
    """

    public_at: datetime | None
    is_internal: bool = False


def publicity_of(metadata: Metadata, *, proprietary_days: int) -> Publicity:
    """Decide from when on a frame is public.

    Parameters
    ----------
    metadata
        Of the frame.
    proprietary_days
        How long science frames of a proposal stay proprietary [days].

    Returns
    -------
    Publicity
        By L1PUBDAT where given; calibrations and open proposals at once; engineering never;
        other frames of a proposal after the proprietary time; frames without a proposal are
        internal.
    """
    if metadata.public_at is not None:
        return Publicity(metadata.public_at)
    if metadata.proposal is None or metadata.observed_at is None:
        return Publicity(None, is_internal=True)
    return Publicity(_add(metadata.observed_at, _delay(metadata, proprietary_days)))


def _delay(metadata: Metadata, proprietary_days: int) -> timedelta:
    proposal = metadata.proposal or ""
    is_open = any(word in proposal for word in _OPEN_PROPOSALS)
    if is_open or metadata.observation_type in _CALIBRATIONS:
        return timedelta()
    if "LCOEngineering" in proposal:
        return _NEVER_PUBLIC
    return timedelta(days=proprietary_days)


def _add(moment: datetime, delay: timedelta) -> datetime | None:
    """Add a delay; a date beyond the calendar means never."""
    try:
        return moment + delay
    except OverflowError:
        return None
