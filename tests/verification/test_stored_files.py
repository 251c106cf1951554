"""What is stored is read again: whatever is wrong with a file is found and told."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from app.context import Factory
from app.db.engine import transaction
from app.db.tables import FileRow, FrameVersionRow, StoredThumbnailRow
from app.storage.errors import StorageUnavailableError
from app.verification import stored as stored_module
from app.verification.models import Damage, FindingKind
from app.verification.reading import Pace, Seen, read_again
from tests.support.archive import NOW
from tests.support.frames import a_frame
from tests.support.verifying import (
    AT_ONCE,
    flip_a_bit,
    found_by,
    put,
    stored_rows,
    the_file,
    verified,
)

pytestmark = pytest.mark.asyncio


async def test_sound_files_are_noted_as_such(archive: Factory) -> None:
    await a_frame(archive.sessions, store=archive.store)
    run, findings = await verified(archive)
    row = await the_file(archive)
    assert (findings, run.files_read, run.bytes_read) == ((), 1, row.size_bytes)
    assert (row.verified_at, row.damage, row.damaged_at) == (NOW, None, None)
    assert run.finished_at == NOW


def replace_by_a_link(path: Path) -> None:
    path.rename(path.with_name(".elsewhere"))
    path.symlink_to(path.with_name(".elsewhere"))


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (Path.unlink, FindingKind.MISSING),
        (flip_a_bit, FindingKind.ALTERED),
        (lambda path: flip_a_bit(path, 0), FindingKind.ALTERED),
        (lambda path: os.truncate(path, path.stat().st_size - 1), FindingKind.ALTERED),
        (lambda path: os.truncate(path, 0), FindingKind.ALTERED),
        (lambda path: path.write_bytes(path.read_bytes() + b"\0"), FindingKind.ALTERED),
        (replace_by_a_link, FindingKind.ALTERED),
    ],
    ids=["gone", "last bit", "first bit", "cut off", "empty", "longer", "link"],
)
async def test_damage_is_found_noted_and_forgotten_when_the_file_is_back(
    archive: Factory, spoil: Callable[[Path], None], kind: FindingKind
) -> None:
    made = await a_frame(archive.sessions, store=archive.store)
    row = await the_file(archive)
    path = archive.store.path(row.key)
    spoil(path)
    (finding,) = await found_by(archive)
    assert (finding.kind, finding.name, finding.frame_id) == (kind, row.key, made.id)
    assert finding.mended is None
    row = await the_file(archive)
    assert (row.damage, row.damaged_at, row.verified_at) == (kind.value, NOW, None)
    path.unlink(missing_ok=True)
    put(path, made.content)
    assert await found_by(archive) == ()
    row = await the_file(archive)
    assert (row.damage, row.damaged_at, row.verified_at) == (None, None, NOW)


async def test_thumbnails_are_read_as_well(archive: Factory) -> None:
    made = await a_frame(archive.sessions, store=archive.store)
    row = await the_file(archive)
    path = put(archive.settings.archive_dir / "t" / "a.jpg", b"a picture")
    async with transaction(archive.sessions) as session:
        copied = {"name": "a.jpg", "size_bytes": 9, "md5": "0", "sha256": "0" * 64, "crc32": 0}
        session.add(FileRow(id=row.id + 1000, key="t/a.jpg", content_type="image/jpeg", **copied))
        await session.flush()
        session.add(
            StoredThumbnailRow(
                frame_id=made.id, file_id=row.id + 1000, size="small", basename="a",
                extension=".jpg", key="a", md5="0",
            )
        )  # fmt: skip
    (finding,) = await found_by(archive)
    assert (finding.kind, finding.name) == (FindingKind.ALTERED, "t/a.jpg")
    assert finding.frame_id == made.id
    assert path.exists()


async def test_a_disk_that_is_not_mounted_is_no_loss(archive: Factory) -> None:
    for _ in range(11):
        await a_frame(archive.sessions)
    with pytest.raises(StorageUnavailableError, match="of 11 files, old and new, 0 are"):
        await found_by(archive)
    await a_frame(archive.sessions, store=archive.store)  # came in while the disk was away
    with pytest.raises(StorageUnavailableError, match="of 12 files, old and new, 1 are"):
        await found_by(archive)
    assert {row.damage for row in await stored_rows(archive)} == {None}
    for _ in range(2):
        await a_frame(archive.sessions, store=archive.store)
    assert len(await found_by(archive)) == 11


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
async def test_a_file_that_the_disk_cannot_read(
    archive: Factory, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    await a_frame(archive.sessions, store=archive.store)

    async def refuse(_: Path, name: str, __: Pace) -> Seen:
        raise StorageUnavailableError(name) from OSError(code, os.strerror(code))

    monkeypatch.setattr(stored_module, "read_again", refuse)
    if code == errno.EACCES:
        with pytest.raises(StorageUnavailableError):
            await found_by(archive)
        return
    (finding,) = await found_by(archive)
    assert finding.kind is FindingKind.UNREADABLE
    assert (await the_file(archive)).damage == "unreadable"


@pytest.mark.parametrize("change", ["removed", "packed"])
async def test_a_file_that_changes_hands_while_it_is_read_is_no_finding(
    archive: Factory, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    await a_frame(archive.sessions, store=archive.store)
    row = await the_file(archive)
    old = archive.store.path(row.key)

    async def slowly(path: Path, name: str, pace: Pace) -> Seen:
        if name == row.key:
            old.unlink(missing_ok=True)
            async with transaction(archive.sessions) as session:
                if change == "removed":
                    await session.execute(delete(FileRow).where(FileRow.id == row.id))
                else:
                    put(archive.settings.archive_dir / "packed.fits.fz", b"other bytes")
                    seen = await read_again(archive.store.path("packed.fits.fz"), name, pace)
                    await session.execute(
                        update(FileRow)
                        .where(FileRow.id == row.id)
                        .values(key="packed.fits.fz", sha256=seen.sha256, size_bytes=11)
                    )
        return await read_again(path, name, pace)

    monkeypatch.setattr(stored_module, "read_again", slowly)
    if change == "removed":
        async with transaction(archive.sessions) as session:
            await session.execute(update(FileRow).values(damage=None))
            await session.execute(update(FrameVersionRow).values(file_id=None))
    assert not {each.kind.value for each in await found_by(archive)} & set(Damage)
    assert all(each.damage is None for each in await stored_rows(archive))


class FakeTime:
    """A clock that only a sleeper moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def test_reading_keeps_its_pace(tmp_path: Path) -> None:
    path = put(tmp_path / "a", b"x" * 10_000_000)
    clock = FakeTime()
    pace = Pace(1_000_000, now=clock.now, sleep=clock.sleep)
    seen = await read_again(path, "a", pace)
    assert seen.size_bytes == 10_000_000
    assert clock.now_s == pytest.approx(110)
    clock.now_s += 1000  # time that was not used is not saved up
    await pace.spend(5_000_000)
    assert clock.now_s == pytest.approx(1115)


