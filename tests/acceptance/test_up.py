"""`skyshelf up`, as a newcomer meets it: the real command, its processes, files and HTTP."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.fits_files import make_fits
from tests.support.running_archive import ROOT, free_port, is_ready, log_in, running, until

pytestmark = pytest.mark.timeout(280)

SAMPLES = 9


def is_alive(process: psutil.Process) -> bool:
    """Tell the living from the dead whom nobody has buried yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def count(client: httpx.Client, **query: str) -> int:
    return int(client.get("/frames/", params=query).json()["count"])


def came_back_with(client: httpx.Client, **query: str) -> bool:
    """Ask an archive whose processes were killed; the last of them may die while they answer."""
    try:
        return is_ready(client) and count(client, **query) == 1
    except httpx.TransportError:
        return False


def test_from_an_empty_folder_to_a_zip_and_again(  # noqa: PLR0915  # one story, told in order
    tmp_path: Path,
) -> None:
    folder, log, port = tmp_path / "data", tmp_path / "log", free_port()
    with (
        running(folder, port, log, sample_frames=SAMPLES) as up,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        until(lambda: up.poll() is not None or is_ready(client))
        assert up.poll() is None, log.read_text()
        log_in(client, folder)
        until(lambda: count(client) == SAMPLES)
        anonymous = httpx.get(f"http://127.0.0.1:{port}/frames/").json()["count"]
        assert 0 < anonymous < SAMPLES

        make_fits(folder / "inbox" / "mine.fits", shape=(256, 256), OBJECT="My Target", wcs=True)
        until(lambda: count(client, OBJECT="my target") == 1)
        (frame,) = client.get("/frames/", params={"OBJECT": "my target"}).json()["results"]
        picture = client.get(f"/frames/{frame['id']}/preview/")
        assert picture.headers["content-type"] == "image/png"
        by_link = httpx.get(frame["url"])
        assert by_link.content.startswith(b"SIMPLE  =")
        bundle = client.post("/frames/zip/", data={"frame_ids": [str(frame["id"])]})
        (member,) = zipfile.ZipFile(io.BytesIO(bundle.content)).namelist()
        assert f"/{frame['basename']}.fits" in member  # packed by now, or not yet

        children = psutil.Process(up.pid).children(recursive=True)
        before = time.monotonic()
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=30) == 0
        assert time.monotonic() - before < 10
        assert [child for child in children if is_alive(child)] == []
        assert not (folder / "postgres" / "cluster" / "postmaster.pid").exists()

    text = log.read_text()
    assert f"http://127.0.0.1:{port}" in text
    assert "/docs" in text
    assert str(folder / "inbox") in text
    assert oct((folder / "admin-password").stat().st_mode)[-3:] == "600"

    with (
        running(folder, port, log, sample_frames=SAMPLES) as up,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        until(lambda: up.poll() is not None or is_ready(client))
        log_in(client, folder)
        assert count(client) == SAMPLES + 1
        killed = [
            child
            for child in psutil.Process(up.pid).children()
            if child.cmdline()[-1] in {"serve", "worker"}
        ]
        assert len(killed) == 2
        for child in killed:
            child.kill()
        make_fits(folder / "inbox" / "later.fits", OBJECT="Later", EXPTIME=7.5)
        until(lambda: came_back_with(client, OBJECT="later"))


def test_a_wrong_setting_stops_the_start_with_one_line(tmp_path: Path) -> None:
    environment = os.environ | {
        "SKYSHELF_DATA_DIR": str(tmp_path),
        "SKYSHELF_PATH_FORMATTER": "{SITEID}/{DAY-OBS|dat}/",
    }
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "up"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "column 19" in line
    assert "dat" in line
    assert not (tmp_path / "postgres").exists()
