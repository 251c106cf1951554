"""Sky search in SQL: a condition that an index narrows, and an exact test that decides.

A frame's centre is stored as its unit vector, its area as a flat array of unit vectors and the box
around them. The functions behind the exact tests come with the first migration. Frames without
a position or area never match.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Dialect,
    Double,
    SQLColumnExpression,
    Text,
    and_,
    cast,
    func,
    literal,
    type_coerce,
)
from sqlalchemy.types import UserDefinedType
from typing_extensions import override

from app.core.sky import Box, Cone, Vector
from app.core.sky_polygon import Polygon

CENTER_CUBE: Final = "cube(cube(cube(x), y), z)"
"""The centre as a cube, for the index; unlike ``cube(ARRAY[x, y, z])`` it is NULL where x is."""


class Cube(UserDefinedType[Box]):
    """A column of the extension ``cube``, holding a `Box`; it travels as text."""

    cache_ok = True

    @override
    def get_col_spec(self, **kw: Any) -> str:
        """Name the type in SQL."""
        return "cube"

    @override
    def bind_expression(self, bindvalue: Any) -> ColumnElement[Any]:
        """Cast the text that is sent."""
        return cast(cast(bindvalue, Text), self)

    @override
    def column_expression(self, colexpr: Any) -> ColumnElement[Any]:
        """Read as text."""
        return type_coerce(cast(colexpr, Text), self)

    @override
    def bind_processor(self, dialect: Dialect) -> Callable[[Box | None], str | None]:
        """Write boxes as text."""
        return lambda box: None if box is None else _cube_text(box)

    @override
    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[str | None], Box | None]:
        """Make boxes of text."""
        return lambda text: None if text is None else _box_of(text)


def _cube_text(box: Box) -> str:
    """Write a box as cube's input: every number as it is, to the last bit."""
    low, high = (",".join(map(repr, corner)) for corner in (box.low, box.high))
    return f"({low}),({high})"


def _box_of(text: str) -> Box:
    """Read cube's output, ``(x, y, z),(x, y, z)``; a single corner where both are the same."""
    corners = [corner.strip("( )").split(",") for corner in text.split("),")]
    low, *rest = (Vector(*map(float, corner)) for corner in corners)
    return Box(low, rest[0] if rest else low)


@dataclass(frozen=True, slots=True)
class SkyColumns:
    """The columns of a table that sky search needs.

    Attributes
    ----------
    x, y, z
        Unit vector of the centre, double precision; indexed by GiST on `CENTER_CUBE`.
    area
        ``Polygon.flat()``, double precision[].
    area_box
        ``Polygon.box()``, cube; indexed by GiST.
    """

    x: SQLColumnExpression[Any]
    y: SQLColumnExpression[Any]
    z: SQLColumnExpression[Any]
    area: SQLColumnExpression[Any]
    area_box: SQLColumnExpression[Any]


def within_cone(columns: SkyColumns, cone: Cone) -> ColumnElement[bool]:
    """Select frames whose centre lies in a cone.

    Parameters
    ----------
    columns
        Where the frames' positions are.
    cone
        The cone; its rim belongs to it.

    Returns
    -------
    ColumnElement[bool]
        The condition.
    """
    center = func.cube(func.cube(func.cube(columns.x), columns.y), columns.z)
    offsets = zip((columns.x, columns.y, columns.z), cone.pole, strict=True)
    x2, y2, z2 = ((column - at) * (column - at) for column, at in offsets)
    chord_squared = x2 + y2 + z2
    exact = chord_squared >= cone.limit if cone.is_wide else chord_squared <= cone.limit
    return and_(center.op("<@", is_comparison=True)(_cube(cone.box())), exact)


def covers_point(columns: SkyColumns, point: Vector) -> ColumnElement[bool]:
    """Select frames whose area covers a point.

    Parameters
    ----------
    columns
        Where the frames' areas are.
    point
        A unit vector.

    Returns
    -------
    ColumnElement[bool]
        The condition; the boundary is covered.
    """
    candidate = columns.area_box.op("@>", is_comparison=True)(_cube(Box(point, point)))
    return and_(candidate, func.sky_covers(columns.area, *map(_number, point)))


def intersects_polygon(columns: SkyColumns, polygon: Polygon) -> ColumnElement[bool]:
    """Select frames whose area has a point in common with a polygon.

    Parameters
    ----------
    columns
        Where the frames' areas are.
    polygon
        The polygon.

    Returns
    -------
    ColumnElement[bool]
        The condition; touching counts.
    """
    candidate = columns.area_box.op("&&", is_comparison=True)(_cube(polygon.box()))
    return and_(candidate, func.sky_intersects(columns.area, _numbers(polygon.flat())))


def _cube(box: Box) -> ColumnElement[Any]:
    """Write a box as an expression."""
    return func.cube(_numbers(list(box.low)), _numbers(list(box.high)))


def _numbers(values: list[float]) -> ColumnElement[Any]:
    """Send numbers as an array."""
    return cast(literal(values, ARRAY(Double)), ARRAY(Double))


def _number(value: float) -> ColumnElement[float]:
    """Send a number as double precision."""
    return cast(literal(value, Double), Double)
