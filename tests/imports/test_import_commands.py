"""`skyshelf import`, as an operator types it."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.cli.imports_lco import chosen_filters, mount_of
from app.core.errors import ArchiveError, InvalidError
from app.imports.pyobs_database import opened_tables, source_name
from tests.support.commands import House
from tests.support.pyobs_archive import PyobsArchive, token_of
from tests.support.running_archive import free_port
from tests.support.second_archive import a_database


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> House:
    return House(tmp_path, asyncio.run(a_database(database_url, "commanded")))


@pytest.fixture
def old(tmp_path: Path) -> PyobsArchive:
    old = PyobsArchive(tmp_path / "old", "1.1.2")
    old.user(1, "pyobs", is_staff=True)
    old.user(2, "guest", email="PYOBS@example.org")
    old.frame(7, "bias-1", IMAGETYP="bias")
    old.frame(9, "science-1")
    return old


def test_import_pyobs_says_what_became_of_all(house: House, old: PyobsArchive) -> None:
    old.frame(11, "lost", with_file=False)
    database = old.write_sqlite(house.folder / "db.sqlite3")
    words = ("import", "pyobs", "--database", database, "--root", str(old.root))
    said, _ = house.run(*words, "--dry-run", code=1)
    assert "4 to be imported, 1 failed" in said[0]
    said, _ = house.run(*words, "--json", "report.json", code=1)
    assert "user guest: the address PYOBS@example.org belongs to another user" in said[0]
    assert said[1].endswith(": 4 imported, 1 failed")
    assert said[2].startswith("failed: frame 11 lost: there is no file tst/2026-11-18/lost.fits.fz")
    report = json.loads((house.folder / "report.json").read_text())
    assert (report["imported"], report["interrupted"]) == (4, False)
    assert [failure["what"] for failure in report["failures"]] == ["frame 11 lost"]
    said, _ = house.run(*words, "--no-users", code=1)
    assert said[0].endswith(": 2 known, 1 failed")
    token, _ = house.run("token", "show", "pyobs")
    assert token == [token_of("pyobs")]


def test_a_run_without_trouble_ends_with_0(house: House, old: PyobsArchive) -> None:
    database = old.write_sqlite(house.folder / "db.sqlite3")
    house.run("import", "pyobs", "--database", f"sqlite:///{database}", "--root", str(old.root))
    house.run("import", "pyobs", "--database", database, "--root", str(old.root))


def test_a_wrong_database_is_told_in_one_line(house: House, old: PyobsArchive) -> None:
    port = free_port()
    empty = house.folder / "empty.sqlite3"
    with closing(sqlite3.connect(empty)) as connection, connection:
        connection.execute("CREATE TABLE other (id integer)")
    text = house.folder / "text.sqlite3"
    text.write_text("this is text\n" * 1000)
    for database, reason in (
        ("nothing.sqlite3", "there is no SQLite database"),
        (str(empty), "not a database of pyobs-archive: no such table: api_frame"),
        (str(text), "cannot be read"),
        ("mysql://host/name", "sqlite:///file"),
        (f"postgresql://me:hushhush@127.0.0.1:{port}/x", "cannot be reached"),
    ):
        words = ("import", "pyobs", "--database", database, "--root", str(old.root))
        said, error = house.run(*words, code=2)
        assert said == []
        assert len(error.splitlines()) == 1
        assert reason in error
        assert "hushhush" not in error
    database = old.write_sqlite(house.folder / "db.sqlite3")
    _, error = house.run(
        "import", "pyobs", "--database", database, "--root", "nowhere", "--no-users", code=2
    )
    assert "name the ARCHIVE_ROOT" in error


def test_an_archive_that_is_away_is_told_in_one_line(house: House) -> None:
    _, error = house.run("import", "lco", "ftp://archive.example.org/", code=2)
    assert "http://host/path" in error
    _, error = house.run("import", "lco", "http://archive.example.org", "limit=3", code=2)
    assert "'limit=3' is no filter" in error


@pytest.mark.parametrize(
    ("url", "mount"),
    [
        ("http://a.example/archive", "http://a.example/archive/"),
        ("https://a.example/archive/frames/?limit=3", "https://a.example/archive/"),
        ("https://a.example", "https://a.example/"),
    ],
)
def test_the_mount_is_found_in_an_address(url: str, mount: str) -> None:
    assert mount_of(url) == mount


def test_filters_are_read() -> None:
    assert chosen_filters(["SITEID=tst", "public=false"], "2026-11-20") == {
        "SITEID": "tst",
        "public": "false",
        "start": "2026-11-20T00:00:00.000000",
    }
    for words, since in ((["SITEID"], None), (["=x"], None), ([], "yesterday")):
        with pytest.raises(InvalidError):
            chosen_filters(words, since)


def test_the_name_of_a_database_holds_no_password() -> None:
    assert source_name("postgresql://me:hush@db.example:5432/archive?sslmode=x") == (
        "pyobs:db.example:5432/archive"
    )
    assert source_name("/data/db.sqlite3") == "pyobs:/data/db.sqlite3"


@pytest.mark.asyncio
async def test_nothing_can_be_written_to_the_other_database(
    tmp_path: Path, database_url: str
) -> None:
    old = PyobsArchive(tmp_path)
    urls = (
        old.write_sqlite(tmp_path / "db.sqlite3"),
        await old.write_postgresql(database_url, "pyobs_old"),
    )
    for url in urls:
        async with opened_tables(url) as tables:
            with pytest.raises(ArchiveError):
                await tables.rows("DELETE FROM api_frame")
