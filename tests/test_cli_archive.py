"""The ``skyshelf`` command on a real archive with an embedded PostgreSQL."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli.session import reached
from app.db.embedded import EmbeddedPostgres
from app.settings import load_settings
from app.supervisor.checks import alone
from tests.support.commands import skyshelf
from tests.support.fits_files import make_fits


@dataclass
class House:
    """One installation in a folder."""

    folder: Path
    first_words: str = ""

    @property
    def postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.folder / "var" / "postgres")

    def run(self, *words: str, code: int = 0, stdin: str = "") -> tuple[str, str]:
        """Run a command; return what it said on standard output and standard error."""
        settings = {"data_dir": self.folder / "var"}
        return skyshelf(*words, folder=self.folder, settings=settings, code=code, stdin=stdin)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Give one archive to all tests here, outside of pytest's folder: that is closed to others."""
    with tempfile.TemporaryDirectory(prefix="skyshelf-test-") as folder:
        house = House(Path(folder))
        try:
            house.first_words, _ = house.run("migrate")
            yield house
        finally:
            asyncio.run(house.postgres.stop())


def test_migrate_tells_the_password_once(house: House) -> None:
    password = (house.folder / "var" / "admin-password").read_text(encoding="utf-8").strip()
    assert password in house.first_words
    said, _ = house.run("migrate")
    assert said.startswith("The database is at revision ")
    assert password not in said
    assert not house.postgres.is_running()


@pytest.fixture
def running_server(house: House) -> Iterator[EmbeddedPostgres]:
    """Run the server as somebody else would, so that commands use it and leave it running."""
    server = house.postgres
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


def test_users_tokens_and_proposals(house: House, running_server: EmbeddedPostgres) -> None:
    house.run("user", "add", "anna", "--email", "a@b.c", "--password-stdin", stdin="geheim\n")
    _, refused = house.run("user", "add", "Anna", "--password-stdin", code=2, stdin="x\n")
    assert len(refused.splitlines()) == 1
    assert refused.startswith("skyshelf: ")
    house.run("proposal", "member-add", "2026B-017", "anna")
    listed, _ = house.run("proposal", "list")
    assert listed.splitlines()[1].split() == ["2026B-017", "anna"]
    house.run("proposal", "tag", "2026B-017", "public")
    listed, _ = house.run("proposal", "list")
    assert listed.splitlines()[1].split() == ["2026B-017", "anna", "public"]
    _, refused = house.run("proposal", "tag", "2026B-017", "secret", code=2)
    assert "private, internal, public" in refused
    first, _ = house.run("token", "show", "anna")
    house.run("token", "revoke", "anna")
    second, _ = house.run("token", "show", "anna")
    assert len(first.strip()) == 40
    assert first != second
    house.run("user", "disable", "anna")
    users, _ = house.run("user", "list")
    assert users.splitlines()[2].split()[:5] == ["anna", "a@b.c", "no", "no", "no"]
    assert running_server.is_running()


def test_sample_fills_the_inbox(house: House) -> None:
    said, _ = house.run("sample", "3")
    assert len(list((house.folder / "var" / "inbox").glob("*.fits"))) == 3
    assert str(house.folder / "var" / "inbox") in said


def test_ingest_files_says_and_resumes(house: House) -> None:
    folder = house.folder / "nights"
    make_fits(folder / "a.fits", OBJECT="M1")
    make_fits(folder / "n" / "b.fits", OBJECT="M2")
    shutil.copy(folder / "a.fits", folder / "n" / "c.fits")
    (folder / "broken.fits").write_text("no header at all", encoding="ascii")
    os.mkfifo(folder / "pipe")
    report = house.folder / "report.json"
    said, _ = house.run("ingest", str(folder), "--json", str(report), code=1)
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["found"] == 4
    assert (told["filed"], told["duplicate"]) == (2, 1)
    assert told["quarantined"] == 1
    assert [reason["count"] for reason in told["reasons"]] == [1]
    assert told["reasons"][0]["example"] == str(folder / "broken.fits")
    assert f"{told['reasons'][0]['reason']}  " in said
    assert "passed over" in said
    assert "it is a pipe" in said
    assert (folder / "broken.fits").exists()
    again, _ = house.run("ingest", str(folder))
    assert "Nothing to do" in again
    counts, _ = house.run("status")
    assert {"frames": told["filed"]}.items() <= counts_of(counts).items()
    assert not house.postgres.is_running()


def counts_of(table: str) -> dict[str, int]:
    rows = [line.rsplit(maxsplit=1) for line in table.splitlines()[1:]]
    return {name: int(count) for name, count in rows}


def test_name_explains_and_files_nothing(house: House) -> None:
    good = make_fits(house.folder / "x.fits", SITEID="krp", DAY_OBS="2026-11-18")
    bare = make_fits(house.folder / "bare.fits", DATE_OBS=None, DAY_OBS=None)
    broken = house.folder / "no.fits"
    broken.write_text("no")
    said, _ = house.run("name", str(good), str(bare), str(broken), code=1)
    assert "goes to krp/2026-11-18/x.fits" in said
    assert "internal: neither proposal nor public date" in said
    assert "header card SITEID" in said
    assert "goes to tst/undated/bare.fits" in said
    assert "cannot be filed: this is not a FITS file" in said


def test_delete_asks_first(house: House, running_server: EmbeddedPostgres) -> None:
    file = make_fits(house.folder / "unwanted.fits", OBJECT="unwanted")
    house.run("ingest", str(file))
    stored = house.folder / "var/archive/tst/2026-11-18/unwanted.fits"
    assert stored.is_file()
    said, _ = house.run("delete", "unwanted", code=1, stdin="n\n")
    assert "Nothing was deleted." in said
    _, refused = house.run("delete", "unwanted", "nobody", "--yes", code=2)
    assert "nobody" in refused
    assert stored.is_file()
    said, _ = house.run("delete", "unwanted", stdin="y\n")
    assert "Deleted 1 frame. Within 30 days, `skyshelf trash restore " in said
    assert not stored.exists()
    assert running_server.is_running()


@pytest.mark.asyncio
async def test_last_command_stops_the_server(house: House) -> None:
    settings = load_settings(data_dir=house.folder / "var")
    async with AsyncExitStack() as second:
        async with reached(settings):
            await second.enter_async_context(reached(settings))
        assert house.postgres.is_running()
    assert not house.postgres.is_running()


@pytest.mark.asyncio
async def test_server_that_the_supervisor_took_over_is_left_running(house: House) -> None:
    settings = load_settings(data_dir=house.folder / "var")
    try:
        with alone(settings):
            async with reached(settings):
                pass
            assert house.postgres.is_running()
    finally:
        await house.postgres.stop()
