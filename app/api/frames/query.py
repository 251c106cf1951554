"""Parameters of a request → what the catalogue is asked."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Depends, Query

from app.api.frames.wire_filters import (
    DEFAULT_RADIUS_ARCMIN,
    NAMES,
    SCIENCE_TYPES,
    FiltersIn,
    binning_of,
)
from app.api.frames.wire_order import OrderIn, order_of
from app.api.header_filters import HeaderFilters
from app.core.errors import InvalidError
from app.core.sky import Cone, Vector, unit_vector
from app.core.sky_polygon import Polygon
from app.core.sky_text import Query as GeometryQuery
from app.core.sky_text import parse_geometry
from app.frames.models import EMPTY, FrameQuery, OrderBy, Publicity


class TwoValuesError(InvalidError):
    """Two names of one filter are given, with different values."""

    title = "Contradiction"


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
        In the default order, with the default window.

    Raises
    ------
    TwoValuesError
        If two names of one filter contradict each other.
    InvalidGeometryError
        If `covers` or `intersects` is no geometry.
    """  # the readers below raise them
    values = {attribute: _one(filters, names) for attribute, names in NAMES.items()}
    if values["request"] is not None:
        values["request"] = str(values["request"])
    if _is_wanted(filters.empty_target_name):
        values["object_name"] = _without_target(values["object_name"])
    excluded = {*filters.exclude_configuration_type, *filters.exclude_OBSTYPE}
    return FrameQuery(
        **{attribute: value for attribute, value in values.items() if value is not None},
        types=_types(filters),
        excluded_types=frozenset(map(str, excluded)),
        binning=binning_of(filters.binning),
        publicity=_publicity(filters.public),
        cone=_cone(filters),
        covers=_point(filters.covers),
        intersects=_geometry(filters.intersects, "intersects"),
        headers=headers,
    )


async def ordering(wish: Annotated[OrderIn, Query()]) -> tuple[OrderBy, ...]:
    """Read the order; see `app.api.frames.wire_order.order_of`."""
    return order_of(wish)


Selection = Annotated[FrameQuery, Depends(selection)]
"""Parameter of a route: the frames that the filters select."""

Ordering = Annotated[tuple[OrderBy, ...], Depends(ordering)]
"""Parameter of a route: the order that is asked for."""


def _one(filters: FiltersIn, names: Iterable[str]) -> Any:  # noqa: ANN401  # of any filter
    """Give the value of a filter that has several names; None where none of them is given.

    Raises
    ------
    TwoValuesError
        If they contradict each other.
    """
    given = {name: value for name in names if (value := getattr(filters, name)) is not None}
    if len(set(map(str, given.values()))) > 1:
        shown = " and ".join(f"{_spelling(name)} = {str(v)[:80]!r}" for name, v in given.items())
        last = _spelling([*given][-1])
        raise TwoValuesError(f"{shown} are names of one filter; give only one", field=last)
    return next(iter(given.values()), None)


def _spelling(name: str) -> str:
    """Give the name of a parameter."""
    return FiltersIn.model_fields[name].alias or name


def _without_target(name: str | None) -> str:
    """Want frames without a target.

    Raises
    ------
    TwoValuesError
        If a target is wanted as well.
    """
    if name:
        raise TwoValuesError(
            f"a frame without a target is not called {name[:80]!r}; give target_name_exact or"
            " empty_target_name",
            field="empty_target_name",
        )
    return EMPTY


def _is_wanted(text: str | None) -> bool:
    return text is not None and text.strip().lower() not in {"false", "0", "no"}


def _types(filters: FiltersIn) -> frozenset[str] | None:
    """Give the classes that are wanted; None for all."""
    included = frozenset(map(str, filters.include_configuration_type))
    if not filters.exclude_calibrations:
        return included or None
    return included & SCIENCE_TYPES if included else SCIENCE_TYPES


def _publicity(text: str | None) -> Publicity:
    """Read ``public``: only a clear no counts (ARC-30)."""
    is_no = text is not None and text.strip().lower() in {"false", "0", "no"}
    return Publicity.PROPRIETARY if is_no else Publicity.ALL


def _cone(filters: FiltersIn) -> Cone | None:
    """Give the cone, if both coordinates are given."""
    if filters.RA is None or filters.DEC is None:
        return None
    radius_arcmin = DEFAULT_RADIUS_ARCMIN if filters.radius is None else filters.radius
    return Cone(unit_vector(filters.RA, filters.DEC), radius_arcmin / 60)


def _point(text: str | None) -> Vector | None:
    geometry = _geometry(text, "covers")
    return geometry if isinstance(geometry, Vector) else None


def _geometry(text: str | None, query: GeometryQuery) -> Vector | Polygon | None:
    return None if text is None else parse_geometry(text, query=query)
