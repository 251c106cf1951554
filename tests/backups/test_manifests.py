"""Nothing in a manifest is believed before it was looked at."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backups.lost_files import doubtful_names, frames_of, named_files
from app.backups.manifest import check_extra, read_lines
from app.backups.models import BrokenBackupError
from app.fits.safe_names import basename_of, cut_at_first_dot

HEADER = {
    "kind": "header",
    "format": 1,
    "revision": "0007",
    "made_at": "2026-11-21T00:00:00Z",
    "counts": {"frames": 1, "versions": 1, "thumbnails": 0, "size_bytes": 1},
}
LINE: dict[str, Any] = {
    "kind": "version", "key": "tst/a.fits", "name": "a.fits", "size_bytes": 1, "md5": "0" * 32,
    "sha256": "0" * 64, "crc32": 0, "content_type": "image/fits", "file_id": 1, "frame_id": 1,
    "basename": "a", "frame_created_at": "2026-11-21T00:00:00Z",
    "created_at": "2026-11-21T00:00:00Z", "proposal": None, "public_at": None,
    "is_internal": False, "owner": None, "extension": ".fits", "version_id": 1,
    "version_key": "k", "received_name": "a.fits", "received_size_bytes": 1,
    "received_md5": "0" * 32, "received_sha256": "0" * 64,
}  # fmt: skip
END = {"kind": "end", "lines": 1}


def manifest(folder: Path, *lines: object) -> Path:
    file = folder / "manifest.jsonl.gz"
    file.write_bytes(gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))
    return file


def test_a_good_manifest_is_read(tmp_path: Path) -> None:
    (line,) = read_lines(manifest(tmp_path, HEADER, LINE, END))
    assert line.size_bytes == 1
    assert datetime(2026, 11, 21, tzinfo=UTC) == getattr(line, "created_at", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "../../etc/passwd"},
        {"key": "/etc/passwd"},
        {"key": "tst/../../a"},
        {"key": "tst/.trash/a"},
        {"key": "tst//a"},
        {"key": "a\x00b"},
        {"key": "x" * 2000},
        {"sha256": "../" * 20},
        {"sha256": "G" * 64},
        {"size_bytes": -1},
        {"size_bytes": 2**70},
        {"frame_id": "1"},
        {"version_id": 0},
        {"kind": "surprise"},
        {"created_at": "yesterday"},
        {"kind": "extra", "path": "quarantine/../../x"},
        {"kind": "extra", "path": "/etc/passwd"},
        {"kind": "extra", "path": "archive/tst/a.fits"},
        {"kind": "extra", "path": "secret-key/x"},
    ],
)
def test_a_hostile_line_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    file = manifest(tmp_path, HEADER, LINE | wrong, END)
    with pytest.raises(BrokenBackupError, match="line 2"):
        list(read_lines(file))


@pytest.mark.parametrize(
    "lines", [(), (LINE,), (HEADER,), (HEADER, LINE), (HEADER, LINE, LINE, END), (HEADER, 7, END)]
)
def test_a_manifest_that_is_not_whole_is_refused(tmp_path: Path, lines: tuple[object, ...]) -> None:
    with pytest.raises(BrokenBackupError):
        list(read_lines(manifest(tmp_path, *lines)))


def test_damaged_bytes_are_refused(tmp_path: Path) -> None:
    file = manifest(tmp_path, HEADER, LINE, END)
    whole = file.read_bytes()
    for damaged in (whole[:-9], whole[:40] + bytes(20) + whole[60:], b"", b"no gzip"):
        file.write_bytes(damaged)
        with pytest.raises(BrokenBackupError):
            list(read_lines(file))
    newer = manifest(tmp_path, HEADER | {"format": 2}, LINE, END)
    with pytest.raises(BrokenBackupError, match="form 2"):
        list(read_lines(newer))


@given(st.text())
def test_no_path_of_an_extra_leads_elsewhere(path: str) -> None:
    for tried in (path, f"quarantine/{path}", f"archive/.trash/{path}"):
        try:
            checked = check_extra(tried)
        except ValueError:
            continue
        root = Path("/backup")
        assert (root / checked).resolve().is_relative_to(root)


def test_versions_are_told_by_their_names() -> None:
    keys = ["n/a.fits", "n/a.v2.fits", "m/a.v10.fits.fz", "n/b.v2.fits", "n/c.d.fits"]
    files = named_files(keys, basename_of)
    assert doubtful_names(files) == ["b"]
    frames = frames_of(files, {"b"}, basename_of)
    assert {name: [one.key for one in some] for name, some in frames.items()} == {
        "a": keys[:3],
        "b.v2": ["n/b.v2.fits"],
        "c.d": ["n/c.d.fits"],
    }
    known = frames_of(files, set(), basename_of)
    assert [one.number for one in known["b"]] == [2]
    (marked,) = named_files(["n/a.v3.fits.fz"], cut_at_first_dot)
    assert (marked.basename, marked.number, marked.extension) == ("a", 3, ".fits.fz")
