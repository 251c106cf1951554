"""The disk of a backup is full or read-only: that disk is named, and what can be done is done."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.backups.checking import check_backup
from app.backups.folder import BackupFolder
from app.backups.ledger import Entry, opened_ledger
from app.backups.models import BrokenBackupError, Trouble
from app.context import Factory
from app.storage.errors import StorageFullError, StorageUnavailableError
from tests.support.backing_up import Silence
from tests.support.fits_files import make_fits
from tests.support.ingesting import filed
from tests.support.refusing_disks import outside_of_pytest, remount, small_disk

KIB = 1 << 10


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Give a folder in which disks may be mounted."""
    with outside_of_pytest() as folder:
        yield folder


@pytest.mark.asyncio
async def test_a_full_disk_is_named_and_the_next_call_goes_on(
    house: Factory, tmp_path: Path
) -> None:
    await filed(house, make_fits(house.settings.inbox / "a.fits", shape=(300, 300)))
    with small_disk(tmp_path / "disk", 128 * KIB) as disk:
        with pytest.raises(StorageFullError, match="nothing more can be written to") as caught:
            await house.backups.make(disk / "backup", watcher=Silence())
        assert str(disk / "backup") in caught.value.message
        assert "No space left" in caught.value.told_to_operator()
        remount(disk, "size=64m")
        report = await house.backups.make(disk / "backup", watcher=Silence())
        assert (report.copied, report.flaws) == (2, [])


@pytest.mark.asyncio
async def test_a_backup_that_is_mounted_read_only_is_checked(
    house: Factory, tmp_path: Path
) -> None:
    await filed(house, make_fits(house.settings.inbox / "a.fits"))
    with small_disk(tmp_path / "disk", 64 * KIB * KIB) as disk:
        root = disk / "backup"
        await house.backups.make(root, watcher=Silence())
        (root / "archive/tst/2026-11-18/a.fits").write_bytes(b"rotten")
        before = (root / "ledger.sqlite").read_bytes()
        remount(disk, "ro")
        report = await check_backup(root, watcher=Silence())
        assert [flaw.trouble for flaw in report.flaws] == [Trouble.ALTERED]
        assert (root / "ledger.sqlite").read_bytes() == before
        remount(disk, "rw")


def test_a_ledger_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"

    def keep() -> None:
        with opened_ledger(file) as ledger:
            with sqlite3.connect(file) as other:
                other.execute("DROP TABLE files")
            ledger.keep([Entry("archive/a", 1, "0")])

    with pytest.raises(StorageUnavailableError, match="nothing more can be written to") as caught:
        keep()
    assert str(file) in caught.value.message


def test_a_damaged_marker_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "backup.json").write_text("{")
    with pytest.raises(BrokenBackupError) as caught:
        BackupFolder(tmp_path).marker()
    assert caught.value.told_to_operator().endswith("make this one again")
