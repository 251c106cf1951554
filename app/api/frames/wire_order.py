"""The order of a list, in the three ways that clients ask for it.

Contracts: PYO-14, ARC-23, shared model §5 row 4.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from app.api.validation import Given
from app.core.errors import InvalidError
from app.frames.models import OrderBy, UnknownColumnError

COLUMNS: Final[dict[str, str]] = {
    "id": "id",
    "basename": "basename",
    "SITEID": "site",
    "SITE": "site",
    "site_id": "site",
    "TELID": "telescope",
    "TELESCOPE": "telescope",
    "telescope_id": "telescope",
    "INSTRUME": "instrument",
    "INSTRUMENT": "instrument",
    "instrument_id": "instrument",
    "IMAGETYP": "image_type_raw",
    "IMAGETYPE": "image_type_raw",
    "OBSTYPE": "observation_type",
    "configuration_type": "observation_type",
    "RLEVEL": "reduction_level",
    "reduction_level": "reduction_level",
    "DATE_OBS": "observed_at",
    "observation_date": "observed_at",
    "DAY_OBS": "day_obs",
    "observation_day": "day_obs",
    "night": "night",
    "OBJECT": "object_name",
    "target_name": "object_name",
    "EXPTIME": "exposure_s",
    "exposure_time": "exposure_s",
    "FILTER": "filter_name",
    "primary_optical_element": "filter_name",
    "PROPID": "proposal",
    "proposal_id": "proposal",
    "binning": "binning",
    "XBINNING": "x_binning",
    "YBINNING": "y_binning",
    "width": "width_px",
    "height": "height_px",
    "REQNUM": "request_text",
    "request_id": "request_text",
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
"""Name of a column in the dialects -> name in the catalogue."""

_DIRECTIONS: Final = {"asc": False, "desc": True}
_NO: Final = {"false", "0", "no"}


class OrderIn(BaseModel):
    """The order of a list; by default the newest observation comes first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    ordering: Annotated[Given[str], Field(examples=["-exposure_time,basename"])] = None
    """Columns, separated by commas; `-` before a name turns its direction. Decides where
    `sort` and `order` are given as well."""

    sort: Annotated[Given[str], Field(examples=["EXPTIME"])] = None
    """A column; ascending unless `order=desc`."""

    order: Annotated[Given[str], Field(examples=["desc"])] = None
    """`asc` or `desc`; without `sort` a column may stand here, descending unless `asc` is given."""

    asc: Annotated[str | None, Field(examples=["true"])] = None
    """With any value but false, 0 or no, also without one: ascending."""

    @property
    def ascends(self) -> bool:
        """Whether ``asc`` is given and means it."""
        return self.asc is not None and self.asc.strip().lower() not in _NO


def order_of(wish: OrderIn) -> tuple[OrderBy, ...]:
    """Read the order.

    Parameters
    ----------
    wish
        As sent.

    Returns
    -------
    tuple of OrderBy
        Keys, most important first.

    Raises
    ------
    UnknownColumnError
        If frames cannot be ordered by a column.
    InvalidError
        If a direction is none.
    """  # the readers below raise them
    if wish.ordering is not None:
        return tuple(_key(text.strip()) for text in wish.ordering.split(",") if text.strip())
    if wish.sort is not None:
        return (OrderBy(_column("sort", wish.sort), descending=_descends(wish.order or "asc")),)
    if wish.order is None:
        return (OrderBy("observed_at", descending=not wish.ascends),)
    if wish.order.lower() in _DIRECTIONS:
        return (OrderBy("observed_at", descending=_descends(wish.order)),)
    return (OrderBy(_column("order", wish.order), descending=not wish.ascends),)


def _key(text: str) -> OrderBy:
    """Read one name of ``ordering``."""
    return OrderBy(_column("ordering", text.removeprefix("-")), descending=text.startswith("-"))


def _column(parameter: str, name: str) -> str:
    """Look a column up.

    Raises
    ------
    UnknownColumnError
        If there is none of this name.
    """
    if name.strip() in COLUMNS:
        return COLUMNS[name.strip()]
    raise UnknownColumnError(
        f"{parameter} = {name[:80]!r} is no column; allowed are {', '.join(COLUMNS)}",
        field=parameter,
    )


def _descends(direction: str) -> bool:
    """Read a direction.

    Raises
    ------
    InvalidError
        If it is none.
    """
    if direction.lower() in _DIRECTIONS:
        return _DIRECTIONS[direction.lower()]
    raise InvalidError(f"order = {direction[:80]!r}; allowed is asc or desc", field="order")
