"""Disks that refuse: real ones where this machine may mount, and made-up refusals everywhere."""

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

REFUSALS = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO]
FULL = {errno.ENOSPC, errno.EDQUOT}


def refusal_name(number: int) -> str:
    return errno.errorcode[number]


class Refusing:
    """Lets the system refuse to write below a folder, for as long as it is told so.

    What a process asks the system for in Python goes through few functions; these are replaced.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.number = number
        self.is_on = True
        self.refused = 0

    def refuse(self, path: object) -> None:
        """Raise if a path lies below the folder."""
        if not self.is_on or not isinstance(path, str | bytes | os.PathLike):
            return
        if Path(os.fsdecode(path)).absolute().is_relative_to(self.folder):
            self.refused += 1
            raise OSError(self.number, os.strerror(self.number))


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def refuse_writing(patch: pytest.MonkeyPatch, folder: Path, number: int) -> Refusing:
    """Let this process fail to write below a folder, with an error of the system."""
    refusing = Refusing(folder.absolute(), number)
    real_open, real_path_open = os.open, Path.open

    def opened(path: object, flags: int, *rest: object, **named: object) -> int:
        if flags & _WRITING:
            refusing.refuse(path)
        return real_open(path, flags, *rest, **named)  # type: ignore[arg-type]

    def path_opened(path: Path, mode: str = "r", *rest: object, **named: object) -> object:
        if set(mode) & set("wxa+"):
            refusing.refuse(path)
        return real_path_open(path, mode, *rest, **named)  # type: ignore[call-overload]

    patch.setattr(os, "open", opened)
    patch.setattr(Path, "open", path_opened)
    for name, places in {"link": (1,), "mkdir": (0,), "rename": (1,), "replace": (1,)}.items():
        patch.setattr(os, name, _guarded(getattr(os, name), refusing, places))
    for name in ("unlink", "remove"):
        if number not in FULL:  # a full disk lets go of files
            patch.setattr(os, name, _guarded(getattr(os, name), refusing, (0,)))
    return refusing


def _guarded(
    real: Callable[..., object], refusing: Refusing, places: tuple[int, ...]
) -> Callable[..., object]:
    def guarded(*given: object, **named: object) -> object:
        for place in places:
            refusing.refuse(given[place])
        return real(*given, **named)

    return guarded


@contextmanager
def outside_of_pytest() -> Iterator[Path]:
    """Make a folder that pytest does not clear.

    A run that is interrupted leaves disks mounted in it; among pytest's own folders these would
    let every later run fail.
    """
    folder = Path(tempfile.mkdtemp(prefix="skyshelf-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a small disk at a folder; skip the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    why = _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0755", "tmpfs", str(folder))
    if why is not None:
        pytest.skip(f"mounting is not allowed here: {why}")
    try:
        yield folder
    finally:
        assert _run("umount", "--lazy", str(folder)) is None


def remount(folder: Path, options: str) -> None:
    assert _run("mount", "-o", f"remount,{options}", str(folder)) is None


def _run(*command: str) -> str | None:
    """Run a command of the system; tell why it failed, None where it did not."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=30)  # noqa: S603  # ours
    except OSError as error:
        return str(error)
    return done.stderr.decode().strip() or "it failed" if done.returncode else None


def fill(folder: Path, leave_bytes: int = 0) -> Path:
    """Fill a disk up."""
    ballast = folder / ".ballast"
    free_bytes = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with ballast.open("wb") as file, suppress(OSError):
        left_bytes = free_bytes - leave_bytes
        while left_bytes > 0:
            left_bytes -= os.write(file.fileno(), bytes(min(1 << 20, left_bytes)))
    return ballast
