"""The observing night that a moment belongs to."""

from datetime import UTC, date, datetime, timedelta

DEG_PER_HOUR = 15.0
NOON = timedelta(hours=12)


def night_of(moment: datetime, longitude_deg: float | None) -> date:
    """Return the date on which the night of a moment began, from local noon to local noon.

    Local time is mean solar time at the longitude. It needs no time zone database, and its noon
    never falls into a night.

    Parameters
    ----------
    moment
        Aware, any zone.
    longitude_deg
        East-positive geographic longitude of the telescope [deg]; None means Greenwich, so that
        the night runs from 12:00 UTC to 12:00 UTC.

    Returns
    -------
    date
        The evening date of the night.
    """
    local = timedelta(hours=(longitude_deg or 0.0) / DEG_PER_HOUR)
    return (moment.astimezone(UTC) + local - NOON).date()
