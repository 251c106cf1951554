"""``skyshelf verify`` at a terminal: what it prints, writes, and how it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions
from tests.support.archive import an_archive, settings_in
from tests.support.commands import House
from tests.support.frames import a_frame
from tests.support.running_archive import environment_of
from tests.support.verifying import flip_a_bit, put, stored_rows

pytestmark = pytest.mark.asyncio


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> House:
    return House(tmp_path, database_url)


@pytest.fixture
def shelf(
    house: House, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    """Give the archive of the command, within this process."""
    settings = settings_in(house.folder, data_dir=house.folder / "var")
    return an_archive(settings, committed_sessions, engine, offload)


async def test_it_lists_mends_and_reports(house: House, shelf: Factory) -> None:
    frames = [await a_frame(shelf.sessions, store=shelf.store) for _ in range(3)]
    lines, _ = await asyncio.to_thread(house.run, "verify")
    assert lines == ["Read 3 files (0.0 MB): 0 findings, 0 not mended."]
    row = (await stored_rows(shelf))[1]
    flip_a_bit(shelf.store.path(row.key))
    put(shelf.settings.spool_dir / "copy-0a", b"left by a crash")
    words = ("verify", "--report", "report.json", "--older-than", "0", "--rate", "0")
    lines, _ = await asyncio.to_thread(lambda: house.run(*words, code=1))
    assert lines[0].split() == ["finding", "name", "frame", "what", "mended"]
    assert lines[-1] == "Read 3 files (0.0 MB): 2 findings, 2 not mended."
    report = json.loads((house.folder / "report.json").read_text())
    assert report["finished"]
    assert (report["files_read"], report["mends"]) == (3, False)
    damaged, left = report["findings"]
    assert (damaged["kind"], damaged["name"], damaged["frame_id"]) == (
        "altered",
        row.key,
        frames[1].id,
    )
    assert (left["kind"], left["name"], left["mended"]) == ("private copy", "copy-0a", None)
    put(house.folder / "second" / row.key, frames[1].content)
    house.settings["second_store_dir"] = house.folder / "second"
    lines, _ = await asyncio.to_thread(house.run, "verify", "--repair", "--older-than", "0")
    assert lines[-1] == "Read 3 files (0.0 MB): 2 findings, 0 not mended."
    assert "a good copy was taken from the second store" in "\n".join(lines)


async def test_a_report_is_refused_before_anything_is_read(house: House, shelf: Factory) -> None:
    await a_frame(shelf.sessions, store=shelf.store)
    for report, why in (("none/a.json", "there is no folder"), (".", "that is a folder")):
        words = ("verify", "--report", report)
        lines, refused = await asyncio.to_thread(lambda: house.run(*words, code=2))  # noqa: B023  # awaited
        assert lines == []
        assert why in refused
    assert not await has_read_some(shelf)


async def test_ctrl_c_and_kill_keep_the_place(house: House, shelf: Factory) -> None:
    for _ in range(4):
        await a_frame(shelf.sessions, store=shelf.store, content=os.urandom(200_000))
    for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        # A file takes 2 s at this rate, and each step one file.
        run = await asyncio.to_thread(started, house, "verify", "--rate", "0.1")
        while True:
            await asyncio.sleep(0.2)
            if await has_read_some(shelf):
                break
        run.send_signal(number)
        assert await asyncio.to_thread(run.wait, 60) == code
    half = await shelf.verification.last()
    assert half.finished_at is None
    assert half.files_read >= 1
    lines, _ = await asyncio.to_thread(house.run, "verify", "--rate", "0")
    whole = await shelf.verification.last()
    assert (whole.id, whole.files_read) == (half.id, 4)
    assert lines[-1].startswith("Read 4 files")


def started(house: House, *words: str) -> "subprocess.Popen[bytes]":
    environment = environment_of(data_dir=house.folder / "var", database_url=house.database_url)
    command = [sys.executable, "-m", "app.cli", *words]
    return subprocess.Popen(command, cwd=house.folder, env=environment)  # noqa: S603  # constants


async def has_read_some(shelf: Factory) -> bool:
    try:
        return (await shelf.verification.last()).files_read > 0
    except Exception:  # noqa: BLE001  # no run yet
        return False
