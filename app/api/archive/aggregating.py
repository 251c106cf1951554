"""The aggregate of the LCO archive: its parameters, and what it refuses (ARC-50 to ARC-52)."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.archive.query import says_no
from app.api.archive.wire_filters import Exact
from app.api.validation import Given, UtcDatetime
from app.core.errors import InvalidError
from app.frames.models import FrameQuery, Publicity

_LONGEST_RANGE: Final = timedelta(days=365)
_INSTANT: Final = timedelta(microseconds=1)
_LONGEST_MS: Final = 20_000
_DEFAULT_MS: Final = 2000
_NAMES: Final = {
    "site_id": "site",
    "telescope_id": "telescope",
    "primary_optical_element": "filter_name",
    "instrument_id": "instrument",
    "proposal_id": "proposal",
}


class AggregateRangeError(InvalidError):
    """The time range of an aggregate is missing or too long."""

    title = "Invalid time range"


class AggregateIn(BaseModel):
    """Of which frames the values are wanted; without any filter, of all that the caller sees."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    start: Given[UtcDatetime] = None
    """Earliest start of the exposure, inclusive, UTC; cut to the minute. Needed with any filter."""
    end: Given[UtcDatetime] = None
    """Latest start of the exposure, exclusive, UTC; cut to the minute. At most 365 days later."""
    public: Annotated[Given[str], Field(examples=["false"])] = None
    """`false`: only frames that are not public. Anything else: all that the caller sees."""
    site_id: Given[Exact] = None
    """Site, exactly."""
    telescope_id: Given[Exact] = None
    """Telescope, exactly."""
    primary_optical_element: Given[Exact] = None
    """Filter, exactly."""
    instrument_id: Given[Exact] = None
    """Instrument, exactly."""
    configuration_type: Given[Exact] = None
    """Class of the image type, exactly."""
    proposal_id: Given[Exact] = None
    """Proposal, exactly."""
    query_timeout: Annotated[Given[Annotated[int, Field(ge=0, le=_LONGEST_MS)]], Field()] = None
    """How long the database may search for each list [ms], 2000 by default; 0: as long as it may at
    all. An aggregate without filters has no limit."""


class Aggregation(BaseModel):
    """What is asked of the catalogue."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    query: FrameQuery
    """The frames."""
    statement_s: float | None
    """How long each search may take [s]; None: as long as it takes."""


async def aggregation(wish: Annotated[AggregateIn, Query()]) -> Aggregation:
    """Read of which frames the values are wanted.

    Parameters
    ----------
    wish
        As sent, checked one by one.

    Returns
    -------
    Aggregation
        The selection.

    Raises
    ------
    AggregateRangeError
        If there is a filter and no time range, or if it is longer than a year.
    """  # the check raises it
    filters = {
        attribute: value
        for name, attribute in _NAMES.items()
        if (value := getattr(wish, name)) is not None
    }
    kinds = None if wish.configuration_type is None else frozenset({wish.configuration_type})
    is_filtered = bool(filters or kinds or wish.start or wish.end)
    if is_filtered:
        _check_range(wish.start, wish.end)
    query = FrameQuery(
        **filters,
        types=kinds,
        observed_from=wish.start and _to_the_minute(wish.start),
        observed_to=wish.end and _before(_to_the_minute(wish.end)),
        publicity=Publicity.HIDDEN if says_no(wish.public) else Publicity.ALL,
        with_date=True,
    )
    return Aggregation(query=query, statement_s=_statement_s(wish) if is_filtered else None)


Wanted = Annotated[Aggregation, Depends(aggregation)]
"""Parameter of a route: of which frames the values are wanted."""


def _check_range(start: datetime | None, end: datetime | None) -> None:
    """Demand a range of at most a year.

    Raises
    ------
    AggregateRangeError
        In the words of the LCO archive.
    """
    if start is None or end is None:
        raise AggregateRangeError("both start & end must be specified", field="start")
    if end - start > _LONGEST_RANGE:
        raise AggregateRangeError(
            "time range must be less than or equal to a year (365 days)", field="end"
        )


def _to_the_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _before(moment: datetime) -> datetime:
    """Give the last moment before another; the catalogue counts in microseconds."""
    return moment - _INSTANT if moment.replace(tzinfo=None) > datetime.min else moment  # noqa: DTZ901  # compared with a naive one


def _statement_s(wish: AggregateIn) -> float:
    longest_ms = _DEFAULT_MS if wish.query_timeout is None else wish.query_timeout
    return (longest_ms or _LONGEST_MS) / 1000
