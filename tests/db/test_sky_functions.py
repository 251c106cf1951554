"""SQL says of every position and area what Python says, and Python what astropy says."""

import importlib.util
import math
import random
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import pytest_asyncio
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from astropy import units as u
from astropy.coordinates import SkyCoord
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.core.errors import UnavailableError
from app.core.sky import Box, Cone, Vector, cross, normalized, position_deg, unit_vector
from app.core.sky_polygon import InvalidPolygonError, Polygon, polygon_of
from app.db.sky import CENTER_CUBE, Cube, SkyColumns, covers_point, intersects_polygon, within_cone

MIGRATION = Path(__file__).parents[2] / "migrations/versions/2026_11_20_0001_sky_functions.py"
FRAMES = Table(
    "sky_frames",
    MetaData(),
    Column("id", Integer, primary_key=True),
    *(Column(name, Double) for name in "xyz"),
    Column("area", ARRAY(Double)),
    Column("area_box", Cube),
    prefixes=["TEMPORARY"],
)
Index("sky_position", text(CENTER_CUBE), postgresql_using="gist", _table=FRAMES)
Index("sky_area", FRAMES.c.area_box, postgresql_using="gist")
COLUMNS = SkyColumns(
    x=FRAMES.c.x, y=FRAMES.c.y, z=FRAMES.c.z, area=FRAMES.c.area, area_box=FRAMES.c.area_box
)
SPECIAL = [
    *[(ra, dec) for ra in (0.0, 360.0, 90.0, 180.0, 270.0) for dec in (0.0, 45.0, 90.0, -90.0)],
    (359.9999999, 1e-9),
    (1e-7, 0.0),
    (1e-300, 1e-300),
    (180.0, -89.9999999),
    (45.0, 89.9999999),
]


@pytest_asyncio.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(database_url, poolclass=NullPool)
    async with engine.connect() as opened:
        await opened.run_sync(FRAMES.create)
        await opened.execute(insert(FRAMES), {"id": 0})  # neither position nor area
        yield opened
        await opened.rollback()
    await engine.dispose()


async def matches(connection: AsyncConnection, condition: ColumnElement[bool]) -> set[int]:
    """Ask with the index and without it."""
    answers = []
    for index in ("off", "on"):
        await connection.execute(text(f"SET LOCAL enable_seqscan = {index}"))
        answers.append(set(await connection.scalars(select(FRAMES.c.id).where(condition))))
    assert answers[0] == answers[1]
    return answers[0]


def any_position(rng: random.Random) -> tuple[float, float]:
    if rng.random() < 0.2:
        return rng.choice(SPECIAL)
    return rng.uniform(0, 360), math.degrees(math.asin(rng.uniform(-1, 1)))


def beside(rng: random.Random, center: Vector, radius_rad: float) -> Vector:
    """Go from the centre by about a radius, or exactly by it, into any direction."""
    east = normalized(cross(Vector(0.3, 0.5, 0.81), center))
    north = cross(center, east)
    turn, angle = rng.uniform(0, 2 * math.pi), radius_rad * rng.choice([1, 1, rng.uniform(0, 2)])
    return normalized(
        Vector(
            *(
                c * math.cos(angle) + (e * math.cos(turn) + n * math.sin(turn)) * math.sin(angle)
                for c, e, n in zip(center, east, north, strict=True)
            )
        )
    )


def a_polygon(rng: random.Random, center: Vector, radius_rad: float) -> Polygon:
    """Make a star, mostly not convex, turning either way."""
    east = normalized(cross(Vector(0.3, 0.5, 0.81), center))
    north = cross(center, east)
    count = rng.randint(3, 9)
    turns = sorted((rng.uniform(0, 2 * math.pi) for _ in range(count)), reverse=rng.random() < 0.5)
    vertices = []
    for turn in turns:
        angle = radius_rad * rng.uniform(0.3, 1)
        side = [e * math.cos(turn) + n * math.sin(turn) for e, n in zip(east, north, strict=True)]
        vertices.append(
            position_deg(
                Vector(
                    *(
                        c * math.cos(angle) + s * math.sin(angle)
                        for c, s in zip(center, side, strict=True)
                    )
                )
            )
        )
    try:
        return polygon_of(vertices)
    except InvalidPolygonError:
        return a_polygon(rng, center, radius_rad)


