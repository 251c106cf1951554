"""`skyshelf delete`, `skyshelf trash` and `skyshelf audit`, as an operator types them."""

import asyncio
from pathlib import Path

import pytest

from tests.support.commands import House
from tests.support.fits_files import make_fits
from tests.support.second_archive import a_database


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> House:
    return House(tmp_path, asyncio.run(a_database(database_url, "trashing")))


def test_a_frame_goes_and_comes_back(house: House) -> None:
    for name in ("a", "b"):
        make_fits(house.folder / "in" / f"{name}.fits", OBJECT=name)
    house.run("ingest", str(house.folder / "in"))
    stored = house.folder / "var/archive/tst/2026-11-18/a.fits"
    content = stored.read_bytes()
    said, _ = house.run("delete", "a", "b", "--yes", "--reason", "clouds \x1b[31m")
    assert said[-1].endswith("Within 30 days, `skyshelf trash restore 1 2` brings them back.")
    assert not stored.exists()
    listed, _ = house.run("trash", "list")
    assert listed[0].split() == [
        "number", "frame", "bytes", "state", "deleted", "by", "until", "why",
    ]  # fmt: skip
    assert [line.split()[:2] for line in listed[1:]] == [["2", "b"], ["1", "a"]]
    assert "clouds \\x1b[31m" in listed[1]
    said, refused = house.run("trash", "restore", "1", "9", code=2)
    assert said[0].startswith("a is back, as frame ")
    assert refused == "skyshelf: there is no removed frame 9\n"
    _, refused = house.run("trash", "restore", str(2**63), code=2)
    assert "less than or equal to" in refused
    assert stored.read_bytes() == content
    assert house.run("trash", "empty", "--yes")[0] == ["Removed 1 frame for ever."]
    listed, _ = house.run("trash", "list", "--all")
    assert [line.split()[3] for line in listed[1:]] == ["purged", "restored"]
    audit, _ = house.run("audit", "--subject", "frame b", "--last", "5")
    assert [("purge" in line, "(terminal)" in line) for line in audit[1:]] == [
        (True, True), (False, True),
    ]  # fmt: skip
    assert not list((house.folder / "var/archive/.trash").iterdir())


def test_emptying_asks_first(house: House) -> None:
    said, _ = house.run("trash", "empty", code=1)
    assert said[0].startswith("Remove everything in the trash for ever?")
