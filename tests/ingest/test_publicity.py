"""From when on a frame is public: the first rule that applies."""

from datetime import UTC, datetime, timedelta

import pytest

from app.fits.models import Metadata, ObservationType
from app.ingest.publicity import publicity_of

SHOT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXPOSE = ObservationType.EXPOSE


@pytest.mark.parametrize(
    ("metadata", "days"),
    [
        (Metadata(observed_at=SHOT, proposal="LCO2026A-001", observation_type=EXPOSE), 365),
        (Metadata(observed_at=SHOT, proposal="LCO2026A-001"), 365),
        (Metadata(observed_at=SHOT, proposal="X", observation_type=ObservationType.BIAS), 0),
        (Metadata(observed_at=SHOT, proposal="X", observation_type=ObservationType.SKYFLAT), 0),
        (Metadata(observed_at=SHOT, proposal="LCOEPO2026", observation_type=EXPOSE), 0),
        (Metadata(observed_at=SHOT, proposal="standard", observation_type=EXPOSE), 0),
        (Metadata(observed_at=SHOT, proposal="LCOEngineering"), 365 * 999),
    ],
)
def test_frames_of_a_proposal_become_public(metadata: Metadata, days: int) -> None:
    publicity = publicity_of(metadata, proprietary_days=365)
    assert publicity.public_at == SHOT + timedelta(days=days)
    assert not publicity.is_internal


def test_the_header_decides_first() -> None:
    said = Metadata(observed_at=SHOT, proposal="LCO2026A-001", public_at=SHOT)
    assert publicity_of(said, proprietary_days=365).public_at == SHOT


def test_a_frame_without_proposal_is_internal() -> None:
    publicity = publicity_of(Metadata(observed_at=SHOT), proprietary_days=365)
    assert publicity.public_at is None
    assert publicity.is_internal


def test_a_date_beyond_the_calendar_means_never() -> None:
    late = Metadata(observed_at=datetime(9999, 1, 1, tzinfo=UTC), proposal="X")
    assert publicity_of(late, proprietary_days=365).public_at is None