def between(rng: random.Random, a: Vector, b: Vector) -> Vector:
    t = rng.random()
    return normalized(Vector(*((1 - t) * p + t * q for p, q in zip(a, b, strict=True))))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "radius_deg", [0.0, 1e-6, 10 / 60, 5.0, 60.0, 90.0, 91.0, 179.0, 179.999999, 180.0]
)
async def test_cones(connection: AsyncConnection, radius_deg: float) -> None:
    rng = random.Random(radius_deg)  # noqa: S311  # no secret
    centers = [*SPECIAL[::4], *(any_position(rng) for _ in range(4))]
    radius_rad = math.radians(radius_deg)
    points = [unit_vector(*position) for position in SPECIAL] + [
        beside(rng, unit_vector(*center), radius_rad) for center in centers for _ in range(20)
    ]
    rows = [{"id": n, **point._asdict()} for n, point in enumerate(points, 1)]
    await connection.execute(insert(FRAMES), rows)
    coordinates = SkyCoord([position_deg(point) for point in points], unit=u.deg)
    for center in centers:
        cone = Cone(unit_vector(*center), radius_deg)
        found = await matches(connection, within_cone(COLUMNS, cone))
        assert found == {n for n, point in enumerate(points, 1) if cone.contains(point)}
        separations = SkyCoord(*center, unit=u.deg).separation(coordinates).deg
        margin = 2e-7
        assert found >= set(np.flatnonzero(separations <= radius_deg) + 1)
        assert found <= set(np.flatnonzero(separations <= radius_deg + margin) + 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("radius_rad", [1e-6, 1e-3, 0.1, 0.7, 1.4])
async def test_covers(connection: AsyncConnection, radius_rad: float) -> None:
    rng = random.Random(radius_rad)  # noqa: S311  # no secret
    centers = [unit_vector(*any_position(rng)) for _ in range(25)]
    polygons = [a_polygon(rng, center, radius_rad) for center in centers]
    await insert_areas(connection, polygons)
    for center, polygon in zip(centers, polygons, strict=True):
        edge = rng.choice(list(polygon.edges()))
        on_edge = between(rng, *edge)
        opposite = Vector(*(-value for value in center))
        inner = [beside(rng, center, radius_rad) for _ in range(3)]
        for point in (edge[0], on_edge, center, opposite, *inner):
            expected = {n for n, each in enumerate(polygons, 1) if each.covers(point)}
            assert await matches(connection, covers_point(COLUMNS, point)) == expected
        assert polygon.covers(on_edge)


@pytest.mark.asyncio
@pytest.mark.parametrize("radius_rad", [1e-6, 1e-3, 0.1, 0.7, 1.4])
async def test_intersects(connection: AsyncConnection, radius_rad: float) -> None:
    rng = random.Random(radius_rad)  # noqa: S311  # no secret
    centers = [unit_vector(*any_position(rng)) for _ in range(12)]
    polygons = [a_polygon(rng, center, radius_rad) for center in centers]
    polygons += [a_polygon(rng, beside(rng, at, radius_rad), radius_rad) for at in centers]
    await insert_areas(connection, polygons)
    hits = 0
    for center in centers:
        size = radius_rad * rng.choice([0.05, 1.0])
        asked = a_polygon(rng, beside(rng, center, radius_rad), size)
        expected = {n for n, each in enumerate(polygons, 1) if each.intersects(asked)}
        assert await matches(connection, intersects_polygon(COLUMNS, asked)) == expected
        hits += len(expected)
    assert 0 < hits < len(centers) * len(polygons)


async def insert_areas(connection: AsyncConnection, polygons: list[Polygon]) -> None:
    rows = [
        {"id": n, "area": polygon.flat(), "area_box": polygon.box()}
        for n, polygon in enumerate(polygons, 1)
    ]
    await connection.execute(insert(FRAMES), rows)


@pytest.mark.asyncio
async def test_touching_counts(connection: AsyncConnection) -> None:
    square = polygon_of([(350, -10), (350, 10), (10, 10), (10, -10)])
    await insert_areas(connection, [square])
    for vertices in ([(10, 10), (10, 20), (20, 20)], [(10, -5), (10, 5), (20, 0)]):
        assert await matches(connection, intersects_polygon(COLUMNS, polygon_of(vertices))) == {1}
    apart = polygon_of([(10.0001, -5), (10.0001, 5), (20, 0)])
    assert await matches(connection, intersects_polygon(COLUMNS, apart)) == set()
    assert await matches(connection, covers_point(COLUMNS, unit_vector(0, 0))) == {1}
    assert await matches(connection, covers_point(COLUMNS, unit_vector(340, 0))) == set()


@pytest.mark.asyncio
async def test_a_straight_vertex_in_a_long_area(connection: AsyncConnection) -> None:
    band = polygon_of([(-80, -5), (80, -5), (80, 0), (80, 5), (-80, 5), (-80, 0)])
    await insert_areas(connection, [band, Polygon(band.vertices[::-1])])
    for ra_deg in (-79, 0, 79):
        assert await matches(connection, covers_point(COLUMNS, unit_vector(ra_deg, 0))) == {1, 2}
        opposite = func.sky_covers(FRAMES.c.area, *unit_vector(ra_deg + 180, 0))
        assert await matches(connection, opposite) == set()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "box",
    [
        Box(Vector(0.1, -0.2, 1 / 3), Vector(1e-17, 2.5, 1.0)),
        Box(Vector(0.1, 0.2, 0.3), Vector(0.1, 0.2, 0.3)),
    ],
)
async def test_a_box_comes_back_to_the_last_bit(connection: AsyncConnection, box: Box) -> None:
    await connection.execute(insert(FRAMES), {"id": 1, "area_box": box})
    stored = await connection.scalars(select(FRAMES.c.area_box).order_by(FRAMES.c.id))
    assert stored.all() == [None, box]


