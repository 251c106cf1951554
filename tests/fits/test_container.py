import bz2
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from typing_extensions import override

from app.core.errors import UnavailableError
from app.fits import container
from app.fits.container import ByteSource, container_of, opened
from app.fits.errors import NotFitsError, UnreadableError
from app.fits.models import Container
from tests.support.raw_cards import header_only, write

FITS = header_only("OBJECT  = 'M31'")


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.fits", data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (FITS, Container.PLAIN),
        (b"simple  =                    T", Container.PLAIN),
        (gzip.compress(FITS, mtime=0), Container.GZIP),
        (bz2.compress(FITS), Container.BZIP2),
    ],
)
def test_told_by_content(data: bytes, expected: Container) -> None:
    assert container_of(data[:512]) is expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\n<!DOCTYPE html><html>", "HTML page, not a FITS file"),
        (b"<html><body>404", "HTML page"),
        (b"\x1f\x9d\x90abc", "compressed by LZW"),
        (zipped(FITS), "zip archive, which is not supported; unpack it first"),
        (b"\xfd7zXZ\x00\x00", "compressed by xz"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\0" * 257 + b"ustar" + b"\0" * 100, "tar archive"),
        (b"hello world, no FITS here", "begins with b'hello world, no '"),
        (b"SIMPLE", "not a FITS file"),
    ],
)
def test_says_what_it_is_instead(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(NotFitsError) as error, opened(write(tmp_path / "a.fits", data)):
        pass
    assert words in error.value.message


@pytest.mark.parametrize("wrap", [gzip.compress, bz2.compress])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(FITS, mtime=0), "begins with"),
        (zipped(FITS), "zip archive"),
        (b"", "empty"),
        (b"x", "(inside "),
    ],
)
def test_looks_inside_the_wrapping(tmp_path: Path, wrap: object, data: bytes, words: str) -> None:
    assert callable(wrap)
    path = write(tmp_path / "a.fits.gz", wrap(data))
    with pytest.raises(NotFitsError) as error, opened(path):
        pass
    assert words in error.value.message


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, bz2.compress])
def test_reads_skips_and_puts_back(tmp_path: Path, wrap: object) -> None:
    assert callable(wrap)
    with opened(write(tmp_path / "a", wrap(FITS))) as (_, source):
        start = source.read(80)
        source.unread(start)
        assert source.skip(80) == 80
        assert source.read(80) == FITS[80:160]
        assert source.skip(10**30) == len(FITS) - 160
        assert source.read(1) == b""


@pytest.mark.parametrize("damage", ["cut", "checksum", "trailing"])
def test_damaged_gzip_is_not_trusted(tmp_path: Path, damage: str) -> None:
    data = gzip.compress(FITS + bytes(range(256)) * 500)
    if damage == "cut":
        data = data[:-30]
    elif damage == "checksum":
        data = data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]
    else:
        data += b"garbage"
    path = write(tmp_path / "a.fits.gz", data)
    with opened(path) as (_, source), pytest.raises(UnreadableError, match="cannot be trusted"):
        source.drain()


def test_damaged_bzip2_is_not_trusted(tmp_path: Path) -> None:
    data = bz2.compress(FITS * 100)[:-20]
    with (
        pytest.raises(UnreadableError, match="cannot be trusted"),
        opened(write(tmp_path / "a", data)) as (_, source),
    ):
        source.drain()


def test_unpacked_size_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(container, "MAX_UNPACKED_BYTES", 3 << 20)
    path = write(tmp_path / "bomb.fits.gz", gzip.compress(FITS + bytes(8 << 20), mtime=0))
    with opened(path) as (_, source), pytest.raises(UnreadableError, match="unpack it first"):
        source.skip(10**18)


def test_plain_data_are_jumped_over() -> None:
    class Counting(io.BytesIO):
        read_bytes = 0

        @override
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.read_bytes += len(data)
            return data

    file = Counting(bytes(10_000_000))
    assert ByteSource(file, 10_000_000).skip(9_000_000) == 9_000_000
    assert file.read_bytes == 0


def test_missing_file_may_be_there_later(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="could not be opened"), opened(tmp_path / "no"):
        pass
