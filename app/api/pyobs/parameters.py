"""Parameters of the lists, with the names, types and defaults of pyobs-archive.

Contract: pyobs §2, PYO-10 to PYO-14. Unknown names are ignored, and so are empty values and
``ALL``.
"""

from typing import Annotated, Final

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.frames.wire_filters import (
    DEFAULT_RADIUS_ARCMIN,
    Binning,
    Level,
    Name,
    Part,
    Wanted,
    binning_of,
)
from app.api.frames.wire_order import OrderIn
from app.api.header_filters import HeaderFilters
from app.api.pyobs.problems import InvalidParameterError
from app.api.validation import (
    BIGINT_MAX,
    DateParam,
    Declination,
    Given,
    Number,
    Text,
    UtcDatetime,
)
from app.core.paging import Window
from app.core.sky import Cone, unit_vector
from app.frames.models import FrameQuery, OrderBy

MAX_LIMIT: Final = 1000
"""Most frames of a page, and how many there are when no number is given."""


class FiltersIn(BaseModel):
    """What frames must be like; everything that is given must hold."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    IMAGETYPE: Annotated[Wanted[Text], Field(examples=["object"])] = None
    """Image type as the header gives it (IMAGETYP), exactly."""

    binning: Annotated[Wanted[Binning], Field(examples=["2x2"])] = None
    """Binning in both axes."""

    SITE: Annotated[Wanted[Text], Field(examples=["tlv"])] = None
    """Site, exactly."""

    TELESCOPE: Annotated[Wanted[Text], Field(examples=["1m0a"])] = None
    """Telescope, exactly."""

    INSTRUMENT: Annotated[Wanted[Text], Field(examples=["cam1"])] = None
    """Instrument, exactly."""

    FILTER: Annotated[Wanted[Name], Field(examples=["V"])] = None
    """Filter, exactly; `None`: frames without one."""

    RLEVEL: Annotated[Wanted[Level], Field(examples=[0])] = None
    """Reduction level: 0 raw, 1 reduced."""

    OBJECT: Annotated[Wanted[Part], Field(examples=["M 67"])] = None
    """Occurs in the name of the target, whatever the case."""

    EXPTIME: Annotated[Wanted[Number], Field(examples=[60])] = None
    """Shortest exposure time, inclusive [s]."""

    night: Annotated[Wanted[DateParam], Field(examples=["2026-11-19"])] = None
    """Night of the observation (DAY-OBS)."""

    basename: Annotated[Wanted[Part], Field(examples=["tlv1m0-cam1"])] = None
    """Occurs in the basename, whatever the case."""

    REQNUM: Annotated[Wanted[Text], Field(examples=["1234"])] = None
    """Request, exactly."""

    OBSNUM: Wanted[Text] = None
    """Observation, exactly."""

    start: Wanted[UtcDatetime] = None
    """Earliest start of the exposure, inclusive, UTC."""

    end: Wanted[UtcDatetime] = None
    """Latest start of the exposure, inclusive, UTC."""

    RA: Annotated[Wanted[Number], Field(examples=[132.85])] = None
    """Right ascension of the centre of a cone of 10 arcmin [deg], ICRS; only with `DEC`."""

    DEC: Annotated[Wanted[Declination], Field(examples=[11.8])] = None
    """Declination of it [deg], ICRS; only with `RA`."""


_COLUMNS: Final[dict[str, str]] = {
    "id": "id",
    "basename": "basename",
    "SITEID": "site",
    "SITE": "site",
    "TELID": "telescope",
    "TELESCOPE": "telescope",
    "INSTRUME": "instrument",
    "INSTRUMENT": "instrument",
    "IMAGETYP": "image_type_raw",
    "IMAGETYPE": "image_type_raw",
    "OBSTYPE": "image_type_raw",
    "RLEVEL": "reduction_level",
    "DATE_OBS": "observed_at",
    "night": "day_obs",
    "OBJECT": "object_name",
    "EXPTIME": "exposure_s",
    "FILTER": "filter_name",
    "binning": "binning",
    "XBINNING": "x_binning",
    "YBINNING": "y_binning",
    "width": "width_px",
    "height": "height_px",
    "REQNUM": "request_text",
    "OBSNUM": "observation_text",
    "TEL_RA": "ra_deg",
    "TEL_DEC": "dec_deg",
    "TEL_ALT": "telescope_altitude_deg",
    "TEL_AZ": "telescope_azimuth_deg",
    "TEL_FOCU": "focus",
    "SUNALT": "sun_altitude_deg",
    "SUNDIST": "sun_distance_deg",
    "MOONALT": "moon_altitude_deg",
    "MOONFRAC": "moon_fraction",
    "MOONDIST": "moon_distance_deg",
    "DATAMEAN": "data_mean",
}
"""Name of a column -> name in the catalogue."""

_DIRECTIONS: Final = {"asc": False, "desc": True}


async def selection(filters: Annotated[FiltersIn, Query()], headers: HeaderFilters) -> FrameQuery:
    """Read the filters.

    Parameters
    ----------
    filters
        As sent, checked one by one.
    headers
        Those on header cards.

    Returns
    -------
    FrameQuery
        With the default window. Frames without a date are left out, which pyobs-archive does not
        know and its clients cannot read.
    """
    return FrameQuery(
        image_type_raw=filters.IMAGETYPE,
        binning=binning_of(filters.binning),
        site=filters.SITE,
        telescope=filters.TELESCOPE,
        instrument=filters.INSTRUMENT,
        filter_name=filters.FILTER,
        reduction_level=filters.RLEVEL,
        object_part=filters.OBJECT,
        exposure_min_s=filters.EXPTIME,
        day_obs=filters.night,
        basename_part=filters.basename,
        request_text=filters.REQNUM,
        observation_text=filters.OBSNUM,
        observed_from=filters.start,
        observed_to=filters.end,
        cone=_cone(filters),
        headers=headers,
        with_date=True,
        brief=True,
    )


def _cone(filters: FiltersIn) -> Cone | None:
    """Give the cone of PYO-13, if both coordinates are given."""
    if filters.RA is None or filters.DEC is None:
        return None
    return Cone(unit_vector(filters.RA, filters.DEC), DEFAULT_RADIUS_ARCMIN / 60)


async def window(
    limit: Annotated[
        Given[int],
        Query(description=f"Most frames in the answer, 0 to {MAX_LIMIT}, which is the default."),
    ] = None,
    offset: Annotated[
        Given[int], Query(description="Frames to pass over; 0 when absent or negative.")
    ] = None,
) -> Window:
    """Read which page is wanted.

    Parameters
    ----------
    limit
        As sent; None when absent.
    offset
        As sent; None when absent.

    Returns
    -------
    Window
        Within bounds.
    """
    wanted = MAX_LIMIT if limit is None else limit
    return Window(limit=min(max(wanted, 0), MAX_LIMIT), offset=_within(offset or 0))


async def zip_window(
    limit: Annotated[
        Given[int], Query(description="Most frames. Absent: all that match, not just a page.")
    ] = None,
    offset: Annotated[
        Given[int], Query(description="Frames to pass over; 0 when absent or negative.")
    ] = None,
) -> Window:
    """Read which part of a selection is wanted as a zip.

    Parameters
    ----------
    limit
        As sent; None when absent.
    offset
        As sent; None when absent.

    Returns
    -------
    Window
        Without a limit where none is given: a zip is never silently a part of what was asked for.
    """
    return Window(
        limit=_within(BIGINT_MAX if limit is None else limit), offset=_within(offset or 0)
    )


def _within(number: int) -> int:
    """Bring a number into the range of the database."""
    return min(max(number, 0), BIGINT_MAX)


async def ordering(wish: Annotated[OrderIn, Query()]) -> tuple[OrderBy, ...]:
    """Read the order by the table of PYO-14.

    Parameters
    ----------
    wish
        As sent; ``ordering`` of the other dialects is ignored.

    Returns
    -------
    tuple of OrderBy
        Keys, most important first; frames that are equal in it come by id, ascending.

    Raises
    ------
    InvalidParameterError
        If there is no such column or direction.
    """  # the readers below raise it
    return (_first_key(wish), OrderBy("id"))


def _first_key(wish: OrderIn) -> OrderBy:
    if wish.sort is not None:
        return OrderBy(_column(wish.sort), descending=_descends(wish.order or "asc"))
    if wish.order is None:
        return OrderBy("observed_at")
    if wish.order.strip().lower() in _DIRECTIONS:
        return OrderBy("observed_at", descending=_descends(wish.order))
    return OrderBy(_column(wish.order), descending=not wish.ascends)


def _column(name: str) -> str:
    """Look a column up.

    Raises
    ------
    InvalidParameterError
        If there is none of this name.
    """
    if name.strip() not in _COLUMNS:
        raise InvalidParameterError("sort")
    return _COLUMNS[name.strip()]


def _descends(direction: str) -> bool:
    """Read a direction.

    Raises
    ------
    InvalidParameterError
        If it is none.
    """
    if direction.strip().lower() not in _DIRECTIONS:
        raise InvalidParameterError("order")
    return _DIRECTIONS[direction.strip().lower()]


Selection = Annotated[FrameQuery, Depends(selection)]
"""Parameter of a route: the frames that the filters select."""

PageWindow = Annotated[Window, Depends(window)]
"""Parameter of a route: the page of a list."""

ZipWindow = Annotated[Window, Depends(zip_window)]
"""Parameter of a route: which part of a selection is wanted as a zip."""

Ordering = Annotated[tuple[OrderBy, ...], Depends(ordering)]
"""Parameter of a route: the order that is asked for."""