async def test_no_limit_never_waits() -> None:
    clock = FakeTime()
    await Pace(0, now=clock.now, sleep=clock.sleep).spend(10**12)
    assert clock.now_s == 100


async def test_a_run_that_stops_goes_on_at_its_place(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await a_frame(archive.sessions, store=archive.store)
    monkeypatch.setattr(stored_module, "_BATCH", 1)
    first = await archive.verification.run(AT_ONCE, longest_s=0)
    assert (first.finished_at, first.files_read) == (None, 0)
    read: list[str] = []

    async def noting(path: Path, name: str, pace: Pace) -> Seen:
        if len(read) == 3:
            raise StorageUnavailableError("as if the process died here")
        read.append(name)
        return await read_again(path, name, pace)

    monkeypatch.setattr(stored_module, "read_again", noting)
    with pytest.raises(StorageUnavailableError):
        await archive.verification.run(AT_ONCE)
    half = await archive.verification.last()
    assert (half.id, half.files_read, half.finished_at) == (first.id, 3, None)
    monkeypatch.setattr(stored_module, "read_again", read_again)
    whole, findings = await verified(archive)
    assert (whole.id, whole.files_read, findings) == (first.id, 5, ())
    fresh, _ = await verified(archive)
    assert fresh.id != first.id


async def test_a_fresh_run_begins_anew(archive: Factory) -> None:
    first = await archive.verification.run(AT_ONCE, longest_s=0)
    other = await archive.verification.run(replace(AT_ONCE, is_fresh=True), longest_s=0)
    assert other.id != first.id
    mending = await archive.verification.run(replace(AT_ONCE, mends=True), longest_s=0)
    assert mending.id != other.id, "one that mends is another kind of run"
