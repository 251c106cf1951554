"""Let go of everything that was made of archived files, where some of those were not sound."""

from pathlib import Path

from app.storage.errors import translated


def forget_all(folder: Path) -> None:
    """Remove what a cache holds; it is made anew when it is asked for. Blocks.

    Parameters
    ----------
    folder
        Of the cache, see `app.previews.cache.FileCache`.

    Raises
    ------
    StorageUnavailableError
        If the disk refuses.
    """  # translated raises it
    with translated("the cache of previews"):
        for file in folder.glob("??/*"):
            if file.is_file() and not file.name.startswith("."):
                file.unlink(missing_ok=True)
