"""A backup is whole or none; it copies what is new, and no damage."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.backups.checking import check_backup
from app.backups.folder import BackupFolder
from app.backups.models import (
    BrokenBackupError,
    NoBackupError,
    Trouble,
    WrongFolderError,
)
from app.backups.restoring import Restorer, check_not_half
from app.context import Factory
from app.core.errors import ConflictError, InvalidError, UnavailableError
from app.core.identity import SYSTEM
from app.db import dumps
from app.db.dumps import DumpError, ProgramMissingError, find_program, libpq_environment
from app.frames.models import Frame, FrameQuery
from tests.support.archive import settings_in
from tests.support.backing_up import Silence, an_empty_database
from tests.support.fits_files import make_fits
from tests.support.ingesting import filed
from tests.support.running_archive import ROOT


@pytest.mark.asyncio
async def test_the_second_backup_copies_what_is_new_alone(house: Factory, tmp_path: Path) -> None:
    root, inbox = tmp_path / "backup", house.settings.inbox
    await filed(house, make_fits(inbox / "a.fits", OBJECT="a"))
    first = await house.backups.make(root, watcher=Silence())
    assert (first.copied, first.kept, first.flaws) == (2, 0, [])  # the frame and the key
    kept = root / "archive/tst/2026-11-18/a.fits"
    inode = kept.stat().st_ino
    await filed(house, make_fits(inbox / "b.fits", OBJECT="b"))
    second = await house.backups.make(root, watcher=Silence())
    assert (second.copied, second.kept) == (1, 2)
    assert kept.stat().st_ino == inode
    (root / "ledger.sqlite").write_bytes(b"damaged")
    third = await house.backups.make(root, watcher=Silence())
    assert kept.stat().st_ino == inode
    assert third.flaws == []
    kept.unlink()
    assert (await check_backup(root, watcher=Silence())).flaws[0].trouble is Trouble.MISSING
    await house.backups.make(root, watcher=Silence())
    assert (await check_backup(root, watcher=Silence())).flaws == []


@pytest.mark.asyncio
async def test_what_is_gone_stays_until_it_is_pruned(house: Factory, tmp_path: Path) -> None:
    root = tmp_path / "backup"
    frame = await filed(house, make_fits(house.settings.inbox / "a.fits", OBJECT="a"))
    await house.backups.make(root, watcher=Silence())
    await house.removal.remove(frame.id, SYSTEM)
    await house.backups.make(root, watcher=Silence())
    kept = root / "archive/tst/2026-11-18/a.fits"
    assert kept.is_file()
    pruned = await house.backups.make(root, watcher=Silence(), prune=True)
    assert pruned.removed == 1
    assert not kept.exists()
    assert list((root / "archive/.trash").rglob("a.fits"))
    assert (await check_backup(root, watcher=Silence())).flaws == []


@pytest.mark.asyncio
async def test_a_linked_backup_shares_bytes(house: Factory, tmp_path: Path) -> None:
    root = tmp_path / "backup"
    await filed(house, make_fits(house.settings.inbox / "a.fits", OBJECT="a"))
    await house.backups.make(root, watcher=Silence(), link=True)
    key = "tst/2026-11-18/a.fits"
    assert (root / "archive" / key).samefile(house.store.path(key))
    await house.backups.make(root, watcher=Silence(), link=True)


@pytest.mark.asyncio
async def test_a_damaged_source_spoils_no_backup(house: Factory, tmp_path: Path) -> None:
    root, key = tmp_path / "backup", "tst/2026-11-18/a.fits"
    await filed(house, make_fits(house.settings.inbox / "a.fits", OBJECT="a"))
    await house.backups.make(root, watcher=Silence())
    good = (root / "archive" / key).read_bytes()
    source = house.store.path(key)
    source.write_bytes(bytes(len(good)))
    (root / "ledger.sqlite").unlink()
    report = await house.backups.make(root, watcher=Silence())
    assert (root / "archive" / key).read_bytes() == good
    assert report.flaws == []  # the backup itself is good
    fresh = await house.backups.make(tmp_path / "other", watcher=Silence())
    assert [(flaw.path, flaw.trouble) for flaw in fresh.flaws] == [
        (f"archive/{key}", Trouble.ALTERED)
    ]
    assert not (tmp_path / "other" / "archive" / key).exists()
    source.unlink()
    gone = await house.backups.make(tmp_path / "other", watcher=Silence())
    assert [flaw.trouble for flaw in gone.flaws] == [Trouble.MISSING]


@pytest.mark.asyncio
async def test_a_backup_that_was_killed_is_not_taken_for_one(
    house: Factory, tmp_path: Path
) -> None:
    root = tmp_path / "backup"
    for number in range(3):
        await filed(house, make_fits(house.settings.inbox / f"{number}.fits", OBJECT=str(number)))
    killed = await asyncio.to_thread(_killed_backup, house, root)
    assert killed == -9
    assert list((root / "archive").rglob("*.fits"))
    with pytest.raises(NoBackupError, match="no finished backup"):
        await Restorer(settings_in(tmp_path / "new", secret_key=None), root).begin()
    report = await house.backups.make(root, watcher=Silence())
    assert report.flaws == []
    assert (await check_backup(root, watcher=Silence())).flaws == []
    assert (report.copied, report.kept) == (0, 4)


def _killed_backup(house: Factory, root: Path) -> int:
    """Run the command, and kill it as its last step begins."""
    program = (
        "import os, signal\n"
        "from app.backups.folder import BackupFolder\n"
        "BackupFolder.finish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from app.cli import main\n"
        "main()\n"
    )
    environment = os.environ | {
        "SKYSHELF_DATA_DIR": str(house.settings.data_dir),
        "SKYSHELF_DATABASE_URL": house.settings.require_database_url(),
        "PYTHONPATH": str(ROOT),
    }
    words = [sys.executable, "-c", program, "backup", str(root)]
    return subprocess.run(words, env=environment, check=False, cwd=root.parent).returncode  # noqa: S603  # constants


@pytest.mark.asyncio
async def test_the_backup_before_stays_until_the_new_one_is_whole(
    house: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "backup"
    await house.backups.make(root, watcher=Silence())
    before = BackupFolder(root).marker()

    async def failing(*_: object, **__: object) -> int:
        raise DumpError("pg_dump failed: it said nothing")

    with monkeypatch.context() as patch:
        patch.setattr("app.backups.service.dump", failing)
        with pytest.raises(DumpError):
            await house.backups.make(root, watcher=Silence())
    assert BackupFolder(root).marker() == before
    BackupFolder(root).check_parts(before)
    dump_file = BackupFolder(root).dump_file(before.state)
    dump_file.write_bytes(dump_file.read_bytes()[:-1])
    with pytest.raises(BrokenBackupError, match="was altered"):
        await Restorer(settings_in(tmp_path / "new", secret_key=None), root).begin()


@pytest.mark.asyncio
async def test_a_backup_beside_ingest_packing_and_removal_is_consistent(
    house: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, inbox = tmp_path / "backup", house.settings.inbox
    first = await filed(house, make_fits(inbox / "a.fits", shape=(300, 300)))
    gone = await filed(house, make_fits(inbox / "b.fits", OBJECT="gone"))
    assert first.current is not None
    assert first.current.stored is not None
    original, version_id, dumped = first.current.stored.key, first.current.id, dumps.dump
    calls: list[int] = []

    async def meanwhile(*words: object, **names: object) -> int:
        result = await dumped(*words, **names)  # type: ignore[arg-type]  # handed on
        calls.append(1)
        if len(calls) == 1:  # after the snapshot, before its files are brought
            await filed(house, make_fits(inbox / "c.fits", OBJECT="new"))
            await house.packing.pack(version_id)
            await house.packing.remove(original)
            await house.removal.remove(gone.id, SYSTEM)
            shutil.rmtree(root / "archive")
        return result

    monkeypatch.setattr("app.backups.service.dump", meanwhile)
    report = await house.backups.make(root, watcher=Silence())
    assert report.flaws == []
    assert len(calls) == 2
    assert (await check_backup(root, watcher=Silence())).flaws == []
    names = {path.name for path in (root / "archive").rglob("*") if path.is_file()}
    assert names == {"a.fits.fz", "b.fits", "c.fits"}
    assert [one.basename for one in await _frames(house)] == ["a", "c"]


async def _frames(house: Factory) -> Sequence[Frame]:
    page = await house.frames.search(FrameQuery(), SYSTEM)
    return sorted(page.items, key=lambda frame: frame.basename)


@pytest.mark.asyncio
async def test_a_restore_goes_on_and_tells_what_is_damaged(
    house: Factory, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "backup"
    for name in ("a", "b", "c"):
        await filed(house, make_fits(house.settings.inbox / f"{name}.fits", OBJECT=name))
    await house.backups.make(root, watcher=Silence())
    (root / "archive/tst/2026-11-18/a.fits").unlink()
    damaged = root / "archive/tst/2026-11-18/b.fits"
    damaged.write_bytes(bytes(damaged.stat().st_size))
    url = await an_empty_database(database_url, "brought_back")
    settings = settings_in(tmp_path / "new", secret_key=None, database_url=url)
    restorer = Restorer(settings, root)
    marker = await restorer.begin()
    with monkeypatch.context() as patch:
        patch.setattr(Restorer, "_bring_some", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            await restorer.bring_back(marker, url, watcher=Silence())
    with pytest.raises(ConflictError, match="was not finished"):
        check_not_half(settings)
    report = await restorer.bring_back(await restorer.begin(), url, watcher=Silence())
    check_not_half(settings)
    troubles = {flaw.path.rpartition("/")[2]: flaw.trouble for flaw in report.flaws}
    assert troubles == {"a.fits": Trouble.MISSING, "b.fits": Trouble.ALTERED}
    assert (settings.archive_dir / "tst/2026-11-18/c.fits").is_file()
    assert not (settings.archive_dir / "tst/2026-11-18/b.fits").exists()


@pytest.mark.asyncio
async def test_folders_of_others_are_left_alone(house: Factory, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").touch()
    with pytest.raises(WrongFolderError, match="no backup"):
        await house.backups.make(tmp_path / "home", watcher=Silence())
    with pytest.raises(WrongFolderError, match="is no folder"):
        await house.backups.make(tmp_path / "home" / "letter.txt", watcher=Silence())
    with pytest.raises(WrongFolderError, match="mount the disk of the backup"):
        await house.backups.make(tmp_path / "unmounted" / "backup", watcher=Silence())
    for inside in (house.settings.data_dir / "backup", house.settings.data_dir.parent):
        with pytest.raises(WrongFolderError, match="within the archive"):
            await house.backups.make(inside, watcher=Silence())
    root = tmp_path / "backup"
    with BackupFolder(root).held(), pytest.raises(UnavailableError, match="another command"):
        await house.backups.make(root, watcher=Silence())
    with pytest.raises(NoBackupError):
        await check_backup(root, watcher=Silence())


@pytest.mark.asyncio
async def test_another_secret_key_is_refused(house: Factory, tmp_path: Path) -> None:
    root = tmp_path / "backup"
    house.settings.secret()
    await house.backups.make(root, watcher=Silence())
    with pytest.raises(InvalidError, match="SKYSHELF_SECRET_KEY is not the key"):
        await Restorer(settings_in(tmp_path / "new", secret_key="x" * 40), root).begin()
    assert not (tmp_path / "new").exists()
    await house.backups.make(root, watcher=Silence(), secrets=False)
    assert not (root / "secret-key").exists()
    await Restorer(settings_in(tmp_path / "new", secret_key="x" * 40), root).begin()


def test_a_program_that_is_too_old_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for major in (15, 17):
        program = tmp_path / str(major)
        program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major}.2'\n")
        program.chmod(0o755)
    monkeypatch.setattr(dumps, "_candidates", lambda _: [tmp_path / "15", tmp_path / "17"])
    assert find_program("pg_dump", 15) == (tmp_path / "15", 15)
    assert find_program("pg_dump", 16) == (tmp_path / "17", 17)
    with pytest.raises(ProgramMissingError, match=r"PostgreSQL 18 or newer.*found: 15, 17"):
        find_program("pg_dump", 18)


def test_passwords_are_in_the_environment() -> None:
    url = "postgresql+asyncpg://ada:s%40fe@db.example.org:5433/sky?ssl=require"
    told = libpq_environment(url)
    wanted = {
        "PGPASSWORD": "s@fe",
        "PGHOST": "db.example.org",
        "PGPORT": "5433",
        "PGUSER": "ada",
        "PGDATABASE": "sky",
    }
    assert wanted.items() <= told.items()
    assert told["PGSSLMODE"] == "require"
