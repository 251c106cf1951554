"""Checksums are those of the standard library, and failures are told as our own."""

import errno
import hashlib
import os
import pickle
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import ArchiveError, NotFoundError, UnavailableError
from app.storage.digests import (
    BLOCK_BYTES,
    Digester,
    DigestingWriter,
    Digests,
    copy_with_digests,
    digest_file,
)
from app.storage.errors import (
    MissingFileError,
    NotAFileError,
    OccupiedError,
    StorageUnavailableError,
)


def expected(data: bytes) -> Digests:
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Digests(len(data), md5, hashlib.sha256(data).hexdigest(), zlib.crc32(data))


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_blocks_give_the_digests_of_the_whole(blocks: list[bytes]) -> None:
    digester = Digester()
    for block in blocks:
        digester.update(block)
    assert digester.digests() == expected(b"".join(blocks))


@pytest.mark.parametrize("size_bytes", [0, 1, 2880, BLOCK_BYTES, 2 * BLOCK_BYTES + 17])
def test_file_and_copy_have_the_same_digests(tmp_path: Path, size_bytes: int) -> None:
    data = os.urandom(size_bytes)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    assert digest_file(source) == expected(data)
    assert copy_with_digests(source, target) == expected(data)
    assert target.read_bytes() == data


def test_writer_writes_and_digests(tmp_path: Path) -> None:
    target = tmp_path / "upload"
    with DigestingWriter(target) as writer:
        writer.update(b"SIMPLE")
        writer.update(memoryview(b"  = T"))
        found = writer.finish()
    assert found == expected(b"SIMPLE  = T")
    assert target.read_bytes() == b"SIMPLE  = T"


def test_writer_leaves_nothing_unless_finished(tmp_path: Path) -> None:
    target = tmp_path / "upload"
    with DigestingWriter(target) as writer:
        writer.update(b"half")
    assert not target.exists()


def test_writer_never_overwrites(tmp_path: Path) -> None:
    target = tmp_path / "upload"
    target.write_bytes(b"old")
    with pytest.raises(OccupiedError):
        DigestingWriter(target)
    assert target.read_bytes() == b"old"


def test_missing_source(tmp_path: Path) -> None:
    gone, target = tmp_path / "gone.fits", tmp_path / "target"
    with pytest.raises(MissingFileError, match=r"gone\.fits") as caught:
        digest_file(gone)
    assert isinstance(caught.value, NotFoundError)
    assert str(tmp_path) not in caught.value.message
    with pytest.raises(MissingFileError):
        copy_with_digests(gone, target)
    assert not target.exists()


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(NotAFileError, match=name):
            digest_file(tmp_path / name)
    with pytest.raises(NotAFileError):
        digest_file(tmp_path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_refusal_of_the_disk_is_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"data")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageUnavailableError, match=os.strerror(code)) as caught:
        copy_with_digests(source, target)
    assert isinstance(caught.value, UnavailableError)
    assert str(tmp_path) not in caught.value.message
    assert not target.exists()


@pytest.mark.parametrize(
    "error",
    [MissingFileError("gone", name="a"), OccupiedError("taken", key="a"), NotAFileError("pipe")],
)
def test_errors_cross_process_boundaries(error: ArchiveError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert (str(again), vars(again)) == (str(error), vars(error))
