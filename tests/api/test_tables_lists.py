"""Every other list as a file, and what goes wrong in the middle of one."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from astropy.io import votable
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Message

from app.api.tables import Column, Format, Rows, columns_of, table_response
from app.api.tables.cells import cells_of
from app.api.tables.parquet import GROUP_ROWS, ParquetWriter
from app.api.tables.vocabulary import Kind
from app.api.tables.votable import VoTableWriter
from app.api.tables.writers import CsvWriter
from app.core.offload import Offload
from app.core.slots import BusyError, Slots
from app.db.engine import Sessions
from app.ingest.models import NewArrival, Source
from tests.support.archive import an_archive, settings_in
from tests.support.frames import a_frame, a_header
from tests.support.serving import Served, served


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload)
    async with served(archive) as api:
        yield api


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.asyncio
async def test_related_frames_are_a_table_too(api: Served, sessions: Sessions) -> None:
    raw = await a_frame(sessions, "raw", hdus=[a_header(GAIN=2)])
    await a_frame(sessions, "reduced", related=["raw"], hdus=[a_header(GAIN=3)])
    path = f"/frames/{raw.id}/related/"
    text = (await api.get(path, None, format="csv", fields="basename,header.GAIN")).text
    assert text == "basename,header.GAIN\r\nreduced,3.0\r\n"
    assert lines((await api.get(path, None, format="csv", offset=1)).text) == []
    (item,) = (await api.get(path, None, fields="basename,header.GAIN")).json()
    assert item == {"basename": "reduced", "header.GAIN": 3}
    assert (await api.get(path, None, fields="x")).status_code == 400


@pytest.mark.asyncio
async def test_arrivals_are_a_table_too(api: Served) -> None:
    token = await api.a_user("staff", is_staff=True)
    for number in range(3):
        await api.archive.ingest.announce(
            NewArrival(
                source=Source.INBOX,
                filename=f"{number}.fits",
                source_path=Path(f"/inbox/{number}.fits"),
                size_bytes=number,
            )
        )
    found = lines((await api.get("/ingest/", token, format="csv")).text)
    assert [row["filename"] for row in found] == ["2.fits", "1.fits", "0.fits"]
    assert found[0]["finished_at"] == ""
    page = (await api.get("/ingest/", token, fields="filename", limit=1)).json()
    assert page["results"] == [{"filename": "2.fits"}]
    assert page["count"] == 3
    assert (await api.get("/ingest/", token, fields="header.X")).status_code == 400
    assert (await api.get("/ingest/", None, format="csv")).status_code == 401


class Item(BaseModel):
    name: str | None
    size: int | None
    value: float | None


COLUMNS = columns_of(Item)
Begin = Callable[[], Rows]


async def sent(rows: Begin, slots: Slots, form: Format = Format.CSV) -> list[Message]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    response = table_response(rows, COLUMNS, form, name="x", slots=slots)
    try:
        await response({"type": "http", "method": "GET"}, receive, send)
    except (RuntimeError, BusyError) as error:
        messages.append({"type": "error", "error": error})
    return messages


def slots(limit: int = 1) -> Slots:
    return Slots(limit, wait_s=0.05, what="tables")


async def broken(*, after: int) -> Rows:
    for _ in range(after):
        yield [{"name": "a"}]
    raise RuntimeError("away")


@pytest.mark.asyncio
async def test_what_fails_at_first_fails_before_the_first_byte() -> None:
    rows = partial(broken, after=0)
    assert [message["type"] for message in await sent(rows, slots())] == ["error"]


@pytest.mark.parametrize("form", [Format.CSV, Format.VOTABLE, Format.PARQUET])
@pytest.mark.asyncio
async def test_what_fails_later_never_ends_as_if_it_were_whole(form: Format) -> None:
    rows = partial(broken, after=1)
    messages = await sent(rows, slots(), form)
    assert messages[0]["type"] == "http.response.start"
    assert messages[-1]["type"] == "error"
    assert all(message.get("more_body") for message in messages[1:-1])


@pytest.mark.asyncio
async def test_so_many_tables_at_a_time_and_no_more() -> None:
    free, one = asyncio.Event(), slots()

    async def rows() -> Rows:
        yield [{"name": "a"}]
        await free.wait()

    first = asyncio.create_task(sent(rows, one))
    await asyncio.sleep(0.01)
    (refused,) = await sent(rows, one)
    assert isinstance(refused["error"], BusyError)
    free.set()
    assert (await first)[-1] == {"type": "http.response.body"}
    assert (await sent(rows, one))[-1] == {"type": "http.response.body"}


@pytest.mark.asyncio
async def test_who_goes_away_gives_everything_back() -> None:
    closed, one = [], slots()
    gone = asyncio.Event()

    async def rows() -> Rows:
        try:
            for _ in range(1000):
                yield [{"name": "a"}]
        finally:
            closed.append(True)

    async def send(message: Message) -> None:
        if message.get("body"):
            gone.set()
        await asyncio.sleep(0)

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    response = table_response(rows, COLUMNS, Format.CSV, name="x", slots=one)
    await response({"type": "http", "method": "GET"}, receive, send)
    assert closed == [True]
    async with one.taken():
        pass


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
items = st.fixed_dictionaries(
    {
        "name": st.none() | texts,
        "size": st.none() | st.integers(-(2**63), 2**63 - 1),
        "value": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    }
)


@settings(deadline=None)
@given(st.lists(items, max_size=5))
def test_csv_gives_back_what_was_written(rows: list[dict[str, Any]]) -> None:
    writer = CsvWriter(COLUMNS)
    content = writer.begin() + writer.write(cells_of(rows, COLUMNS)) + writer.end()
    found = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert found[0] == ["name", "size", "value"]
    expected = [["" if row[name] is None else str(row[name]) for name in found[0]] for row in rows]
    assert found[1:] == expected


@settings(deadline=None)
@given(st.lists(items, max_size=5))
def test_parquet_gives_back_what_was_written(rows: list[dict[str, Any]]) -> None:
    writer = ParquetWriter(COLUMNS)
    content = writer.begin() + writer.write(cells_of(rows, COLUMNS)) + writer.end()
    expected = [{**row, "name": row["name"] or None} for row in rows]
    assert pq.read_table(io.BytesIO(content)).to_pylist() == expected


@settings(deadline=None)
@given(st.lists(items, max_size=5))
def test_a_votable_gives_back_what_was_written(rows: list[dict[str, Any]]) -> None:
    writer = VoTableWriter(COLUMNS, "things")
    content = writer.begin() + writer.write(cells_of(rows, COLUMNS)) + writer.end()
    table = votable.parse(io.BytesIO(content), verify="exception").get_first_table().to_table()
    assert len(table) == len(rows)
    for found, row in zip(table, rows, strict=True):
        for name in ("size", "value"):
            assert (found[name] is None or found[name] == row[name]) or row[name] is None
        if row["name"] and row["name"].isprintable():
            assert str(found["name"]) == row["name"]


def test_names_that_xml_does_not_know_are_no_trouble() -> None:
    names = ["header.ESO DET DIT", "header.1", "header.ESO+DET+DIT", 'a<b&"c']
    columns = [Column(name, Kind.NUMBER) for name in names]
    writer = VoTableWriter(columns, "things")
    content = writer.begin() + writer.write([[1.0, 2.0, 3.0, 4.0]]) + writer.end()
    table = votable.parse(io.BytesIO(content), verify="exception").get_first_table()
    assert [field.name for field in table.fields] == names
    assert len({field.ID for field in table.fields}) == 4


def test_parquet_comes_in_groups() -> None:
    writer = ParquetWriter(COLUMNS)
    row = {"name": "a", "size": 1, "value": 2.0}
    half = cells_of([row] * (GROUP_ROWS // 2), COLUMNS)
    pieces = [writer.begin(), *(writer.write(half) for _ in range(5))]
    assert [bool(piece) for piece in pieces] == [True, False, True, False, True, False]
    content = b"".join([*pieces, writer.end()])
    file = pq.ParquetFile(io.BytesIO(content))
    assert (file.num_row_groups, file.metadata.num_rows) == (3, GROUP_ROWS * 5 // 2)
