from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.night import night_of


@pytest.mark.parametrize(
    ("moment", "longitude_deg", "night"),
    [
        ("2024-03-10T11:59:59", 0.0, date(2024, 3, 9)),
        ("2024-03-10T12:00:00", 0.0, date(2024, 3, 10)),
        ("2024-03-10T12:00:00", None, date(2024, 3, 10)),
        ("2024-03-10T06:00:00", -70.8, date(2024, 3, 9)),  # Chile, after midnight
        ("2024-03-10T00:30:00", -155.5, date(2024, 3, 9)),  # Hawaii, afternoon
        ("2024-03-10T14:00:00", 149.1, date(2024, 3, 10)),  # Australia, around midnight
        ("2024-03-10T01:59:00", 149.1, date(2024, 3, 9)),  # Australia, just before noon
        ("2024-01-01T03:00:00", 0.0, date(2023, 12, 31)),
    ],
)
def test_evening_date(moment: str, longitude_deg: float | None, night: date) -> None:
    assert night_of(datetime.fromisoformat(moment).replace(tzinfo=UTC), longitude_deg) == night


def test_zone_of_the_moment_does_not_matter() -> None:
    moment = datetime(2024, 3, 10, 6, tzinfo=UTC)
    assert night_of(moment.astimezone(timezone(timedelta(hours=9))), -70.8) == night_of(
        moment, -70.8
    )


@given(
    moment=st.datetimes(datetime(1900, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis wants naive bounds
    longitude_deg=st.floats(-180, 180),
)
def test_night_begins_at_local_noon(moment: datetime, longitude_deg: float) -> None:
    night = night_of(moment, longitude_deg)
    noon = datetime(night.year, night.month, night.day, 12, tzinfo=UTC)
    local = moment + timedelta(hours=longitude_deg / 15)
    assert noon <= local < noon + timedelta(days=1)
