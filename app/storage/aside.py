"""Damaged bytes are never destroyed: they are moved out of the way, for a person to look at."""

import uuid
from pathlib import Path
from typing import Final

from app.storage.errors import translated
from app.storage.names import sync_folder

DAMAGED: Final = ".damaged"
"""Hidden folder of the store; what lies in it is no stored file."""


def set_aside(root: Path, key: str) -> str:
    """Move whatever lies at a key to where the store does not look. Blocks.

    Parameters
    ----------
    root
        Folder of the store.
    key
        A safe one.

    Returns
    -------
    str
        Where it is now, relative to the root.

    Raises
    ------
    MissingFileError
        If nothing is there.
    StorageUnavailableError
        If the disk refuses.
    """  # translated raises them
    source = root / key
    target = root / DAMAGED / f"{key}.{uuid.uuid4().hex[:8]}"
    with translated(key):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        for folder in (target.parent, source.parent):
            sync_folder(folder)
    return target.relative_to(root).as_posix()
