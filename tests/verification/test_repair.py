"""A good copy of the second store takes the place of damaged bytes, which are never destroyed."""

import errno
import os
from pathlib import Path

import pytest

from app.context import Factory
from app.storage.errors import StorageUnavailableError
from app.storage.local import LocalStore
from app.verification.models import FindingKind
from tests.support.frames import a_frame
from tests.support.verifying import (
    MENDING,
    audit_lines,
    flip_a_bit,
    found_by,
    put,
    the_file,
)

pytestmark = pytest.mark.asyncio


async def a_damaged_file(archive: Factory, content: bytes | None = None) -> tuple[Path, bytes, str]:
    """Store a file, put a copy into the second store, and let a bit rot."""
    made = await a_frame(archive.sessions, store=archive.store)
    row = await the_file(archive)
    assert archive.settings.second_store_dir is not None
    put(archive.settings.second_store_dir / row.key, made.content if content is None else content)
    path = archive.store.path(row.key)
    flip_a_bit(path)
    return path, made.content, row.key


@pytest.mark.parametrize("is_gone", [False, True], ids=["altered", "missing"])
async def test_a_good_copy_takes_the_place(archive: Factory, *, is_gone: bool) -> None:
    path, content, key = await a_damaged_file(archive)
    rotten = path.read_bytes()
    if is_gone:
        path.unlink()
        path.parent.rmdir()
    cached = put(archive.settings.previews_dir / "ab" / "abcd-made-of-rotten-bytes.png", b"x")
    (finding,) = await found_by(archive, MENDING)
    kind = FindingKind.MISSING if is_gone else FindingKind.ALTERED
    assert (finding.kind, finding.mended) == (
        kind,
        "a good copy was taken from the second store",
    )
    row = await the_file(archive)
    assert (path.read_bytes(), row.damage, row.damaged_at) == (content, None, None)
    aside = [each for each in archive.settings.archive_dir.glob(".damaged/**/*") if each.is_file()]
    assert [each.read_bytes() for each in aside] == ([] if is_gone else [rotten])
    assert not cached.exists()
    assert await audit_lines(archive) == [("repair file", f"file {key}", kind.value)]
    assert await found_by(archive, MENDING) == ()
    assert list(archive.settings.spool_dir.iterdir()) == []


@pytest.mark.parametrize("content", [b"other bytes", b""])
async def test_a_bad_copy_is_not_taken(archive: Factory, content: bytes) -> None:
    path, _, _ = await a_damaged_file(archive, content)
    rotten = path.read_bytes()
    (finding,) = await found_by(archive, MENDING)
    assert (finding.kind, finding.mended) == (FindingKind.ALTERED, None)
    assert "the copy in the second store has other bytes" in finding.detail
    assert (path.read_bytes(), (await the_file(archive)).damage) == (rotten, "altered")
    assert await audit_lines(archive) == []
    assert list(archive.settings.spool_dir.iterdir()) == []


async def test_no_copy_leaves_the_mark(archive: Factory) -> None:
    await a_frame(archive.sessions, store=archive.store)
    flip_a_bit(archive.store.path((await the_file(archive)).key))
    assert archive.settings.second_store_dir is not None
    archive.settings.second_store_dir.mkdir()
    (finding,) = await found_by(archive, MENDING)
    assert finding.mended is None
    assert "there is no file" in finding.detail
    assert str(archive.settings.data_dir) not in finding.detail
    assert (await the_file(archive)).damage == "altered"


async def test_a_second_store_that_is_not_there_is_named(archive: Factory) -> None:
    path, _, _ = await a_damaged_file(archive, b"")
    assert archive.settings.second_store_dir is not None
    archive.settings.second_store_dir.rename(path.parent / "unmounted")
    (finding, *_) = await found_by(archive, MENDING)
    assert finding.mended is None
    assert "SKYSHELF_SECOND_STORE_DIR is not there" in finding.detail


async def test_a_verification_that_does_not_mend_changes_no_file(archive: Factory) -> None:
    path, _, _ = await a_damaged_file(archive)
    rotten = path.read_bytes()
    (finding,) = await found_by(archive)
    assert (finding.mended, path.read_bytes()) == (None, rotten)


async def test_a_full_disk_leaves_the_damaged_file_and_its_mark(
    archive: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, content, _ = await a_damaged_file(archive)

    async def refuse(_: LocalStore, __: Path, key: str, *, adopt: bool = False) -> None:
        del adopt
        raise StorageUnavailableError(f"no room for {key}") from OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "stage", refuse)
        (finding,) = await found_by(archive, MENDING)
    assert finding.mended is None
    assert (path.exists(), (await the_file(archive)).damage) == (True, "altered")
    assert list(archive.settings.spool_dir.iterdir()) == []
    (finding,) = await found_by(archive, MENDING)
    assert finding.mended
    assert path.read_bytes() == content


async def test_a_crash_between_the_two_files_is_mended_by_the_next_run(live: Factory) -> None:
    """Damaged bytes are set aside first: a crash then leaves the file missing, and it is mended."""
    path, content, key = await a_damaged_file(live)
    await live.store.set_aside(key)
    assert not path.exists()
    (finding,) = await found_by(live, MENDING)
    assert finding.kind is FindingKind.MISSING
    assert path.read_bytes() == content


async def test_a_link_in_the_second_store_is_not_followed(archive: Factory, tmp_path: Path) -> None:
    path, content, key = await a_damaged_file(archive)
    assert archive.settings.second_store_dir is not None
    copy = archive.settings.second_store_dir / key
    copy.unlink()
    copy.symlink_to(put(tmp_path / "elsewhere", content))
    (finding,) = await found_by(archive, MENDING)
    assert finding.mended is None
    assert os.access(path, os.R_OK)
