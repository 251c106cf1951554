"""Compare ways to find frames by any card of their header, on a PostgreSQL of its own.

``python -m benchmarks.header_search --frames 200000`` makes frames with 100 cards each, keeps them
in every layout of docs/adr/0009-header-search.md, and prints sizes and times.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import asyncpg
import typer
from sqlalchemy.engine import make_url

from app.db.embedded import EmbeddedPostgres
from app.frames.store.header_search import FEW

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CARDS: Final = 100
_REPEATS: Final = 7
_INSERTS: Final = 300

_FRAMES: Final = """
CREATE TABLE frames (id bigint PRIMARY KEY, observed_at timestamptz, public_at timestamptz,
                     rest text);
INSERT INTO frames SELECT n, '2016-01-01'::timestamptz + n * interval '30 s', '2020-01-01',
       repeat('x', 300) FROM generate_series(1, {frames}) n;
CREATE INDEX ON frames (observed_at DESC NULLS LAST, id DESC);
CREATE TABLE cards AS
SELECT n AS frame_id, k, 'KEY' || k AS keyword,
       CASE WHEN k = 0 THEN 1 + 2 * random() ^ 2
            WHEN k < 30 THEN round((random() * 1e4)::numeric, 5)::float8
            WHEN k < 55 THEN floor(random() * 10)
            WHEN k < 65 THEN k END AS number,
       CASE WHEN k BETWEEN 65 AND 79 THEN 'value ' || floor(random() * 20)
            WHEN k BETWEEN 80 AND 89 THEN 'always the same ' || k
            WHEN k BETWEEN 90 AND 94
            THEN to_char('2016-01-01'::timestamp + n * interval '30 s', 'YYYY-MM-DD"T"HH24:MI:SS')
            END AS text,
       CASE WHEN k >= 95 THEN random() < 0.5 END AS flag
FROM generate_series(1, {frames}) n, generate_series(0, 99) k;
"""
"""Of the cards, 30 are numbers that hardly repeat, 35 numbers that do, 30 texts, 5 logical."""

_DOCUMENTS: Final = """
CREATE TABLE documents (frame_id bigint PRIMARY KEY REFERENCES frames ON DELETE CASCADE,
                        cards jsonb);
INSERT INTO documents
SELECT frame_id, jsonb_object_agg(keyword, coalesce(to_jsonb(number), to_jsonb(text),
                                                    to_jsonb(flag)))
FROM cards GROUP BY frame_id;
"""
_GIN: Final = "CREATE INDEX documents_gin ON documents USING gin (cards jsonb_path_ops);"
_EXPRESSION: Final = """
CREATE INDEX documents_key0 ON documents
((CASE WHEN jsonb_typeof(cards->'KEY0') = 'number' THEN (cards->'KEY0')::float8 END), frame_id);
"""
_ROWS: Final = """
CREATE TABLE {table} (frame_id bigint NOT NULL REFERENCES frames ON DELETE CASCADE,
                      keyword {type} NOT NULL, number float8, flag boolean,
                      text text COLLATE "C");
INSERT INTO {table} SELECT frame_id, {key}, number, flag, text FROM cards ORDER BY frame_id, k;
ALTER TABLE {table} ADD PRIMARY KEY (frame_id, keyword);
CREATE INDEX ON {table} (keyword, number, frame_id) WHERE number IS NOT NULL;
CREATE INDEX ON {table} (keyword, text, frame_id) WHERE text IS NOT NULL;
CREATE INDEX ON {table} (keyword, flag, frame_id) WHERE flag IS NOT NULL;
"""
_HASH: Final = "('x' || left(md5({}), 16))::bit(64)::bigint"

_PAGE: Final = (
    "SELECT f.* FROM frames f WHERE {} ORDER BY observed_at DESC NULLS LAST, id DESC LIMIT 100"
)
_COUNT: Final = "SELECT count(*) FROM frames f WHERE f.public_at < now() AND {}"

_DOCUMENT_TESTS: Final = {
    "number < selective": "(cards->'KEY0')::float8 < 1.000001",
    "number < half": "(cards->'KEY0')::float8 < 1.5",
    "text = 1 in 20": """cards @> '{"KEY70": "value 7"}'""",
    "text = unique": """cards @> '{"KEY92": "2016-01-03T01:00:00"}'""",
}
_ROW_TESTS: Final = {
    "number < selective": ("KEY0", "number < 1.000001"),
    "number < half": ("KEY0", "number < 1.5"),
    "text = 1 in 20": ("KEY70", "text = 'value 7'"),
    "text = unique": ("KEY92", "text = '2016-01-03T01:00:00'"),
}


@asynccontextmanager
async def _database() -> AsyncIterator[Connection]:
    """Start a PostgreSQL that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="skyshelf-bench-") as folder:
        server = EmbeddedPostgres(Path(folder))
        url = make_url(await server.start()).set(drivername="postgresql")
        connection = await asyncpg.connect(url.render_as_string(hide_password=False))
        try:
            yield connection
        finally:
            await connection.close()
            await server.stop()


async def _make(connection: Connection, name: str, statement: str, frames: int) -> None:
    """Build something and say what it took, in time and in bytes a frame."""
    before = await connection.fetchval("SELECT pg_database_size(current_database())")
    begun = time.perf_counter()
    await connection.execute(statement)
    took_s = time.perf_counter() - begun
    after = await connection.fetchval("SELECT pg_database_size(current_database())")
    _say(f"{name:<44} {took_s:8.1f} s {(after - before) / frames:9.0f} byte/frame")


