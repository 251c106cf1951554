"""The server's account and its way through folders that are closed to it."""

import errno
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import UnavailableError
from app.db.embedded import account as subject
from app.db.embedded.account import Account, find_account, let_in

NOBODY = Account("nobody", 65534, 65534)
OTHER = Account("other", 65533, 65533)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run programs as others")


def can_enter(account: Account, folder: Path, how: str = "-x") -> bool:
    command = ["/usr/bin/test", how, str(folder)]
    done = subprocess.run(  # noqa: S603  # constants
        command, user=account.uid, group=account.gid, extra_groups=[], check=False, cwd="/"
    )
    return done.returncode == 0


@pytest.fixture
def room() -> Iterator[Path]:
    """Return a folder of our own: every run of pytest closes its common one to other accounts."""
    with tempfile.TemporaryDirectory(prefix="skyshelf-test-") as folder:
        yield Path(folder)


@pytest.fixture
def closed(room: Path) -> Path:
    """Return a folder in a closed folder."""
    (room / "closed").mkdir(mode=0o700)
    (room / "closed" / "data").mkdir()
    return room / "closed" / "data"


@as_root
def test_lets_one_account_pass_and_no_more(closed: Path) -> None:
    assert not can_enter(NOBODY, closed)
    let_in(NOBODY, closed)
    assert can_enter(NOBODY, closed)
    assert not can_enter(OTHER, closed)
    assert not can_enter(NOBODY, closed.parent, "-r")
    assert not can_enter(NOBODY, closed.parent, "-w")
    assert not stat.S_IMODE(closed.parent.stat().st_mode) & 0o007


@as_root
def test_lets_several_accounts_pass(closed: Path) -> None:
    let_in(NOBODY, closed)
    let_in(OTHER, closed)
    let_in(NOBODY, closed)
    assert can_enter(NOBODY, closed)
    assert can_enter(OTHER, closed)


@as_root
def test_lets_pass_again_after_a_chmod(closed: Path) -> None:
    let_in(NOBODY, closed)
    closed.parent.chmod(0o700)
    assert not can_enter(NOBODY, closed)
    let_in(NOBODY, closed)
    assert can_enter(NOBODY, closed)


@as_root
def test_group_keeps_what_it_may(closed: Path) -> None:
    member = Account("member", 65533, 0)
    closed.parent.chmod(0o750)
    let_in(member, closed)
    let_in(NOBODY, closed)
    assert stat.S_IMODE(closed.parent.stat().st_mode) == 0o750
    assert can_enter(member, closed.parent, "-r")


def test_open_folders_are_left_alone(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_may_enter", lambda account, status: True)  # noqa: ARG005  # stub
    let_in(NOBODY, room / "data")
    assert "system.posix_acl_access" not in os.listxattr(room)


@as_root
def test_says_what_to_do_without_access_lists(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(UnavailableError, match=r"chmod o\+x .*SKYSHELF_DATA_DIR"):
        let_in(NOBODY, closed)


def test_ordinary_user_needs_no_account(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert find_account(room) is None


@as_root
def test_cluster_keeps_its_owner(room: Path) -> None:
    os.chown(room, 65534, 65533)
    found = find_account(room)
    assert found is not None
    assert (found.uid, found.gid) == (65534, 65533)


def test_account_is_created_where_there_is_none(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found: list[Account | None] = [None, NOBODY]
    monkeypatch.setattr(subject, "_existing_account", lambda: found.pop(0))
    monkeypatch.setattr(subject, "_CREATE", (("no-such-program",), ("true",)))
    assert find_account(room / "none") == NOBODY


@pytest.mark.parametrize(("command", "why"), [("false", "()"), ("no-such-program", "neither")])
def test_says_what_to_do_without_an_account(
    room: Path, monkeypatch: pytest.MonkeyPatch, command: str, why: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subject, "_existing_account", lambda: None)
    monkeypatch.setattr(subject, "_CREATE", ((command,),))
    with pytest.raises(UnavailableError, match="create one, start Skyshelf as an ordinary") as got:
        find_account(room / "none")
    assert command == "false" or why in got.value.message
