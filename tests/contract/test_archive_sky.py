"""`covers` and `intersects` of the LCO archive, on the sphere."""

import pytest

from app.db.engine import Sessions
from tests.support.frames import a_frame
from tests.support.lco import Lco

pytestmark = pytest.mark.asyncio

PLAIN = ((0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0))
WRAPPED = ((350.0, -10.0), (350.0, 10.0), (10.0, 10.0), (10.0, -10.0))
POLAR = ((0.0, 80.0), (90.0, 80.0), (180.0, 80.0), (270.0, 80.0))

COVERED = [
    (PLAIN, "5 5", True),
    (PLAIN, "20 20", False),
    (PLAIN, "5 -0.1", False),
    (PLAIN, "0 5", True),
    (PLAIN, "5 0", True),
    (PLAIN, "0 0", True),
    (PLAIN, "5 10.02", True),  # the great circle between (0 10) and (10 10) bulges to 10.04
    (PLAIN, "5 10.06", False),
    (WRAPPED, "0 0", True),
    (WRAPPED, "360 0", True),
    (WRAPPED, "-5 0", True),
    (WRAPPED, "355 5", True),
    (WRAPPED, "340 0", False),
    (WRAPPED, "180 0", False),
    (POLAR, "33 90", True),
    (POLAR, "33 -90", False),
]


@pytest.mark.parametrize(("area", "point", "is_covered"), COVERED)
async def test_arc_32_covers(
    lco: Lco,
    sessions: Sessions,
    area: tuple[tuple[float, float], ...],
    point: str,
    is_covered: bool,  # noqa: FBT001  # a parameter
) -> None:
    await a_frame(sessions, "there", area_deg=area)
    await a_frame(sessions, "nowhere")
    expected = ["there"] if is_covered else []
    for text in (f"POINT({point})", f" point ( {point} ) "):
        assert await lco.found(covers=text) == expected
        assert await lco.found(intersects=text) == expected


TOUCHED = [
    (PLAIN, "5 5, 20 5, 20 20, 5 20, 5 5", True),
    (PLAIN, "2 2, 3 2, 3 3, 2 3", True),
    (PLAIN, "-20 -20, 40 -20, 40 40, -20 40", True),
    (PLAIN, "11 0, 20 0, 20 10, 11 10", False),
    (PLAIN, "-5 4, 15 4, 15 6, -5 6", True),
    (WRAPPED, "340 -1, 355 -1, 355 1, 340 1", True),
    (WRAPPED, "170 -1, 190 -1, 190 1, 170 1", False),
    (POLAR, "10 85, 20 85, 15 89", True),
]


@pytest.mark.parametrize(("area", "ring", "is_touched"), TOUCHED)
async def test_arc_32_intersects(
    lco: Lco,
    sessions: Sessions,
    area: tuple[tuple[float, float], ...],
    ring: str,
    is_touched: bool,  # noqa: FBT001  # a parameter
) -> None:
    await a_frame(sessions, "there", area_deg=area)
    await a_frame(sessions, "nowhere")
    expected = ["there"] if is_touched else []
    for text in (f"POLYGON(({ring}))", f"polygon ( ( {ring} ) )"):
        assert await lco.found(intersects=text) == expected


BAD = [
    "POINT(5)", "POINT(5,5)", "POINT 5 5", "POINT(a b)", "POINT(5 5 5)", "POINT()", "5 5",
    "POINT(5 91)", "POINT(nan 5)", "CIRCLE(5 5 1)", "POINT(5 5", "POINT(1e999 5)", "'; DROP TABLE",
    "LINESTRING(0 0, 1 1)", "MULTIPOINT(0 0, 1 1)", "POINT(" + "1" * 4000 + " 5)",
]  # fmt: skip
BAD_POLYGONS = [
    "POLYGON((0 0, 1 1))", "POLYGON((0 0, 1 0, 2 0))", "POLYGON(0 0, 1 1, 1 0)", "POLYGON(())",
    "POLYGON((0 0, 0 95, 5 5))", "POLYGON((0 0, x 1, 1 0))",
]  # fmt: skip


@pytest.mark.parametrize("text", [*BAD, "POLYGON((0 0, 1 0, 1 1))"])
async def test_arc_33_covers_is_a_point(lco: Lco, text: str) -> None:
    answer = await lco.get("frames/", covers=text)
    message = "Error with covers query: Point must be specified with exact format 'POINT(RA DEC)'"
    assert (answer.status_code, answer.json()) == (400, [message])


@pytest.mark.parametrize("text", [*BAD, *BAD_POLYGONS])
async def test_arc_33_intersects_is_a_geometry(lco: Lco, text: str) -> None:
    answer = await lco.get("frames/", intersects=text)
    message = (
        "Error with intersects query: Point must be specified with exact format 'POINT(RA DEC)'"
    )
    assert (answer.status_code, answer.json()) == (400, [message])
