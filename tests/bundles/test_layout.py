"""The planned archive is the one that Python's zipfile and unzip read."""

import io
import random
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bundles.layout import (
    FileSlice,
    Member,
    UnsafeMemberError,
    ZipLayout,
    plan_zip,
    unique_names,
)
from app.core.errors import InvalidError

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
GIB = 1024**3


def a_member(name: str, content: bytes = b"", modified: datetime = NOW) -> Member:
    return Member(name, len(content), zlib.crc32(content), modified)


def written(
    layout: ZipLayout, contents: Sequence[bytes], start: int = 0, stop: int | None = None
) -> bytes:
    return b"".join(
        contents[piece.member][piece.offset_bytes :][: piece.length_bytes]
        if isinstance(piece, FileSlice)
        else piece
        for piece in layout.segments(start, stop)
    )


NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\:"), min_size=1, max_size=20
).filter(lambda name: name.strip("."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TIMES = st.datetimes(
    min_value=datetime(1950, 1, 2),  # noqa: DTZ001  # hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    timezones=st.just(UTC),
)
FILES = st.lists(st.tuples(PATHS, st.binary(max_size=300), TIMES), max_size=8)


@given(FILES)
def test_zipfile_reads_what_was_planned(files: list[tuple[str, bytes, datetime]]) -> None:
    names = unique_names([name for name, _, _ in files])
    contents = [content for _, content, _ in files]
    layout = plan_zip([a_member(n, c, t) for n, (_, c, t) in zip(names, files, strict=True)])
    data = written(layout, contents)
    assert len(data) == layout.size_bytes
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == names
        assert [archive.read(name) for name in names] == contents
        for info, (_, content, modified) in zip(archive.infolist(), files, strict=True):
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.file_size == len(content)
            assert info.date_time[0] == min(max(modified.year, 1980), 2107)


@given(FILES, st.lists(st.floats(0, 1), max_size=6))
def test_ranges_joined_are_the_whole(
    files: list[tuple[str, bytes, datetime]], cuts: list[float]
) -> None:
    names = unique_names([name for name, _, _ in files])
    contents = [content for _, content, _ in files]
    layout = plan_zip([a_member(n, c) for n, c in zip(names, contents, strict=True)])
    whole = written(layout, contents)
    ends = [0, *sorted(int(cut * layout.size_bytes) for cut in cuts), layout.size_bytes]
    parts = [written(layout, contents, start, stop) for start, stop in pairwise(ends)]
    assert [len(part) for part in parts] == [b - a for a, b in pairwise(ends)]
    assert b"".join(parts) == whole


def test_every_range_of_a_small_archive() -> None:
    contents = [b"abc", b"", b"defgh"]
    layout = plan_zip([a_member(f"d/{n}.fits", c) for n, c in enumerate(contents)])
    whole = written(layout, contents)
    for start in range(layout.size_bytes + 1):
        for stop in range(start, layout.size_bytes + 1):
            assert written(layout, contents, start, stop) == whole[start:stop]
            assert all(
                piece.length_bytes > 0 if isinstance(piece, FileSlice) else piece
                for piece in layout.segments(start, stop)
            )


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 2), (0, 10**6), (10**6, None)])
def test_a_range_outside_is_refused(start: int, stop: int | None) -> None:
    with pytest.raises(InvalidError, match="not within the archive"):
        plan_zip([a_member("a")]).segments(start, stop)


def test_the_same_members_give_the_same_bytes() -> None:
    members = [a_member("a.fits", b"1"), a_member("b.fits", b"2")]
    contents = [b"1", b"2"]
    assert written(plan_zip(members), contents) == written(plan_zip(members), contents)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_agrees(tmp_path: Path) -> None:
    contents = [b"x" * 2880, "Größe".encode(), b""]
    names = ["night/a.fits.fz", "night/M 31 Größe ☉.fits", "empty.fits"]
    layout = plan_zip([a_member(n, c) for n, c in zip(names, contents, strict=True)])
    (tmp_path / "a.zip").write_bytes(written(layout, contents))
    unzip = [shutil.which("unzip") or "", "-qq", "-o"]
    environment = {"LC_ALL": "C.UTF-8", "TZ": "Pacific/Auckland"}
    subprocess.run([*unzip, "-t", "a.zip"], cwd=tmp_path, check=True, env=environment)  # noqa: S603  # fixed arguments
    subprocess.run([*unzip, "a.zip"], cwd=tmp_path, check=True, env=environment)  # noqa: S603  # fixed arguments
    assert [(tmp_path / name).read_bytes() for name in names] == contents
    assert (tmp_path / names[0]).stat().st_mtime == NOW.timestamp()


class Sparse:
    """A planned archive whose files are zeros, read without writing it."""

    def __init__(self, layout: ZipLayout) -> None:
        self.layout = layout
        self.at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.layout.size_bytes)[whence]
        return self.at

    def read(self, size: int = -1) -> bytes:
        stop = self.layout.size_bytes if size < 0 else min(self.at + size, self.layout.size_bytes)
        pieces = self.layout.segments(min(self.at, stop), stop)
        data = b"".join(bytes(p.length_bytes) if isinstance(p, FileSlice) else p for p in pieces)
        self.at += len(data)
        return data