@pytest.mark.asyncio
async def test_the_functions_may_run_anywhere(connection: AsyncConnection) -> None:
    query = text(
        "SELECT proname, provolatile, proparallel, proisstrict FROM pg_proc"
        " WHERE proname LIKE 'sky\\_%'"
    )
    rows = (await connection.execute(query)).all()
    assert len(rows) == 5
    assert all(row[1:] == (b"i", b"s", True) for row in rows)


def migration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sky_migration", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_migration(connection: Connection, direction: str) -> None:
    with Operations.context(MigrationContext.configure(connection)):
        getattr(migration(), direction)()


@pytest.mark.asyncio
async def test_down_and_up_again(connection: AsyncConnection) -> None:
    count = text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'sky\\_%'")
    await connection.run_sync(run_migration, "downgrade")
    assert await connection.scalar(count) == 0
    await connection.run_sync(run_migration, "upgrade")
    assert await connection.scalar(count) == 5


@pytest.mark.asyncio
async def test_a_server_without_cube_is_told_what_to_install(connection: AsyncConnection) -> None:
    await connection.execute(
        text("CREATE TEMPORARY VIEW pg_available_extensions AS SELECT 'plpgsql' AS name")
    )
    await connection.execute(text("SET LOCAL search_path = pg_temp, public, pg_catalog"))
    with pytest.raises(UnavailableError, match="'cube'"):
        await connection.run_sync(run_migration, "upgrade")
