"""No key leaves the archive."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.storage.errors import InvalidKeyError
from app.storage.local import LocalStore
from app.storage.protocol import check_key

_HOSTILE_PARTS = st.sampled_from(
    ["..", ".", "", "a", "b.fits", "~", "\\", "..\\x", "\0", "\n", "C:", "x" * 256, "\ud800"]
)
_HOSTILE_KEYS = st.lists(_HOSTILE_PARTS, max_size=6).map("/".join)


@pytest.mark.parametrize(
    "key", ["a", "tlv/2026-11-20/name.fits", "a b/ü/c..d.fits.fz", "x" * 255, "a/" * 400 + "a"]
)
def test_good_keys(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "a//b",
        "a/",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        ".staged-1",
        "a/.hidden/b",
        "a\0b",
        "a\nb",
        "a\x7f",
        "a\x85",
        "a\udcff",
        "x" * 256,
        "ü" * 128,
        "a/" * 600 + "a",
    ],
)
def test_bad_keys(key: str) -> None:
    with pytest.raises(InvalidKeyError):
        check_key(key)


@given(st.text() | _HOSTILE_KEYS)
@example("a/../../../etc/passwd")
def test_an_accepted_key_stays_inside(key: str) -> None:
    try:
        check_key(key)
    except InvalidKeyError as error:
        error.message.encode()  # printable wherever it goes
        return
    path = PurePosixPath("/root") / key
    assert path.is_relative_to("/root")
    assert path.as_posix() == f"/root/{key}"
    assert ".." not in path.parts


def test_links_out_of_the_archive_are_refused(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store = LocalStore(root)
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    (root / "loop").symlink_to("loop")
    for key in ("folder/secret", "folder/new/deep", "file", "loop/a"):
        with pytest.raises(InvalidKeyError):
            store.path(key)


def test_links_inside_the_archive_are_fine(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "root")
    (tmp_path / "root/real").mkdir()
    (tmp_path / "root/real/a").write_bytes(b"a")
    (tmp_path / "root/alias").symlink_to("real")
    assert store.path("alias/a").read_bytes() == b"a"