def zeros(name: str, size_bytes: int) -> Member:
    crc32 = zlib.crc32(bytes(size_bytes)) if size_bytes < 2**20 else 0x12345678
    return Member(name, size_bytes, crc32, NOW)


@pytest.mark.parametrize("size_bytes", [2**32 - 2, 2**32 - 1, 2**32, 5 * GIB, 3 * 2**40])
def test_members_and_archives_above_4_gib(size_bytes: int) -> None:
    layout = plan_zip([zeros("s.fits", 10), zeros("big.fits", size_bytes), zeros("t.fits", 2880)])
    with zipfile.ZipFile(Sparse(layout)) as archive:
        infos = archive.infolist()
        assert [info.file_size for info in infos] == [10, size_bytes, 2880]
        assert [info.compress_size for info in infos] == [10, size_bytes, 2880]
        assert infos[2].header_offset > size_bytes
        assert archive.read("t.fits") == bytes(2880)
        with archive.open("big.fits") as big:
            assert big.read(4096) == bytes(4096)
        assert infos[1].extract_version == (45 if size_bytes >= 2**32 - 1 else 20)
    local = b"".join(
        piece
        for piece in layout.segments(0, infos[1].header_offset + 100)
        if isinstance(piece, bytes)
    )
    at = local.rindex(b"PK\x03\x04")
    stored = struct.unpack_from("<L", local, at + 18)[0]
    assert stored == min(size_bytes, 0xFFFFFFFF)


@pytest.mark.parametrize("count", [65_534, 65_535, 65_536, 70_000])
def test_more_members_than_16_bits_count(count: int) -> None:
    layout = plan_zip([zeros(f"{number}.fits", 0) for number in range(count)])
    with zipfile.ZipFile(Sparse(layout)) as archive:
        assert len(archive.namelist()) == count
        assert archive.read(f"{count - 1}.fits") == b""
    end = b"".join(map(bytes_of, layout.segments(layout.size_bytes - 98)))
    assert (b"PK\x06\x06" in end) == (count >= 65_535)
    assert struct.unpack_from("<2H", end, 98 - 22 + 8) == (min(count, 65_535),) * 2


def bytes_of(piece: bytes | FileSlice) -> bytes:
    assert isinstance(piece, bytes)
    return piece


def test_no_members() -> None:
    layout = plan_zip([])
    assert layout.size_bytes == 22
    with zipfile.ZipFile(io.BytesIO(written(layout, []))) as archive:
        assert archive.namelist() == []


@pytest.mark.parametrize(
    "name",
    ["", "/a", "../a", "a/../b", "a//b", "a/", "./a", "a\\b", "c:/a", "a\0", "a\n", "x" * 1001],
)
def test_names_that_would_escape_are_refused(name: str) -> None:
    with pytest.raises(UnsafeMemberError):
        plan_zip([a_member(name)])


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(UnsafeMemberError, match=r"'a' occurs 2 times"):
        plan_zip([a_member("b"), a_member("a"), a_member("a")])


@pytest.mark.parametrize(("size_bytes", "crc32"), [(-1, 0), (0, -1), (0, 2**32)])
def test_facts_that_cannot_be_are_refused(size_bytes: int, crc32: int) -> None:
    with pytest.raises(UnsafeMemberError):
        plan_zip([Member("a", size_bytes, crc32, NOW)])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.fits", "b.fits"], ["a.fits", "b.fits"]),
        (["a.fits.fz", "a.fits.fz", "a.fits.fz"], ["a.fits.fz", "a_2.fits.fz", "a_3.fits.fz"]),
        (["a.fits", "a.fits", "a_2.fits"], ["a.fits", "a_3.fits", "a_2.fits"]),
        (["A.fits", "a.fits"], ["A.fits", "a_2.fits"]),
        (["x/a.fits", "y/a.fits", "x/a.fits"], ["x/a.fits", "y/a.fits", "x/a_2.fits"]),
        (["\u00e4", "a\u0308"], ["\u00e4", "a\u0308_2"]),
    ],
)
def test_unique_names(names: list[str], expected: list[str]) -> None:
    assert unique_names(names) == expected


@given(st.lists(st.sampled_from(["a", "A", "a_2", "a_3", "b.fits", "b_2.fits", "B.FITS"])))
def test_unique_names_are_unique(names: list[str]) -> None:
    unique = unique_names(names)
    assert len(unique) == len(names)
    assert len({name.casefold() for name in unique}) == len(names)
    first = {name.casefold(): at for at, name in reversed(list(enumerate(names)))}
    assert all(unique[at] == names[at] for at in first.values())


def test_many_equal_names_take_no_quadratic_time() -> None:
    names = ["a.fits"] * 50_000
    random.Random(1).shuffle(names)  # noqa: S311  # no secret
    assert len(set(unique_names(names))) == len(names)
