"""Well-known text of queries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.sky import Vector, unit_vector
from app.core.sky_polygon import Polygon, polygon_of
from app.core.sky_text import InvalidGeometryError, Query, parse_geometry


@pytest.mark.parametrize(
    "text",
    ["POINT(10 -20)", "point ( 10.0  -20. )", " POINT(+1e1\t-2.0E+1) ", "POINT(370 -20)"],
)
@pytest.mark.parametrize("query", ["covers", "intersects"])
def test_points(text: str, query: Query) -> None:
    assert parse_geometry(text, query=query) == unit_vector(10, -20)


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON((0 0, 0 10, 10 10, 10 0, 0 0))",
        "polygon ( ( 0 0,0 10 ,10 10,10 0 ) )",
        "POLYGON((0 0, 0 10, 0 10, 10 10, 10 0))",
    ],
)
def test_polygons(text: str) -> None:
    expected = polygon_of([(0, 0), (0, 10), (10, 10), (10, 0)])
    assert parse_geometry(text, query="intersects") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "POINT",
        "POINT()",
        "POINT EMPTY",
        "POINT(10)",
        "POINT(10, 20)",
        "POINT(10 20 30)",
        "POINT(10 20",
        "POINT(10 20) x",
        "POINT(10 91)",
        "POINT(1e999 0)",
        "POINT(nan 0)",
        "POINT(1_0 0)",
        "POINT(\u0661 0)",
        "LINESTRING(0 0, 1 1)",
        "POLYGON(0 0, 0 10, 10 10)",
        "POLYGON((0 0, 0 10))",
        "POLYGON((0 0, 10 10, 10 0, 0 10))",
        "POLYGON((0 0, 0 10, 10 10), (1 1, 1 2, 2 2))",
        "POLYGON((0 0, 120 0, 240 0))",
        "POLYGON((0 0, 0 10, 10 x))",
    ],
)
def test_anything_else_gets_the_text_of_the_contract(text: str) -> None:
    with pytest.raises(InvalidGeometryError) as caught:
        parse_geometry(text, query="intersects")
    assert caught.value.field == "intersects"
    assert caught.value.reason
    assert caught.value.message == (
        "Error with intersects query: Point must be specified with exact format 'POINT(RA DEC)'"
    )


def test_covers_takes_points_only() -> None:
    with pytest.raises(InvalidGeometryError, match="Error with covers query: Point must be"):
        parse_geometry("POLYGON((0 0, 0 10, 10 10))", query="covers")


@given(st.text(alphabet="POINTLYG ()0123456789.,-e+", max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    for prefix in ("", "POINT(", "POLYGON(("):
        try:
            geometry = parse_geometry(prefix + text, query="intersects")
        except InvalidGeometryError:
            continue
        assert isinstance(geometry, Vector | Polygon)
