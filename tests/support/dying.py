"""What children do that die, for tests of their parents."""

import os
from pathlib import Path


def die_while_packing(_: Path, target: Path) -> None:
    """Leave half of a file behind, as a crash in C does."""
    folder = target.parent / ".pack-half"
    folder.mkdir()
    (folder / "packed.fits").write_bytes(b"half")
    os._exit(1)
