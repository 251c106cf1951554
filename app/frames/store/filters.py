"""A query → conditions and order on the frames table."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    UnaryExpression,
    any_,
    cast,
    func,
    literal,
    or_,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.core.sky_polygon import Polygon
from app.db.sky import SkyColumns, covers_point, intersects_polygon, within_cone
from app.db.tables import FrameRow
from app.frames.models import FrameQuery, OrderBy, UnknownColumnError
from app.frames.store.header_search import header_conditions

Condition = ColumnElement[bool]

_BIGINT_MAX = 2**63 - 1

SORTABLE: dict[str, tuple[InstrumentedAttribute[Any], ...]] = {
    name: (getattr(FrameRow, name),)
    for name in (
        "id", "basename", "site", "telescope", "instrument", "observation_type",
        "image_type_raw", "reduction_level", "observed_at", "night", "day_obs", "object_name",
        "exposure_s", "filter_name", "proposal", "x_binning", "y_binning", "width_px", "height_px",
        "request_text", "observation_text", "ra_deg", "dec_deg", "telescope_altitude_deg",
        "telescope_azimuth_deg", "focus", "sun_altitude_deg", "sun_distance_deg",
        "moon_altitude_deg", "moon_fraction", "moon_distance_deg", "data_mean", "airmass",
    )
} | {"binning": (FrameRow.x_binning, FrameRow.y_binning)}  # fmt: skip
"""Columns that a list can be ordered by."""

_SKY = SkyColumns(
    x=FrameRow.x, y=FrameRow.y, z=FrameRow.z, area=FrameRow.area, area_box=FrameRow.area_box
)

_EXACT = (
    "observed_at", "day_obs", "night", "basename", "object_name", "image_type_raw", "proposal",
    "instrument", "site", "telescope", "filter_name", "submitter", "block_id",
    "request_text", "observation_text", "reduction_level", "public_at",
)  # fmt: skip


def conditions(query: FrameQuery) -> Iterator[Condition]:
    """Translate a query; all conditions must hold.

    Parameters
    ----------
    query
        What is wanted.

    Yields
    ------
    ColumnElement
        On `FrameRow`; visibility is not included.
    """
    for name in _EXACT:
        value = getattr(query, name)
        if value is not None:
            column = getattr(FrameRow, name)
            yield column.is_(None) if value == "" else column == value
    yield from _ranges(query)
    yield from _types(query)
    yield from _numbers(query)
    yield from _places(query)
    yield from header_conditions(query.headers)
    for other in query.also:
        yield from conditions(other)


def _ranges(query: FrameQuery) -> Iterator[Condition]:
    if query.observed_from is not None:
        yield FrameRow.observed_at >= query.observed_from
    if query.observed_to is not None:
        yield FrameRow.observed_at <= query.observed_to
    if query.exposure_min_s is not None:
        yield FrameRow.exposure_s >= query.exposure_min_s
    if query.basename_part:
        yield FrameRow.basename.icontains(query.basename_part, autoescape=True)
    if query.object_part:
        yield FrameRow.object_name.icontains(query.object_part, autoescape=True)


def _types(query: FrameQuery) -> Iterator[Condition]:
    if query.type_any_case == "":
        yield FrameRow.observation_type.is_(None)
    elif query.type_any_case is not None:
        wanted = query.type_any_case.lower()
        yield or_(
            func.lower(FrameRow.observation_type) == wanted,
            func.lower(FrameRow.image_type_raw) == wanted,
        )
    if query.types is not None:
        yield FrameRow.observation_type.in_(query.types)
    if query.excluded_types:
        yield func.coalesce(FrameRow.observation_type, "").not_in(query.excluded_types)


def _numbers(query: FrameQuery) -> Iterator[Condition]:
    if query.request == "":
        yield FrameRow.request_text.is_(None)
    elif query.request is not None:
        yield _is_request(query.request)
    if query.binning is not None:
        # A header that does not say it means no binning (PYO-50, rule 6).
        yield func.coalesce(FrameRow.x_binning, 1) == query.binning[0]
        yield func.coalesce(FrameRow.y_binning, 1) == query.binning[1]
    if query.with_versions:
        yield FrameRow.has_versions.is_(True)
    if query.with_date:
        yield FrameRow.observed_at.is_not(None)
    if query.frame_ids is not None:
        yield among(FrameRow.id, query.frame_ids)


def _is_request(text: str) -> Condition:
    """Compare as text, and as a number where the text is one that the column can hold."""
    number = int(text) if len(text) < 20 and text.isascii() and text.isdecimal() else None
    if number is None or number > _BIGINT_MAX:
        return FrameRow.request_text == text
    return or_(FrameRow.request_text == text, FrameRow.request_id == number)


def among(column: InstrumentedAttribute[int], ids: Collection[int]) -> Condition:
    """Select rows by any number of ids, which travel as one parameter.

    Parameters
    ----------
    column
        The ids.
    ids
        Those wanted.

    Returns
    -------
    ColumnElement
        The condition; an ``IN`` would end at 32,767 ids.
    """
    return column == any_(cast(literal(sorted(ids), ARRAY(BigInteger)), ARRAY(BigInteger)))


def _places(query: FrameQuery) -> Iterator[Condition]:
    if query.cone is not None:
        yield within_cone(_SKY, query.cone)
    if query.covers is not None:
        yield covers_point(_SKY, query.covers)
    if isinstance(query.intersects, Polygon):
        yield intersects_polygon(_SKY, query.intersects)
    elif query.intersects is not None:
        yield covers_point(_SKY, query.intersects)


def ordering(order: tuple[OrderBy, ...]) -> list[UnaryExpression[Any]]:
    """Translate an order into a total one: the id breaks ties, unknown values come last.

    Parameters
    ----------
    order
        Keys, most important first.

    Returns
    -------
    list
        For ``ORDER BY``.

    Raises
    ------
    UnknownColumnError
        If frames cannot be ordered by a column.
    """
    keys: list[UnaryExpression[Any]] = []
    for key in order:
        if key.column not in SORTABLE:
            raise UnknownColumnError(f"frames cannot be ordered by {key.column!r}", field="order")
        keys.extend(
            (column.desc() if key.descending else column.asc()).nulls_last()
            for column in SORTABLE[key.column]
        )
    last_first = bool(order) and order[0].descending
    keys.append(FrameRow.id.desc() if last_first else FrameRow.id.asc())
    return keys
