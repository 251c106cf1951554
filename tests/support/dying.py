"""What children do that die, for tests of their parents."""

import os
import signal
from pathlib import Path


def die_while_packing(_: Path, target: Path) -> None:
    """Leave half of a file behind, as a crash in C does."""
    folder = target.parent / ".pack-half"
    folder.mkdir()
    (folder / "packed.fits").write_bytes(b"half")
    os._exit(1)


def be_killed(passed: Path, times: int) -> int:
    """Be killed as often as told, as the kernel does for want of memory; then say how often."""
    passed.mkdir(exist_ok=True)
    before = len(list(passed.iterdir()))
    if before < times:
        (passed / str(before)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return before
