"""Sky search: the cube extension, and polygons on the sphere.

The functions do the same sums as ``app/core/sky_polygon.py``, where they are explained; a test
holds the two equal. An area is a flat array of unit vectors, x1, y1, z1, x2, …, not closed, that
the module has checked. The tolerance is 1e-9 rad.

Revision ID: 0001
Revises:
"""

from alembic import op
from sqlalchemy import text

from app.core.errors import UnavailableError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The signed angle at p from the direction of a to that of b [rad]; null if p is on the edge.
ANGLE = """
CREATE FUNCTION sky_angle(
    px float8, py float8, pz float8,
    ax float8, ay float8, az float8,
    bx float8, by float8, bz float8
) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 50 AS $$
DECLARE
    ux float8 := ax - px;
    uy float8 := ay - py;
    uz float8 := az - pz;
    wx float8 := bx - px;
    wy float8 := by - py;
    wz float8 := bz - pz;
    u2 float8 := ux * ux + uy * uy + uz * uz;
    w2 float8 := wx * wx + wy * wy + wz * wz;
    e2 float8 := (bx - ax) * (bx - ax) + (by - ay) * (by - ay) + (bz - az) * (bz - az);
    off_plane float8 := px * (uy * wz - uz * wy)
        + py * (uz * wx - ux * wz) + pz * (ux * wy - uy * wx);
BEGIN
    IF u2 <= 1e-18 OR w2 <= 1e-18 OR (
        off_plane * off_plane <= 1e-18 * e2 * (1 - e2 / 4)
        AND u2 + e2 - w2 > u2 * e2 / 2
        AND w2 + e2 - u2 > w2 * e2 / 2
    ) THEN
        RETURN NULL;
    END IF;
    RETURN atan2(off_plane, ux * wx + uy * wy + uz * wz - u2 * w2 / 4);
END $$
"""

# Whether the vertices run counter-clockwise, seen from outside the sphere.
IS_COUNTERCLOCKWISE = """
CREATE FUNCTION sky_is_counterclockwise(area float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 500 AS $$
DECLARE
    n integer := cardinality(area);
    a integer := n - 2;
    c integer;
    angle float8;
    turning float8 := 0;
BEGIN
    FOR b IN 1..n BY 3 LOOP
        c := CASE WHEN b + 3 > n THEN 1 ELSE b + 3 END;
        angle := coalesce(sky_angle(
            area[b], area[b + 1], area[b + 2],
            area[a], area[a + 1], area[a + 2],
            area[c], area[c + 1], area[c + 2]
        ), pi());
        turning := turning + angle + CASE WHEN angle <= 0 THEN pi() ELSE -pi() END;
        a := b;
    END LOOP;
    RETURN turning > 0;
END $$
"""

# Whether a direction lies in an area or on its boundary.
COVERS = """
CREATE FUNCTION sky_covers(area float8[], x float8, y float8, z float8) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    n integer := cardinality(area);
    a integer := n - 2;
    angle float8;
    turn float8 := 0;
BEGIN
    FOR b IN 1..n BY 3 LOOP
        angle := sky_angle(
            x, y, z,
            area[a], area[a + 1], area[a + 2],
            area[b], area[b + 1], area[b + 2]
        );
        IF angle IS NULL THEN
            RETURN true;
        END IF;
        turn := turn + angle;
        a := b;
    END LOOP;
    RETURN abs(turn) > pi() AND (turn > 0) = sky_is_counterclockwise(area);
END $$
"""

# Whether two edges, a to b and c to d, cross inside both.
CROSS = """
CREATE FUNCTION sky_cross(
    ax float8, ay float8, az float8,
    bx float8, by float8, bz float8,
    cx float8, cy float8, cz float8,
    dx float8, dy float8, dz float8
) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 50 AS $$
DECLARE
    mx float8 := ay * (bz - az) - az * (by - ay);
    my float8 := az * (bx - ax) - ax * (bz - az);
    mz float8 := ax * (by - ay) - ay * (bx - ax);
    nx float8 := cy * (dz - cz) - cz * (dy - cy);
    ny float8 := cz * (dx - cx) - cx * (dz - cz);
    nz float8 := cx * (dy - cy) - cy * (dx - cx);
    c_side float8 := mx * (cx - ax) + my * (cy - ay) + mz * (cz - az);
    d_side float8 := mx * (dx - ax) + my * (dy - ay) + mz * (dz - az);
    a_side float8 := nx * (ax - cx) + ny * (ay - cy) + nz * (az - cz);
    b_side float8 := nx * (bx - cx) + ny * (by - cy) + nz * (bz - cz);
BEGIN
    RETURN (c_side > 0 AND d_side < 0 AND a_side < 0 AND b_side > 0)
        OR (c_side < 0 AND d_side > 0 AND a_side > 0 AND b_side < 0);
END $$
"""

# Whether two areas have a point in common; touching counts.
INTERSECTS = """
CREATE FUNCTION sky_intersects(a float8[], b float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
DECLARE
    m integer := cardinality(a);
    n integer := cardinality(b);
    p integer;
    q integer;
BEGIN
    FOR i IN 1..m BY 3 LOOP
        IF sky_covers(b, a[i], a[i + 1], a[i + 2]) THEN
            RETURN true;
        END IF;
    END LOOP;
    FOR j IN 1..n BY 3 LOOP
        IF sky_covers(a, b[j], b[j + 1], b[j + 2]) THEN
            RETURN true;
        END IF;
    END LOOP;
    p := m - 2;
    FOR i IN 1..m BY 3 LOOP
        q := n - 2;
        FOR j IN 1..n BY 3 LOOP
            IF sky_cross(
                a[p], a[p + 1], a[p + 2], a[i], a[i + 1], a[i + 2],
                b[q], b[q + 1], b[q + 2], b[j], b[j + 1], b[j + 2]
            ) THEN
                RETURN true;
            END IF;
            q := j;
        END LOOP;
        p := i;
    END LOOP;
    RETURN false;
END $$
"""

FUNCTIONS = (
    "sky_intersects(float8[], float8[])",
    "sky_cross(" + ", ".join(["float8"] * 12) + ")",
    "sky_covers(float8[], float8, float8, float8)",
    "sky_is_counterclockwise(float8[])",
    "sky_angle(" + ", ".join(["float8"] * 9) + ")",
)


def upgrade() -> None:
    if not op.get_context().as_sql:
        demand_cube()
    op.execute("CREATE EXTENSION IF NOT EXISTS cube")
    for statement in (ANGLE, IS_COUNTERCLOCKWISE, COVERS, CROSS, INTERSECTS):
        op.execute(statement)


def downgrade() -> None:
    # The extension stays: it may have been there before, and others may use it.
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")


def demand_cube() -> None:
    """Say what to install where PostgreSQL came without its contrib modules.

    Raises
    ------
    UnavailableError
        If the server has no cube extension.
    """
    query = text("SELECT count(*) FROM pg_available_extensions WHERE name = 'cube'")
    if not op.get_bind().scalar(query):
        raise UnavailableError(
            "the PostgreSQL server lacks the extension 'cube'; it comes with PostgreSQL's contrib"
            " modules: install them there (on Debian they are part of the package postgresql)"
        )
