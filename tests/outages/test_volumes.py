"""Whether a volume takes what is written: real small disks, and refusals made up."""

import asyncio
import threading
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from app.storage import volumes as module
from app.storage.errors import StorageFullError, StorageUnavailableError
from app.storage.volumes import Volume, Volumes, VolumeState, are_ready, try_volume
from tests.support.refusing_disks import (
    FULL,
    REFUSALS,
    fill,
    refusal_name,
    refuse_writing,
    remount,
    small_disk,
)

MIB = 1 << 20


def volumes_at(folder: Path, min_free_bytes: int = 0) -> Volumes:
    return Volumes([Volume("archive", folder)], min_free_bytes=min_free_bytes)


def test_a_sound_volume_is_ok_and_nothing_stays_there(tmp_path: Path) -> None:
    report = try_volume(Volume("archive", tmp_path), 0)
    assert report.state is VolumeState.OK
    assert report.free_bytes
    assert list(tmp_path.iterdir()) == []


def test_without_nameless_files_nothing_stays_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.O_TMPFILE", raising=False)
    assert try_volume(Volume("archive", tmp_path), 0).is_ok
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_away_is_refused_without_its_path(tmp_path: Path) -> None:
    report = try_volume(Volume("archive", tmp_path / "gone"), 0)
    assert report.state is VolumeState.REFUSED
    assert report.detail == "the archive cannot be written to: No such file or directory"


@pytest.mark.parametrize("number", REFUSALS, ids=refusal_name)
def test_refusals_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with monkeypatch.context() as patch:
        refuse_writing(patch, tmp_path, number)
        report = try_volume(Volume("archive", tmp_path), 0)
    assert report.state is (VolumeState.FULL if number in FULL else VolumeState.REFUSED)
    assert str(tmp_path) not in report.detail
    assert not are_ready([report])


def test_a_real_disk_fills_up(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2 * MIB) as disk:
        volume = Volume("archive", disk)
        assert try_volume(volume, 0).is_ok
        assert try_volume(volume, 3 * MIB).state is VolumeState.LOW
        ballast = fill(disk)
        assert try_volume(volume, 0).state is VolumeState.FULL
        ballast.unlink()
        assert try_volume(volume, 0).is_ok


def test_a_real_disk_turns_read_only(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2 * MIB) as disk:
        remount(disk, "ro")
        report = try_volume(Volume("archive", disk), 0)
        assert report.state is VolumeState.REFUSED
        assert report.detail.endswith("Read-only file system")
        remount(disk, "rw")
        assert try_volume(Volume("archive", disk), 0).is_ok


@pytest.mark.asyncio
async def test_room_is_required_beyond_what_stays_free(tmp_path: Path) -> None:
    free_bytes = try_volume(Volume("archive", tmp_path), 0).free_bytes or 0
    volumes = volumes_at(tmp_path, free_bytes // 2)
    await volumes.require_room()
    with pytest.raises(StorageFullError, match="bytes left"):
        await volumes.require_room(free_bytes)


@pytest.mark.asyncio
async def test_a_change_is_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = volumes_at(tmp_path)
    with capture_logs() as logs:
        monkeypatch.setattr(module, "_log", structlog.get_logger("x"))
        refusing = refuse_writing(monkeypatch, tmp_path, REFUSALS[2])
        for _ in range(5):
            await volumes.reports(max_age_s=0)
        refusing.is_on = False
        for _ in range(5):
            await volumes.reports(max_age_s=0)
    assert [entry["event"] for entry in logs] == ["volume in trouble", "volume is back"]


@pytest.mark.asyncio
async def test_a_disk_between_low_and_full_is_one_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_bytes = try_volume(Volume("archive", tmp_path), 0).free_bytes or 0
    volumes = volumes_at(tmp_path, 2 * free_bytes)
    with capture_logs() as logs:
        monkeypatch.setattr(module, "_log", structlog.get_logger("x"))
        states = [(await volumes.reports(max_age_s=0))[0].state]
        refusing = refuse_writing(monkeypatch, tmp_path, REFUSALS[0])
        monkeypatch.setattr(module, "_BAD_FOR_S", 0)
        states.append((await volumes.reports(max_age_s=0))[0].state)
        refusing.is_on = False
        states.append((await volumes.reports(max_age_s=0))[0].state)
    assert states == ["low", "full", "low"]
    assert [entry["event"] for entry in logs] == ["volume in trouble"]


@pytest.mark.asyncio
async def test_volumes_are_tried_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Volume] = []
    real = module.try_volume

    def counted(volume: Volume, min_free_bytes: int) -> module.VolumeReport:
        tried.append(volume)
        return real(volume, min_free_bytes)

    monkeypatch.setattr(module, "try_volume", counted)
    volumes = volumes_at(tmp_path)
    await asyncio.gather(*(volumes.reports() for _ in range(100)))
    assert len(tried) == 1


@pytest.mark.asyncio
async def test_a_disk_that_hangs_holds_one_thread_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    begun: list[int] = []

    def hang(volume: Volume, _: int) -> module.VolumeReport:
        begun.append(1)
        goes_on.wait(60)
        return module.VolumeReport(volume, VolumeState.OK, "")

    monkeypatch.setattr(module, "try_volume", hang)
    monkeypatch.setattr(module, "_ANSWERS_WITHIN_S", 0.05)
    volumes = volumes_at(tmp_path)
    for _ in range(10):
        (report,) = await volumes.reports(max_age_s=0)
        assert report.state is VolumeState.SILENT
    with pytest.raises(StorageUnavailableError, match="does not answer"):
        await volumes.require_room()
    assert len(begun) == 1
    goes_on.set()
    async with asyncio.timeout(30):
        while not (await volumes.reports(max_age_s=0))[0].is_ok:  # noqa: ASYNC110  # asks the disk
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_disk_that_was_mounted_anew_is_back_though_a_thread_still_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, begun = threading.Event(), []

    def hang_once(volume: Volume, _: int) -> module.VolumeReport:
        begun.append(1)
        if len(begun) == 1:
            hangs.wait(60)
        return module.VolumeReport(volume, VolumeState.OK, "")

    monkeypatch.setattr(module, "try_volume", hang_once)
    monkeypatch.setattr(module, "_ANSWERS_WITHIN_S", 0.05)
    monkeypatch.setattr(module, "_HOPELESS_S", 0.2)
    volumes = volumes_at(tmp_path)
    assert not (await volumes.reports(max_age_s=0))[0].is_ok
    async with asyncio.timeout(30):
        while not (await volumes.reports(max_age_s=0))[0].is_ok:  # noqa: ASYNC110  # asks the disk
            await asyncio.sleep(0.01)
    assert len(begun) == 2
    hangs.set()
