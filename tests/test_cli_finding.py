"""Which files a bulk import finds."""

import os
from pathlib import Path

import pytest

from app.cli.finding import find_files
from app.core.errors import InvalidError


def a_tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_folders_are_searched_and_unfinished_files_ignored(tmp_path: Path) -> None:
    root = a_tree(
        tmp_path / "in", "b.fits", "a.fits", "n/c.fits", ".hidden", ".git/x", "d.fits.part", "n/e~"
    )
    found = find_files([root], [])
    assert [str(file.relative_to(root)) for file in found.files] == ["a.fits", "b.fits", "n/c.fits"]
    assert not found.passed_over


def test_links_and_pipes_are_passed_over_and_said(tmp_path: Path) -> None:
    root = a_tree(tmp_path / "in", "a.fits")
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to(root / "a.fits")
    (root / "loop").symlink_to(root)
    found = find_files([root, root / "pipe"], [])
    assert list(found.files) == [root / "a.fits"]
    assert {path.name: why for path, why in found.passed_over.items()} == {
        "pipe": "it is a pipe",
        "link": "it is a symbolic link",
        "loop": "it is a symbolic link",
    }


def test_given_paths_may_be_links_and_overlap(tmp_path: Path) -> None:
    root = a_tree(tmp_path / "in", "n/a.fits")
    (tmp_path / "link").symlink_to(root)
    found = find_files([root / "n" / "a.fits", tmp_path / "link", root / "n"], [])
    assert list(found.files) == [root / "n" / "a.fits"]


def test_given_file_with_an_unfinished_name_is_said(tmp_path: Path) -> None:
    root = a_tree(tmp_path / "in", "a.part")
    assert list(find_files([root / "a.part"], []).passed_over) == [root / "a.part"]


def test_archive_itself_is_never_imported(tmp_path: Path) -> None:
    root = a_tree(tmp_path / "in", "a.fits", "var/archive/b.fits")
    found = find_files([root, root / "var" / "archive" / "b.fits"], [root / "var"])
    assert list(found.files) == [root / "a.fits"]
    assert set(found.passed_over) == {root / "var", root / "var" / "archive" / "b.fits"}


def test_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="missing"):
        find_files([tmp_path / "missing"], [])


def test_unreadable_folder_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = a_tree(tmp_path / "in", "a.fits")

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("app.cli.finding.list_folder", refuse)
    assert find_files([root], []).unreadable == {root: "Permission denied"}