async def _time(connection: Connection, name: str, condition: str) -> None:
    """Time a page of 100 in the usual order, and the exact count."""
    page_ms = await _median_ms(lambda: connection.fetch(_PAGE.format(condition)))
    count_ms = await _median_ms(lambda: connection.fetch(_COUNT.format(condition)))
    _say(f"{name:<44} page {page_ms:9.2f} ms   count {count_ms:9.1f} ms")


async def _time_narrowed(connection: Connection, name: str, matches: str) -> None:
    """Time the same, with the numbers of the matches fetched beforehand where they are few."""

    async def ask(statement: str) -> None:
        some = f"SELECT array_agg(frame_id) FROM ({matches} LIMIT {FEW + 1}) few"  # noqa: S608  # our own text
        found = await connection.fetchval(some) or []
        if len(found) > FEW:
            await connection.fetch(statement.format(f"id IN ({matches})"))
        else:
            await connection.fetch(statement.format("id = ANY($1::bigint[])"), sorted(found))

    page_ms = await _median_ms(lambda: ask(_PAGE))
    count_ms = await _median_ms(lambda: ask(_COUNT))
    _say(f"{name:<44} page {page_ms:9.2f} ms   count {count_ms:9.1f} ms")


async def _median_ms(act: Callable[[], Awaitable[object]]) -> float:
    taken_ms = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        await act()
        taken_ms.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken_ms)


async def _insert(connection: Connection, name: str, statement: str, frames: int) -> None:
    """Time the insert of one frame's cards, each in a transaction of its own."""
    cards = await connection.fetch("SELECT * FROM cards WHERE frame_id <= 3 ORDER BY frame_id, k")
    kept = [[card[column] for card in cards[:CARDS]] for column in ("keyword", "number", "text")]
    taken_ms = []
    for number in range(frames + 1, frames + 1 + _INSERTS):
        await connection.execute("INSERT INTO frames VALUES ($1, now(), now(), '')", number)
        begun = time.perf_counter()
        await connection.execute(statement, number, *kept)
        taken_ms.append(1000 * (time.perf_counter() - begun))
    await connection.execute("DELETE FROM frames WHERE id > $1", frames)
    _say(f"{name:<44} {statistics.median(taken_ms):8.2f} ms a frame")


def _insert_rows(table: str, key: str) -> str:
    return (
        f"INSERT INTO {table} (frame_id, keyword, number, text)"  # noqa: S608  # our own text
        f" SELECT $1, {key}, n + random(), t || random() FROM unnest($2::text[], $3::float8[], $4::text[])"  # noqa: E501
        " AS c(keyword, n, t)"
    )


_INSERT_DOCUMENT: Final = (
    "INSERT INTO documents SELECT $1::bigint, jsonb_object_agg(keyword, coalesce("
    "to_jsonb(n + random()), to_jsonb(t || random()), 'true'))"
    " FROM unnest($2::text[], $3::float8[], $4::text[]) AS c(keyword, n, t)"
)


async def _compare(frames: int) -> None:
    async with _database() as connection:
        await _make(connection, "frames and cards", _FRAMES.format(frames=frames), frames)
        await _documents(connection, frames)
        hashed = _HASH.format("keyword")
        for table, type_, key in (
            ("rows_by_hash", "bigint", hashed),
            ("rows_by_name", 'text COLLATE "C"', "keyword"),
        ):
            made = _ROWS.format(table=table, type=type_, key=key)
            await _make(connection, f"{table} with their indexes", made, frames)
            await connection.execute(f"VACUUM ANALYZE {table}")
            await _insert(connection, f"{table}: insert", _insert_rows(table, key), frames)
            tests = _tests_on(table, hashed=type_ == "bigint")
            for name, matches in tests.items():
                await _time(connection, f"{table}: {name}", f"id IN ({matches})")
            for name, matches in tests.items():
                await _time_narrowed(connection, f"{table}, narrowed: {name}", matches)


async def _documents(connection: Connection, frames: int) -> None:
    await _make(connection, "documents (jsonb)", _DOCUMENTS, frames)
    await connection.execute("VACUUM ANALYZE frames, documents")
    await _insert(connection, "documents: insert", _INSERT_DOCUMENT, frames)
    await _make(connection, "documents: GIN jsonb_path_ops", _GIN, frames)
    await _insert(connection, "documents with GIN: insert", _INSERT_DOCUMENT, frames)
    await _make(connection, "documents: expression btree, ONE keyword", _EXPRESSION, frames)
    for name, test in _DOCUMENT_TESTS.items():
        condition = f"id IN (SELECT frame_id FROM documents WHERE {test})"  # noqa: S608  # our own
        await _time(connection, f"documents: {name}", condition)


def _tests_on(table: str, *, hashed: bool) -> Mapping[str, str]:
    """Give what selects the frames of each test out of a table of cards."""
    conditions = {}
    for name, (keyword, test) in _ROW_TESTS.items():
        key = _HASH.format(f"'{keyword}'") if hashed else f"'{keyword}'"
        conditions[name] = f"SELECT frame_id FROM {table} WHERE keyword = {key} AND {test}"  # noqa: S608  # our own text
    return conditions


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(frames: Annotated[int, typer.Option(help="How many frames.")] = 100_000) -> None:
    """Compare the layouts."""
    asyncio.run(_compare(frames))


if __name__ == "__main__":
    typer.run(main)
